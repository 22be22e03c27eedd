"""What goes wrong between a command and the three servers, and at which call: a proxy before each of them."""

from __future__ import annotations

import json
import os
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

from tests.e2e.clock import Shifted
from tests.e2e.world import Servers
from tests.support.proxies import Ask, Proxies
from tests.support.proxy import Answer, Dropped, Reset

HANGS = 1.2  # seconds of real time: longer than anybody waits in `run.quicken`


@dataclass(frozen=True)
class Fault:
    """`call` matches calls such as "vault PATCH /v1/secret/metadata/apps/x", "auth0 GET /api/v2/clients/x", "aws
    TagResource", as a whole. They are struck once a call like `after` was answered; the first `skip` of them are not
    meant, and `count` are, None for all."""

    call: str
    strike: Strike
    after: str = ""
    skip: int = 0
    count: int | None = None


class Armed:
    """A fault in one run."""

    def __init__(self, fault: Fault) -> None:
        self.fault = fault
        self._skip, self._count, self._on = fault.skip, fault.count, not fault.after

    def takes(self, what: str) -> bool:
        """Tell whether a call is to be struck, and count it."""
        if not self._on or self._count == 0 or not re.fullmatch(self.fault.call, what):
            return False
        if self._skip:
            self._skip -= 1
            return False
        self._count = None if self._count is None else self._count - 1
        return True

    def hear(self, what: str) -> None:
        """Hear of a call that was answered."""
        self._on = self._on or re.fullmatch(self.fault.after, what) is not None


class Between(Proxies):
    """`done` are the calls that a server has heard of since the last `arm`; `pid` is the process meant by signals."""

    def __init__(self, servers: Servers, clock: Shifted) -> None:
        super().__init__(servers)
        self.servers = servers
        self.clock = clock
        self.done: list[str] = []
        self.process = threading.Event()
        self.struck = threading.Event()
        self.struck_at = 0.0
        self.pid = 0
        self.reader = -1  # the end of a pipe at which the command's words are read
        self.token = ""  # the command's own at Vault, where it has one
        self._armed: list[Armed] = []
        self._guard = threading.Lock()

    def arm(self, *faults: Fault) -> None:
        """Forget all faults but these, and count anew."""
        with self._guard:
            self.done, self._armed = [], [Armed(fault) for fault in faults]

    def _gate(self, end: str, what: str, ask: Ask) -> Answer:
        call = f"{end} {what.removeprefix('POST ') if end == 'aws' else what.partition('?')[0]}"
        with self._guard:
            armed = next((one for one in self._armed if one.takes(call)), None)

        def noted() -> Answer:
            self.done.append(call)
            return ask()

        answer = armed.fault.strike(self, noted) if armed else noted()
        with self._guard:
            for one in self._armed:
                one.hear(call)
        return answer


Strike = Callable[[Between, Ask], Answer]
"""What happens to a call: it may ask the server, change something else, answer, or drop the connection."""


def answers(status: int, body: object = b"", *, effect: bool = False, **headers: str) -> Strike:
    """Answer this instead, with the server's own clock; `effect`: the server was asked nevertheless."""

    def strike(between: Between, ask: Ask) -> Answer:
        if effect:
            ask()
        text = body if isinstance(body, bytes) else json.dumps(body).encode()
        named = {name.replace("_", "-"): told for name, told in headers.items()}
        told = {"Content-Type": "application/json", "Date": format_datetime(datetime.now(UTC), usegmt=True), **named}
        return Answer(status, "Said", tuple(told.items()), text)

    return strike


def page(status: int = 502, *, effect: bool = False) -> Strike:
    """Answer a proxy's page in HTML."""
    return answers(status, b"<html><body><h1>Bad Gateway</h1></body></html>", effect=effect, Content_Type="text/html")


def aws_error(code: str, status: int = 400, *, effect: bool = False) -> Strike:
    """Answer an error as AWS does."""
    told = {"__type": code, "Message": "made up"}
    return answers(status, told, effect=effect, Content_Type="application/x-amz-json-1.1")


def drop(*, effect: bool = False, reset: bool = False) -> Strike:
    """Close the connection without an answer."""

    def strike(between: Between, ask: Ask) -> Answer:
        if effect:
            ask()
        raise Reset if reset else Dropped

    return strike


def hang(seconds: float = 10, *, effect: bool = False) -> Strike:
    """Answer later than anybody waits; for the command's clock that takes `seconds`."""

    def strike(between: Between, ask: Ask) -> Answer:
        if effect:
            ask()
        between.clock.advance(timedelta(seconds=seconds))
        time.sleep(HANGS)
        raise Dropped

    return strike


def cut(between: Between, ask: Ask) -> Answer:
    """Do it, answer 200, and lose the connection in the middle of the body."""
    whole = ask()
    return Answer(whole.status, whole.reason, whole.headers, whole.body, cut=True)


def truncate(between: Between, ask: Ask) -> Answer:
    """Do it, and answer 200 with a body that ends too early."""
    whole = ask()
    return Answer(whole.status, whole.reason, whole.headers, whole.body[: len(whole.body) // 2])


def first(change: Callable[[Between], Any], *, after: bool = False) -> Strike:
    """Change something else in the world and let the call go on; with `after` it has its effect first."""

    def strike(between: Between, ask: Ask) -> Answer:
        answer = ask() if after else None
        change(between)
        return answer or ask()

    return strike


def signals(*numbers: int, effect: bool = True) -> Strike:
    """Send the process signals: before its call has an effect, or when it had and before it is answered."""

    def strike(between: Between, ask: Ask) -> Answer:
        answer = ask() if effect else None
        assert between.process.wait(10)
        between.struck_at = time.monotonic()
        for number in numbers:
            os.kill(between.pid, number)
            time.sleep(0.1 if len(numbers) > 1 else 0)
        between.struck.set()
        return answer or ask()

    return strike

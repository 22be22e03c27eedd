"""When a process is struck: after the first, a middle or the last of its clients has come so far.

A client has come so far when a server has carried out the request, and before the process hears of that. All requests
of the other clients go on meanwhile, as they would.
"""

from __future__ import annotations

import re
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from tests.resilience.races.operators import OVERDUE, Spawned

WRITE = "(?:POST|PUT|PATCH)"


class Moment(StrEnum):
    """How far a client has come."""

    CHECK = "check"
    STAGE = "stage"
    SET = "set"
    PROMOTE = "promote"
    DESTROY = "destroy"
    RELEASE = "release"
    WAIT = "wait"
    """All clients have come to the last moment before (`Trap.waits_after`), and wait for their changes to spread."""


REQUESTS: Mapping[Moment, tuple[str, int]] = {
    Moment.CHECK: (r"GET /v1/secret/data/{path}(?:\?.*)?", 1),
    Moment.STAGE: (rf"{WRITE} /v1/secret/data/{{path}}/pending", 1),
    Moment.SET: (r"PATCH /api/v2/clients/{id}", 1),
    Moment.PROMOTE: (rf"{WRITE} /v1/secret/data/{{path}}", 1),
    Moment.DESTROY: (rf"{WRITE} /v1/secret/destroy/{{path}}", 1),
    Moment.RELEASE: (rf"{WRITE} /v1/secret/data/{{path}}/pending", 2),
}
"""The request that brings a client there, and how often it has to be made for that."""
PLACES = ("first", "middle", "last")


@dataclass
class Trap:
    """Calls `strike` once with the process, when so many clients have come to a moment.

    `names` are the client ids and Vault paths. While all only wait, `place` is how much of `seconds` has passed.
    """

    moment: Moment
    place: str
    names: Iterable[tuple[str, str]]
    strike: Callable[[Spawned], None]
    seconds: float
    waits_after: Moment = Moment.RELEASE
    struck: threading.Event = field(default_factory=threading.Event)
    missed: threading.Event = field(default_factory=threading.Event)
    """Set where the process had ended before it was time."""
    _target: Spawned | None = None
    _known: threading.Event = field(default_factory=threading.Event)
    _over: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        reached = self.waits_after if self.moment is Moment.WAIT else self.moment
        pattern, self._times = REQUESTS[reached]
        self._patterns = [
            re.compile(pattern.format(id=re.escape(client_id), path=re.escape(path))) for client_id, path in self.names
        ]
        count = len(self._patterns)
        self._needed = count if self.moment is Moment.WAIT else (1, count // 2, count)[PLACES.index(self.place)]
        self._seen: dict[int, int] = defaultdict(int)

    def aim(self, process: Spawned) -> None:
        """Say which process is meant."""
        self._target = process
        self._known.set()

    def saw(self, what: str) -> None:
        """Count a request that a server has carried out, and strike when it is time."""
        if self._over.is_set():
            return
        with self._lock:
            for number, pattern in enumerate(self._patterns):
                self._seen[number] += bool(pattern.fullmatch(what))
            if self._over.is_set() or sum(n >= self._times for n in self._seen.values()) < self._needed:
                return
            self._over.set()
        if self.moment is Moment.WAIT:
            threading.Thread(target=self._later, daemon=True).start()
        else:
            self._strike()

    def met(self, process: Spawned) -> bool:
        """Wait until the process was struck, or has ended without that."""
        end = time.monotonic() + OVERDUE
        while not self.struck.wait(0.02):
            unmet = process.over and not self._over.is_set()
            if unmet or self.missed.is_set() or time.monotonic() > end:
                return False
        return True

    def _later(self) -> None:
        # The last client has its change behind it, and so nearly all of its time before it.
        time.sleep(self.seconds * (0, 0.3, 0.6)[PLACES.index(self.place)])
        self._strike()

    def _strike(self) -> None:
        assert self._known.wait(OVERDUE)
        assert self._target
        if self._target.over:
            self.missed.set()
            return
        self.strike(self._target)
        self.struck.set()

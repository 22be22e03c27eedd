"""An operator as a deterministic program: the real code, run again and again over a log of the answers that it got.

What an operator does next follows from its log alone. A log is a node in a tree; each node remembers what is asked for
next, so the code is run once per branch, not once per step: a run goes on past its log, alone in the world, and notes
what it asks for on the way.
"""

from __future__ import annotations

import contextlib
import math
import sys
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from itertools import pairwise
from types import SimpleNamespace
from typing import Any, NamedTuple

import stamina
from stamina.instrumentation import set_on_retry_hooks

import sinks.aws.numbering
from bridge.auth0 import values
from bridge.model.errors import BridgeError
from sinks.secret import Secret
from tests.resilience.model.auth0_model import NEW_EDGE, OLD_EDGE
from tests.resilience.model.servers import serve
from tests.resilience.model.world import CLOCK, OK, Answer, Request, World, at

DENSE = 4
"""Sequence numbers without a version after which none is expected: the model's have no gaps."""


class Enough(BaseException):
    """The log has ended; nothing of the product may catch this."""


class End(NamedTuple):
    """How a program ended: its outcome, or the error's name."""

    kind: str


class Run:
    """One run of a program: replays its log, then goes on alone for as long as nothing is known."""

    def __init__(self, program: Program, node: int, world: World) -> None:
        self.program = program
        self.path = program.path(node)
        self.replayed = 1
        self.node = self.path[0]
        self.time: float = program.times[self.node]
        self.world = world
        self.tokens = 0
        self.left: float | None = None

    def ask(self, request: Request) -> Answer:
        """Answer from the log, or go on alone."""
        program = self.program
        if self.replayed < len(self.path):
            assert program.wants[self.node] == request, f"not deterministic: {program.wants[self.node]} {request}"
            self.node = self.path[self.replayed]
            self.replayed += 1
        else:
            if program.wants[self.node] is not None:
                raise Enough
            program.wants[self.node] = request
            self.world, answer = serve(self.world, request)[0]
            self.node = program.child(self.node, answer, self.world.clock)
        self.time = program.times[self.node]
        return program.answers[self.node]

    def token(self) -> str:
        """Return a word that no other run or program makes up."""
        self.tokens += 1
        return f"{self.program.slot}{self.tokens}"

    def value(self) -> Secret:
        """Return a new value."""
        return Secret(f"value-{self.token()}")

    # The operator's clock, which says the time of the last answer, and its watcher, which hears how long it waits.

    def monotonic(self) -> float:
        return self.time

    def now(self) -> datetime:
        return at(self.time)

    def sleep(self, seconds: float) -> None:
        wanted, self.left = self.left or seconds, None
        until = math.ceil((self.time + wanted) * 1000 - 1e-3) / 1000
        self.ask(Request(CLOCK, "sleep", (until,)))

    def step(self, name: str, text: str) -> None:
        return

    def waiting(self, left: timedelta, total: timedelta, why: str) -> None:
        self.left = left.total_seconds()


class Program:
    """One operator. `operate` is the command it gives, `slot` a letter that makes its words its own.

    `switches`: how often, in its life, a probe may meet another edge of Auth0 than the probe before it.
    """

    def __init__(self, slot: str, operate: Callable[[Run], str], switches: int) -> None:
        self.slot = slot
        self.switches = switches
        self.operate = operate
        self.parents: list[int] = [-1]
        self.answers: list[Answer] = [()]
        self.times: list[float] = [0.0]
        self.wants: list[Request | End | None] = [None]
        self.edges: list[tuple[str | None, int]] = [(None, 0)]
        self.told: dict[int, str] = {}
        self.runs = 0
        self._children: dict[tuple[int, Answer, float], int] = {}

    def child(self, node: int, answer: Answer, time: float) -> int:
        """Return the log that is one answer longer."""
        key = node, answer, time
        found = self._children.get(key)
        if found is None:
            found = self._children[key] = len(self.parents)
            self.parents.append(node)
            self.answers.append(answer)
            self.times.append(time)
            self.wants.append(None)
            self.edges.append(self._edge(node, answer))
        return found

    def _edge(self, node: int, answer: Answer) -> tuple[str | None, int]:
        """Return the edge of Auth0 that was met last, and how often it was another one than before."""
        last, switches = self.edges[node]
        edge = answer[2] if len(answer) == 3 and answer[2] in (NEW_EDGE, OLD_EDGE) else None
        return (last, switches) if edge is None else (edge, switches + (last not in (edge, None)))

    def too_odd(self, node: int) -> bool:
        """Tell whether the probes in a log met more changes of edge than are searched."""
        return self.edges[node][1] > self.switches

    def begin(self, time: float) -> int:
        """Return the log of an operator that starts now."""
        return self.child(0, (OK,), time)

    def path(self, node: int) -> list[int]:
        """Return a log from its beginning."""
        found = []
        while node > 0:
            found.append(node)
            node = self.parents[node]
        return found[::-1]

    def changed_auth0(self, node: int) -> bool:
        """Tell whether a call in a log changed the value at Auth0."""
        path = self.path(node)
        asked = (self.wants[before] for before, after in pairwise(path) if self.answers[after][0] == OK)
        return any(isinstance(r, Request) and r.name in ("set_secret", "rotate_secret") for r in asked)

    def next(self, node: int, world: World) -> Request | End:
        """Return what is asked for after a log; `world` is one in which it has come about."""
        if self.wants[node] is None:
            self._run(node, world)
        wanted = self.wants[node]
        assert wanted is not None
        return wanted

    def _run(self, node: int, world: World) -> None:
        self.runs += 1
        run = _now.run = Run(self, node, world)
        try:
            end, told = End(self.operate(run)), ""
        except Enough:
            return
        except BridgeError as error:
            end, told = End(type(error).__name__), error.message
        except Exception as error:  # noqa: BLE001  # whatever it is, it is a finding
            end, told = End(f"broke: {type(error).__name__}"), str(error)
        if self.wants[run.node] is None:
            self.wants[run.node], self.told[run.node] = end, told


class _Now:
    run: Run


_now = _Now()


def _new_token(_size: int) -> str:
    return _now.run.token()


def _new_value(_client: object) -> Secret:
    return _now.run.value()


@contextlib.contextmanager
def deterministic() -> Iterator[None]:
    """Have ids and values made by the running program, pauses between repetitions left out, and ids dense."""
    chance = SimpleNamespace(token_hex=_new_token, token_bytes=None)
    real_secrets, real_generate, real_gap = sys.modules["secrets"], values.generate, sinks.aws.numbering.GAP
    changed: list[tuple[Any, str, Any]] = []
    for name, module in list(sys.modules.items()):
        if name.startswith(("bridge.", "sinks.")):
            for attribute, fake in (("secrets", chance), ("generate", _new_value)):
                if getattr(module, attribute, None) in (real_secrets, real_generate):
                    changed.append((module, attribute, getattr(module, attribute)))
                    setattr(module, attribute, fake)
    sinks.aws.numbering.GAP = DENSE
    set_on_retry_hooks(())
    try:
        with stamina.set_testing(True, attempts=3, cap=True):
            yield
    finally:
        set_on_retry_hooks(None)
        sinks.aws.numbering.GAP = real_gap
        for module, attribute, real in changed:
            setattr(module, attribute, real)

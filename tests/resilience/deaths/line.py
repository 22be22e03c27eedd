"""What every request of one command passes on its way to the three servers: it counts, and it strikes."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress
from contextvars import Context
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from tests.e2e.taps import Killed

SPREADS = 30.0
"""Seconds after which no request is carried out any more: what is later is no promise of ours."""
NEVER, AT_LAST = 0, -1
SECRET = re.compile(r"/v1/secret/\w+/([^?]*)")
TAGS = ("TagResource", "UntagResource", "DescribeSecret")
VAULT = re.compile(r"vault (POST|PUT|PATCH|DELETE) /v1/secret/(data|metadata|destroy|delete|undelete)/.*")
AWS = re.compile(r"aws POST (?!Get|List|Describe|BatchGet).*")
AUTH0 = re.compile(r"auth0 (PATCH|POST) /api/v2/clients/.*")


class Lost(Exception):
    """The request's connection broke: what an edge turns into its library's own exception."""


class Blow(StrEnum):
    """What becomes of a command at one of its requests.

    Killed before the server hears of it, or after the server has answered. Frozen before it: others go on, and when the
    command wakes the request is gone, or is delivered then. Frozen after it: the answer comes when it wakes. Late: the
    command is killed (or loses the connection, and goes on), and the server carries the request out later.
    """

    KILLED = "killed before"
    KILLED_AFTER = "killed after"
    DROPPED = "frozen, dropped"
    DELIVERED = "frozen, delivered"
    ANSWERED = "frozen, answered"
    LATE = "killed, late"
    LATE_ALIVE = "lost, late"


@dataclass(frozen=True)
class At:
    """The `nth` request of a run, from 1: of those that change something, or (`every`) of all."""

    nth: int
    every: bool = False

    def __str__(self) -> str:
        return f"{'request' if self.every else 'change'} {self.nth}"


def changes(what: str) -> bool:
    """Tell whether a request may change something at a server."""
    return any(pattern.fullmatch(what) for pattern in (VAULT, AWS, AUTH0))


def touches(what: str, held: str) -> bool:
    """Tell whether a request can meet, or change, what another one changes."""
    (end, _, path), (held_end, _, held_path) = what.split(" ", 2), held.split(" ", 2)
    if end != held_end:
        return False
    if end == "vault":
        one, other = SECRET.match(path), SECRET.match(held_path)
        return bool(one and other and one[1] == other[1])
    return not (end == "aws" and held_path in TAGS) or path in TAGS


Ask = Callable[[], Any]


@dataclass
class Lease:
    """A request that was sent, and that its server has not carried out. `since` is when, on the tests' clock."""

    what: str
    ask: Ask
    since: float


@dataclass
class Line:
    """The requests of one command. `calls` are those that were sent, `done` those that a server has carried out.

    `meanwhile` is what others do while the command is frozen; it is given what was done so far. `noted` is run after
    each change that was carried out. `held` is what this line or an earlier one holds back: it is carried out before
    request `deliver`. `late` are the requests before which it may be.
    """

    now: Callable[[], float]
    at: At | None = None
    blow: Blow | None = None
    meanwhile: Callable[[list[str]], None] = lambda _done: None
    noted: Callable[[str], None] = lambda _what: None
    calls: list[str] = field(default_factory=list)
    done: list[str] = field(default_factory=list)
    struck: str = ""
    held: Lease | None = None
    deliver: int = NEVER
    late: list[str] = field(default_factory=list)
    dead: bool = False
    _changes: int = 0

    def carry(self, end: str, what: str, ask: Ask) -> Any:
        """Send a request and return the answer.

        Raises:
            Killed: the command died here.
            Lost: its connection broke.
        """
        named = f"{end} {what}"
        assert not self.dead, f"{named} was sent by a dead process"
        self.calls.append(named)
        if self.held:
            self._pass(named, self.held)
        self._changes += changes(named)
        if self._is_meant(named):
            self.struck = named
            return self._strike(named, ask)
        return self._ask(named, ask)

    def _is_meant(self, named: str) -> bool:
        if self.at is None or self.blow is None or self.struck:
            return False
        if self.at.every:
            return len(self.calls) == self.at.nth
        return changes(named) and self._changes == self.at.nth

    def _others(self) -> None:
        # They are processes of their own. The deadline of the frozen call must not count for theirs.
        Context().run(self.meanwhile, self.done)

    def _strike(self, named: str, ask: Ask) -> Any:
        match self.blow:
            case Blow.KILLED:
                self._die()
            case Blow.KILLED_AFTER:
                self._ask(named, ask)
                self._die()
            case Blow.LATE:
                self.held = Lease(named, ask, self.now())
                self._die()
            case Blow.LATE_ALIVE:
                self.held = Lease(named, ask, self.now())
                raise Lost
            case Blow.DROPPED:
                self._others()
                raise Lost
            case Blow.DELIVERED:
                self._others()
            case Blow.ANSWERED:
                answer = self._ask(named, ask)
                self._others()
                return answer
        return self._ask(named, ask)

    def end(self) -> None:
        """All have ended: what is held back is carried out now, if ever."""
        if self.held and self.now() - self.held.since < SPREADS:
            self.late.append(str(AT_LAST))
            if self.deliver == AT_LAST:
                self._deliver()

    def _pass(self, named: str, held: Lease) -> None:
        if self.now() - held.since < SPREADS and touches(named, held.what):
            self.late.append(str(len(self.calls)))
        if len(self.calls) == self.deliver:
            self._deliver()

    def _deliver(self) -> None:
        held, self.held = self.held, None
        with suppress(Exception):  # nobody hears the answer
            held and held.ask()

    def _ask(self, named: str, ask: Ask) -> Any:
        answer = ask()
        self.done.append(named)
        if changes(named):
            self.noted(named)
        return answer

    def _die(self) -> None:
        self.dead = True
        raise Killed

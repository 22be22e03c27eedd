"""What every request of one command passes on its way to the three servers: it counts, and it strikes."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from tests.e2e.taps import Killed

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


Ask = Callable[[], Any]


@dataclass
class Held:
    """A request that was sent, and that its server has not carried out. `since` is when, on the tests' clock."""

    what: str
    ask: Ask
    since: float

    def deliver(self) -> None:
        """Have the server carry it out; nobody hears the answer."""
        self.ask()


def nothing() -> None:
    """Do nothing."""


@dataclass
class Line:
    """The requests of one command. `calls` are those that were sent, `done` those that a server has carried out.

    `meanwhile` is what others do while the command is frozen. `before` is run before each request that is sent.
    `noted` is run after each change that was carried out.
    """

    now: Callable[[], float]
    at: At | None = None
    blow: Blow | None = None
    meanwhile: Callable[[], None] = nothing
    before: Callable[[str], None] = lambda _what: None
    noted: Callable[[str], None] = lambda _what: None
    calls: list[str] = field(default_factory=list)
    done: list[str] = field(default_factory=list)
    struck: str = ""
    held: Held | None = None
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
        self.before(named)
        self.calls.append(named)
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

    def _strike(self, named: str, ask: Ask) -> Any:
        match self.blow:
            case Blow.KILLED:
                self._die()
            case Blow.KILLED_AFTER:
                self._ask(named, ask)
                self._die()
            case Blow.LATE:
                self.held = Held(named, ask, self.now())
                self._die()
            case Blow.LATE_ALIVE:
                self.held = Held(named, ask, self.now())
                raise Lost
            case Blow.DROPPED:
                self.meanwhile()
                raise Lost
            case Blow.DELIVERED:
                self.meanwhile()
            case Blow.ANSWERED:
                answer = self._ask(named, ask)
                self.meanwhile()
                return answer
        return self._ask(named, ask)

    def _ask(self, named: str, ask: Ask) -> Any:
        answer = ask()
        self.done.append(named)
        if changes(named):
            self.noted(named)
        return answer

    def _die(self) -> None:
        self.dead = True
        raise Killed

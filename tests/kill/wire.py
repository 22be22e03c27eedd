"""What stands between one client's operators and the servers: it counts every request, and strikes at one of them."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from tests.e2e.world import Servers
from tests.proxies import Proxies
from tests.proxy import Answer, Dropped
from tests.races.operators import OVERDUE, Spawned


class Side(StrEnum):
    """On which side of a request's effect the process is struck."""

    BEFORE = "before"
    AFTER = "after"


class Blow(StrEnum):
    """What becomes of the process."""

    KILL = "kill"
    FREEZE = "freeze"


@dataclass(frozen=True)
class Point:
    """A moment in a run: on one side of its `nth` request that matches (an expression for the whole of it)."""

    nth: int
    side: Side
    match: str = r".*"

    def __str__(self) -> str:
        return f"{self.side} call {self.nth}{'' if self.match == '.*' else f' like {self.match}'}"


@dataclass
class Trap:
    """Strikes the process at a point, once. Before the effect: the server never hears of the request.

    After it: the server has answered, and the answer gets no further than a dead process's, or a stopped one's, socket.
    """

    point: Point
    blow: Blow
    struck: threading.Event = field(default_factory=threading.Event)
    call: str = ""
    _left: int = 0
    _known: threading.Event = field(default_factory=threading.Event)
    _target: Spawned | None = None

    def __post_init__(self) -> None:
        self._left = self.point.nth

    def aim(self, target: Spawned) -> None:
        """Say which process is meant. It may have sent its first requests by now: they wait for this."""
        self._target = target
        self._known.set()

    def takes(self, what: str) -> bool:
        """Tell whether this request is the one."""
        if self._left == 0 or not re.fullmatch(self.point.match, what):
            return False
        self._left -= 1
        self.call = what
        return self._left == 0

    def strike(self) -> None:
        """Kill or stop the process, and return when it does nothing any more."""
        assert self._known.wait(OVERDUE)
        assert self._target is not None
        if self.blow is Blow.KILL:
            self.struck.set()  # whoever waits for its end finds this told
            self._target.kill()
        else:
            self._target.freeze()
            self.struck.set()


class Wire(Proxies):
    """Three proxies that share one count, in the order of arrival. `calls` are the requests since the last `listen`."""

    def __init__(self, servers: Servers) -> None:
        super().__init__(servers)
        self.calls: list[str] = []
        self.done: list[str] = []
        self._trap: Trap | None = None
        self._guard = threading.Lock()

    def listen(self, trap: Trap | None = None) -> None:
        """Begin to count anew. `done` are the requests that a server has heard of."""
        with self._guard:
            self.calls, self.done, self._trap = [], [], trap

    def disarm(self) -> None:
        """Forget the trap that nobody ran into."""
        with self._guard:
            self._trap = None

    def _gate(self, end: str, what: str, ask: Callable[[], Answer]) -> Answer:
        named = f"{end} {what}"
        with self._guard:
            self.calls.append(named)
            trap = self._trap if self._trap and self._trap.takes(named) else None
        if trap and trap.point.side is Side.BEFORE:
            trap.strike()
            raise Dropped
        answer = ask()
        self.done.append(named)
        if trap:
            trap.strike()
            if trap.blow is Blow.KILL:
                raise Dropped
        return answer

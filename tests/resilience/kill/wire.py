"""What stands between one client's operators and the servers: it counts every request, and strikes at one of them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.e2e.world import Servers
from tests.resilience.deaths.line import AT_LAST, NEVER, SPREADS, At, Blow, Lease, changes, touches
from tests.resilience.races.operators import OVERDUE, Spawned
from tests.support.proxies import Proxies
from tests.support.proxy import Answer, Dropped

FREEZES = (Blow.DROPPED, Blow.DELIVERED, Blow.ANSWERED)


@dataclass
class Trap:
    """Strikes a process at one of its requests, once, and tells when it has (`struck`); frozen ones wait for `woken`.

    It has the same words as a line of `tests/resilience/deaths`.
    """

    at: At
    blow: Blow
    deliver: int = NEVER
    call: str = ""
    done: list[str] = field(default_factory=list)
    late: list[str] = field(default_factory=list)
    held: Lease | None = None
    met: threading.Event = field(default_factory=threading.Event)
    woken: threading.Event = field(default_factory=threading.Event)
    _known: threading.Event = field(default_factory=threading.Event)
    _target: Spawned | None = None

    @property
    def struck(self) -> str:
        """The request at which it struck; nothing: it has not."""
        return self.call if self.met.is_set() else ""

    def aim(self, target: Spawned) -> None:
        """Say which process is meant. It may have sent its first requests by now: they wait for this."""
        self._target = target
        self._known.set()

    def strike(self) -> None:
        """Kill or stop the process, and return when it does nothing any more."""
        assert self._known.wait(OVERDUE)
        assert self._target is not None
        if self.blow is Blow.LATE_ALIVE:
            self.met.set()
        elif self.blow in FREEZES:
            self._target.freeze()
            self.met.set()
        else:
            self.met.set()  # whoever waits for its end finds this told
            self._target.kill()


class Wire(Proxies):
    """Three proxies that share one count, in the order of arrival. `calls` are the requests since the last `listen`."""

    def __init__(self, servers: Servers, spreads: float = SPREADS) -> None:
        super().__init__(servers)
        self.calls: list[str] = []
        self.done: list[str] = []
        self.noted: Callable[[], None] | None = None
        self._clock = servers.clock
        self._spreads = spreads
        self._changes = 0
        self._trap: Trap | None = None
        self._held: tuple[Lease, int, list[str]] | None = None
        self._guard = threading.RLock()

    def listen(self, trap: Trap | None = None) -> None:
        """Begin to count anew. `done` are the requests that a server has heard of."""
        with self._guard:
            self.calls, self.done, self._changes, self._trap = [], [], 0, trap
            if trap:
                trap.done = self.done

    def disarm(self) -> None:
        """Forget the trap that nobody ran into."""
        with self._guard:
            self._trap = None

    @contextmanager
    def carrying(self, held: Lease | None, deliver: int) -> Iterator[list[str]]:
        """Have what is held back be carried out before a request, or at last; yield before which ones it may."""
        late: list[str] = []
        self._held = (held, deliver, late) if held else None
        try:
            yield late
        finally:
            self._at_last()

    @contextmanager
    def continuing(self) -> Iterator[None]:
        """Let the process whose request is held back end."""
        try:
            yield
        finally:
            self._at_last()

    def _gate(self, end: str, what: str, ask: Callable[[], Answer]) -> Answer:
        named = f"{end} {what}"
        with self._guard:
            self.calls.append(named)
            self._pass(named)
            self._changes += changes(named)
            trap = self._trap if self._trap and self._is_meant(named, self._trap) else None
        return self._strike(trap, named, ask) if trap else self._ask(named, ask)

    def _is_meant(self, named: str, trap: Trap) -> bool:
        if trap.call:
            return False
        number = len(self.calls) if trap.at.every else self._changes if changes(named) else 0
        if number != trap.at.nth:
            return False
        trap.call = named
        return True

    def _strike(self, trap: Trap, named: str, ask: Callable[[], Answer]) -> Answer:
        if trap.blow in (Blow.LATE, Blow.LATE_ALIVE):
            trap.held = Lease(named, ask, self._clock.monotonic())
            if trap.blow is Blow.LATE_ALIVE:
                self._held = (trap.held, trap.deliver, trap.late)
        answer = self._ask(named, ask) if trap.blow in (Blow.KILLED_AFTER, Blow.ANSWERED) else None
        trap.strike()
        if trap.blow in FREEZES:
            assert trap.woken.wait(OVERDUE)
        if trap.blow is Blow.DELIVERED:
            answer = self._ask(named, ask)
        if answer is None or trap.blow is Blow.KILLED_AFTER:
            raise Dropped
        return answer

    def _ask(self, named: str, ask: Callable[[], Answer]) -> Answer:
        answer = ask()
        self.done.append(named)
        if self.noted and changes(named):
            self.noted()
        return answer

    def _pass(self, named: str) -> None:
        if self._held is None:
            return
        held, deliver, late = self._held
        if self._clock.monotonic() - held.since < self._spreads and touches(named, held.what):
            late.append(str(len(self.calls)))
        if len(self.calls) == deliver:
            self._deliver()

    def _at_last(self) -> None:
        if self._held is None:
            return
        held, deliver, late = self._held
        if self._clock.monotonic() - held.since < self._spreads:
            late.append(str(AT_LAST))
            if deliver == AT_LAST:
                self._deliver()
        self._held = None

    def _deliver(self) -> None:
        assert self._held is not None
        held, self._held = self._held[0], None
        held.ask()

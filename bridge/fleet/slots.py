"""How many threads work at a time, and whose turn it is: fair between groups, such as tenants."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from bridge.execution.open import Common
from sinks.clock import Clock

if TYPE_CHECKING:
    from bridge.config.settings import ClientSettings, Settings

STUCK = 2.0
"""After so many seconds without a sleep, a thread counts as one that waits for a server, and uses no processor."""
LONGEST = 1.0
"""After so many seconds a thread that has begun goes on without a free slot. Those that work may wait for its locks."""
LOOK = 0.5  # seconds after which a waiting thread looks whether others are stuck


@dataclass(eq=False)
class _Slot:
    """A slot, or a thread that waits for one. `fresh` is one that has not begun its work."""

    group: str
    fresh: bool
    turn: threading.Event = field(default_factory=threading.Event)
    since: float = 0.0
    """When it got its slot, in monotonic seconds."""


class Slots:
    """Lets `number` threads work at a time.

    A free slot goes to a thread that has begun already, because it may hold a lock. Among several it goes to the group
    with the fewest slots. Threads that are stuck do not count, and for one that has not begun no more than `number` of
    them. So a group whose server does not answer holds up no other group. It begins nothing more while others want to
    work.
    """

    def __init__(self, number: int) -> None:
        self._lock = threading.Lock()
        self._number = number
        self._working: list[_Slot] = []
        self._waiting: list[_Slot] = []

    def take(self, group: str, *, fresh: bool = False) -> _Slot:
        """Wait for a slot, and return what has to be given back."""
        me, began = _Slot(group, fresh), time.monotonic()
        with self._lock:
            self._waiting.append(me)
            self._share_out()
        while not me.turn.wait(LOOK):
            with self._lock:
                self._share_out()
                if not fresh and time.monotonic() - began >= LONGEST:
                    self._grant(me)
        return me

    def give(self, slot: _Slot) -> None:
        """Give a slot back."""
        with self._lock:
            self._working.remove(slot)
            self._share_out()

    def _share_out(self) -> None:
        now = time.monotonic()
        stuck = [each.group for each in self._working if now - each.since >= STUCK]
        while len(self._working) < self._number + len(stuck):
            groups = {each.group for each in (*self._waiting, *self._working)}
            held = Counter(each.group for each in self._working)
            # All that are stuck may wait for a lock, which a thread has that has begun, slept, and wants to go on.
            allowed = [each for each in self._waiting if not each.fresh]
            if len(self._working) < 2 * self._number:
                several = len(groups) > 1
                allowed += [each for each in self._waiting if each.fresh and not (several and each.group in stuck)]
            if not allowed:
                return
            # `min` takes the first of equals, which has waited longest.
            self._grant(min(allowed, key=lambda each: (each.fresh, held[each.group])))

    def _grant(self, slot: _Slot) -> None:
        if slot in self._waiting:
            self._waiting.remove(slot)
            self._working.append(slot)
            slot.since = time.monotonic()
            slot.turn.set()


class Place:
    """A thread's slot. It is taken when the context is entered, and given back at its end at the latest."""

    def __init__(self, slots: Slots, group: str) -> None:
        self._slots = slots
        self._group = group
        self._slot: _Slot | None = None

    def __enter__(self) -> None:
        self._slot = self._slots.take(self._group, fresh=True)

    def __exit__(self, *_: object) -> None:
        self.leave()

    def leave(self) -> None:
        """Give the slot back for good, although the thread goes on. A second time it does nothing."""
        if self._slot:
            self._slots.give(self._slot)
            self._slot = None

    @contextmanager
    def idle(self) -> Iterator[None]:
        """Give the slot back while the context is open, in which the thread does nothing."""
        if self._slot is None:
            yield
            return
        self.leave()
        try:
            yield
        finally:
            self._slot = self._slots.take(self._group)


HERE: ContextVar[Place | None] = ContextVar("bridge.fleet.slots", default=None)
"""The place of this thread, if it needs one."""


class SharingClock:
    """A clock. A thread that sleeps by it lets another one work."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def monotonic(self) -> float:
        """Return seconds that never go back."""
        return self._clock.monotonic()

    def now(self) -> datetime:
        """Return this machine's time."""
        return self._clock.now()

    def sleep(self, seconds: float) -> None:
        """Wait for a number of seconds, and then for a slot."""
        place = HERE.get()
        with place.idle() if place else nullcontext():
            self._clock.sleep(seconds)


def in_common(jobs: int, rate: float | None = None) -> Common:
    """Return what the clients of a command have in common that works on so many of them at a time."""
    common = Common(jobs=jobs, rate=rate)
    common.clock = SharingClock(common.clock)
    return common


def share(common: Common, found: list[tuple[Settings, ClientSettings]]) -> list[tuple[Settings, ClientSettings]]:
    """Let references into vaults of the configuration use the logins of the command's sinks. Return the clients."""
    for settings, _ in found:
        settings.logins.shared, settings.logins.clock = common.shared, common.clock
    return found


@contextmanager
def lent(settings: Settings, common: Common | None, jobs: int = 1) -> Iterator[Common]:
    """Yield `common`. Where there is none it is made, and what it has obtained is given back at the end."""
    if common is not None:
        yield common
        return
    common = Common(jobs=jobs)
    settings.logins.shared = common.shared
    try:
        yield common
    finally:
        with suppress(Exception):  # what was obtained ends by itself, too
            common.shared.give_back()

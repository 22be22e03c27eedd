"""How many threads work at a time, and whose turn it is: fair between groups, such as tenants."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

from sinks.clock import SystemClock


@dataclass
class _Waiter:
    """A thread that waits for a slot. `fresh` is one that has not begun its work."""

    group: str
    fresh: bool
    turn: threading.Event = field(default_factory=threading.Event)


class Slots:
    """Lets `number` threads work at a time.

    A free slot goes to a thread that has begun already, because it may hold a lock. Among several it goes to the group
    with the fewest slots: a group whose server is slow keeps no more than its share.
    """

    def __init__(self, number: int) -> None:
        self._lock = threading.Lock()
        self._free = number
        self._active: Counter[str] = Counter()
        self._waiting: list[_Waiter] = []

    def take(self, group: str, *, fresh: bool = False) -> None:
        """Wait for a slot."""
        me = _Waiter(group, fresh)
        with self._lock:
            self._waiting.append(me)
            self._share_out()
        me.turn.wait()

    def give(self, group: str) -> None:
        """Give a slot back."""
        with self._lock:
            self._free += 1
            self._active[group] -= 1
            self._share_out()

    def _share_out(self) -> None:
        while self._free and self._waiting:
            # `min` takes the first of equals, which has waited longest.
            following = min(self._waiting, key=lambda each: (each.fresh, self._active[each.group]))
            self._waiting.remove(following)
            self._free -= 1
            self._active[following.group] += 1
            following.turn.set()


class Place:
    """A thread's slot. It is taken when the context is entered, and given back at its end at the latest."""

    def __init__(self, slots: Slots, group: str) -> None:
        self._slots = slots
        self._group = group
        self._left = False

    def __enter__(self) -> None:
        self._slots.take(self._group, fresh=True)

    def __exit__(self, *_: object) -> None:
        self.leave()

    def leave(self) -> None:
        """Give the slot back for good, although the thread goes on. A second time it does nothing."""
        if not self._left:
            self._left = True
            self._slots.give(self._group)

    @contextmanager
    def idle(self) -> Iterator[None]:
        """Give the slot back while the context is open, in which the thread does nothing."""
        if self._left:
            yield
            return
        self._slots.give(self._group)
        try:
            yield
        finally:
            self._slots.take(self._group)


HERE: ContextVar[Place | None] = ContextVar("bridge.cli.slots", default=None)
"""The place of this thread, if it needs one."""


class SharingClock(SystemClock):
    """The machine's clock. A thread that sleeps lets another one work."""

    def sleep(self, seconds: float) -> None:
        """Wait for a number of seconds, and then for a slot."""
        place = HERE.get()
        if place is None:
            super().sleep(seconds)
            return
        with place.idle():
            super().sleep(seconds)

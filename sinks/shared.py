"""What the sinks of one command use in common: a login, a client, its connections."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from typing import Any, TypeVar, cast
from weakref import WeakSet

T = TypeVar("T")


class Shared:
    """Makes each thing once, however many sinks and threads ask for it.

    What is shared must be safe for threads. A lease or a deadline belongs to one call, so it is never part of it.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._locks: dict[Hashable, threading.Lock] = {}
        self._made: dict[Hashable, Any] = {}
        _EVERY.add(self)

    def one(self, key: Hashable, make: Callable[[], T]) -> T:
        """Return the thing of a key, and make it with `make` where there is none yet.

        Whatever `make` raises is raised, and the next caller makes it.
        """
        with self._lock:
            if key in self._made:
                return cast(T, self._made[key])
            lock = self._locks.setdefault(key, threading.Lock())
        # A lock for each key: a slow login to one server holds up nobody who needs another one.
        with lock:
            if key not in self._made:
                self._made[key] = make()
            return cast(T, self._made[key])

    def give_back(self) -> None:
        """Have each thing give back what it has obtained, where it has a method of that name."""
        with self._lock:
            made = list(self._made.values())
        for each in made:
            if hasattr(each, "give_back"):
                each.give_back()


_EVERY: WeakSet[Shared] = WeakSet()


def give_back_all() -> None:
    """Give back what this process has obtained for itself, such as the token of a login: it is about to end."""
    for shared in list(_EVERY):
        shared.give_back()

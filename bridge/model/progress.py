"""What an operation tells while it works, and how it is asked to stop."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Protocol

from sinks.clock import Clock


class Watcher(Protocol):
    """Whoever watches an operation."""

    def step(self, name: str, text: str) -> None:
        """Hear of a step: its name (check, stage, set, promote, release, settle …) and what it did."""
        ...

    def waiting(self, left: timedelta, total: timedelta, why: str) -> None:
        """Hear, about four times a second, how long a wait still takes."""
        ...


class Silent:
    """Watches nothing."""

    def step(self, name: str, text: str) -> None:
        """Ignore it."""

    def waiting(self, left: timedelta, total: timedelta, why: str) -> None:
        """Ignore it."""


class Stop:
    """Asked to stop, by a signal: before Auth0 is changed all is given back, afterwards only settling is left out."""

    def __init__(self) -> None:
        self._asked = threading.Event()

    def ask(self) -> None:
        """Ask. Safe in a signal handler."""
        self._asked.set()

    @property
    def asked(self) -> bool:
        """Whether somebody asked."""
        return self._asked.is_set()


def pause(time: timedelta, why: str, *, clock: Clock, watcher: Watcher, stop: Callable[[], bool]) -> None:
    """Wait in small steps, telling the watcher; return early when asked to stop."""
    end = clock.monotonic() + time.total_seconds()
    while (left := end - clock.monotonic()) > 0 and not stop():
        watcher.waiting(timedelta(seconds=left), time, why)
        clock.sleep(min(0.25, left))
    watcher.waiting(timedelta(), time, why)

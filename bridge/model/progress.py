"""Progress reports of a running operation, and the request to stop it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Protocol

from sinks.clock import Clock


class Watcher(Protocol):
    """Receiver of an operation's progress reports.

    Reports hold no secret. A method must not raise, because it is called between a change and its record.
    """

    def step(self, name: str, text: str) -> None:
        """Receive a step: its name (check, stage, set, promote, release, settle …) and what it did."""
        ...

    def waiting(self, left: timedelta, total: timedelta, why: str) -> None:
        """Receive, about four times a second, how long a wait still takes."""
        ...


# Operations always have a watcher, so no step has to ask whether there is one.
class Silent:
    """A watcher that ignores every report."""

    def step(self, name: str, text: str) -> None:
        """Ignore the report."""

    def waiting(self, left: timedelta, total: timedelta, why: str) -> None:
        """Ignore the report."""


class Stop:
    """A request to stop, made by a signal.

    An operation that has not changed Auth0 yet gives everything back. Afterwards it still publishes the value, and
    leaves out what only waits for the change to spread.
    """

    def __init__(self) -> None:
        # Safe to set in a signal handler, and from another thread.
        self._asked = threading.Event()

    def ask(self) -> None:
        """Request the stop. This is safe in a signal handler.

        It is idempotent, and cannot be withdrawn.
        """
        self._asked.set()

    @property
    def asked(self) -> bool:
        """Whether the stop was requested."""
        return self._asked.is_set()


def pause(time: timedelta, why: str, *, clock: Clock, watcher: Watcher, stop: Callable[[], bool]) -> None:
    """Wait in small steps, and report each of them to the watcher.

    The wait ends early when `stop` returns True. The caller has to check whether it did.
    """
    # Small steps, so that a request to stop is noticed within a quarter of a second.
    end = clock.monotonic() + time.total_seconds()
    while (left := end - clock.monotonic()) > 0 and not stop():
        watcher.waiting(timedelta(seconds=left), time, why)
        clock.sleep(min(0.25, left))
    # Also after a stop, so that a watcher can clear what it shows.
    watcher.waiting(timedelta(), time, why)

"""Calls a function when a time is over, unless it is cancelled before. One thread does so for all.

Every exchange with a server has an end. A thread for each of them would cost more than the exchange.
"""

from __future__ import annotations

import heapq
import itertools
import os
import threading
import time
from collections.abc import Callable


class Alarm:
    """A call that is due at a time."""

    __slots__ = ("call",)

    def __init__(self, call: Callable[[], None]) -> None:
        self.call: Callable[[], None] | None = call

    def cancel(self) -> None:
        """Prevent the call, unless it has begun. A second time it does nothing."""
        self.call = None


class _Alarms:
    """All alarms of this process. The thread ends when there are none."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._coming: list[tuple[float, int, Alarm]] = []
        self._numbers = itertools.count()
        self._watched = False

    def add(self, seconds: float, alarm: Alarm) -> None:
        at = time.monotonic() + seconds
        with self._changed:
            heapq.heappush(self._coming, (at, next(self._numbers), alarm))
            if not self._watched:
                threading.Thread(target=self._watch, name="alarms", daemon=True).start()
                self._watched = True
            elif self._coming[0][2] is alarm:  # earlier than what is waited for
                self._changed.notify()

    def _watch(self) -> None:
        while True:
            with self._changed:
                # Most of them were cancelled long before their time.
                while self._coming and self._coming[0][2].call is None:
                    heapq.heappop(self._coming)
                if not self._coming:
                    self._watched = False
                    return
                left = self._coming[0][0] - time.monotonic()
                if left > 0:
                    self._changed.wait(left)
                    continue
                alarm = heapq.heappop(self._coming)[2]
            if call := alarm.call:
                call()


class _Holder:
    alarms = _Alarms()


def _renew() -> None:
    _Holder.alarms = _Alarms()


# The thread is not in a forked process, and its lock may have been held at that moment.
os.register_at_fork(after_in_child=_renew)


def after(seconds: float, call: Callable[[], None]) -> Alarm:
    """Call `call` after so many seconds, in another thread, unless the returned alarm is cancelled before.

    `call` must be quick, and must not raise.
    """
    alarm = Alarm(call)
    _Holder.alarms.add(seconds, alarm)
    return alarm

"""Time that passes by itself, and at once when somebody sleeps."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta


class Shifted:
    """The machine's clock with every sleep skipped: `shift` is how much was skipped so far."""

    def __init__(self) -> None:
        self.shift = timedelta()
        self._lock = threading.Lock()

    def monotonic(self) -> float:
        return time.monotonic() + self.shift.total_seconds()

    def now(self) -> datetime:
        return datetime.now(UTC) + self.shift

    def sleep(self, seconds: float) -> None:
        self.advance(timedelta(seconds=seconds))

    def advance(self, time_: timedelta) -> None:
        with self._lock:
            self.shift += time_


class Real(Shifted):
    """The machine's clock."""

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)

"""Time, injected so that tests and the model can hold it still."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """What the bridge wants of time."""

    def monotonic(self) -> float:
        """Return seconds that only grow; for leases and waits."""
        ...

    def now(self) -> datetime:
        """Return this machine's time, aware; for display only, never compared with a server's."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait."""
        ...


class SystemClock:
    """The machine's clock."""

    def monotonic(self) -> float:
        """Return seconds that only grow."""
        return time.monotonic()

    def now(self) -> datetime:
        """Return the machine's time in UTC."""
        return datetime.now(UTC)

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)

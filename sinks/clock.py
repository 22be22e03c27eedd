"""Time, as a dependency, so that tests and the model can stop it."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """The interface to time that the bridge uses."""

    def monotonic(self) -> float:
        """Return seconds that never go back, for leases and waits."""
        ...

    def now(self) -> datetime:
        """Return this machine's time, with its time zone.

        It is for display only. A time of a server is never compared with it, because the clocks may differ.
        """
        ...

    def sleep(self, seconds: float) -> None:
        """Wait for a number of seconds."""
        ...


class SystemClock:
    """The machine's clock."""

    def monotonic(self) -> float:
        """Return seconds that never go back."""
        return time.monotonic()

    def now(self) -> datetime:
        """Return the machine's time in UTC."""
        return datetime.now(UTC)

    def sleep(self, seconds: float) -> None:
        """Wait for a number of seconds."""
        time.sleep(seconds)

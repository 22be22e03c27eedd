"""Time, as a dependency, so that tests and the model can stop it."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """The interface to time that the bridge uses."""

    def monotonic(self) -> float:
        """Return seconds that never go back, for leases and waits.

        Only the difference of two results has a meaning.
        """
        ...

    def now(self) -> datetime:
        """Return this machine's time, with its time zone.

        It is for display only. A time of a server is never compared with it, because the clocks may differ.
        """
        ...

    def sleep(self, seconds: float) -> None:
        """Wait for a number of seconds.

        Nothing may be assumed about the time afterwards. A process can be suspended for longer than it asked for.
        """
        ...


class SystemClock:
    """The machine's clock."""

    def monotonic(self) -> float:
        """Return seconds that never go back."""
        # A lease must not end too early or too late because the machine's time is set in the meantime.
        return time.monotonic()

    def now(self) -> datetime:
        """Return the machine's time in UTC."""
        return datetime.now(UTC)

    def sleep(self, seconds: float) -> None:
        """Wait for a number of seconds."""
        time.sleep(seconds)


def span(time: timedelta) -> str:
    """Return a duration in words, such as "1 d 2 h", "3 h", "4 min" or "5 s".

    It is rounded down, and a negative duration counts as zero.
    """
    seconds = max(0, int(time.total_seconds()))
    days, hours, minutes = seconds // 86400, seconds % 86400 // 3600, seconds % 3600 // 60
    if days:
        return f"{days} d {hours} h" if hours and days < 10 else f"{days} d"  # from ten days on, hours add nothing
    if hours:
        return f"{hours} h"
    return f"{minutes} min" if minutes else f"{seconds} s"

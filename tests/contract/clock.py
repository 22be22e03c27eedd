from __future__ import annotations

from datetime import UTC, datetime, timedelta

START = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)


class ManualClock:
    """Time that only moves when told; sleeping moves it."""

    def __init__(self) -> None:
        self.seconds = 1000.0
        self.slept: list[float] = []

    def monotonic(self) -> float:
        return self.seconds

    def now(self) -> datetime:
        return START + timedelta(seconds=self.seconds - 1000.0)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.seconds += seconds

    def advance(self, seconds: float) -> None:
        self.seconds += seconds

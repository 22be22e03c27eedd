"""One client's secret, and how a change of it spreads. Pure: the time and the random source are arguments."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Literal

Verdict = Literal["yes", "no", "maybe"]


@dataclass(frozen=True)
class SecretChange:
    """A value that became the client's secret, who set it (a client id, `dashboard` or `creation`), and when.

    `since` is the monotonic time in seconds.
    """

    value: str = field(repr=False)
    by: str
    at: datetime
    since: float


class LiveSecret:
    """Every value a client ever had, in order; the last is the one that is stored.

    For the length of the window after a change a request meets the old or the new value at random: that is what
    Auth0 documents for up to 30 s. Changed again within the window, older values may be met as well.
    """

    def __init__(self, first: SecretChange) -> None:
        self._changes = [first]

    @property
    def current(self) -> str:
        """The stored value: what the Management API reads back."""
        return self._changes[-1].value

    @property
    def changes(self) -> tuple[SecretChange, ...]:
        """Every value ever set, oldest first."""
        return tuple(self._changes)

    def change(self, change: SecretChange) -> None:
        """Store a new value."""
        self._changes.append(change)

    def met(self, now: float, window: timedelta) -> tuple[str, ...]:
        """Return the values that a request may meet at `now`, one of them for each change still on its way."""
        replaced = zip(self._changes, self._changes[1:], strict=False)
        spreading = [old.value for old, new in replaced if now < new.since + window.total_seconds()]
        return (*spreading, self.current)

    def accepts(self, values: Collection[str], now: float, window: timedelta, random: Random) -> bool:
        """Answer as one request with one of these values would be answered; the next may be answered otherwise."""
        return random.choice(self.met(now, window)) in values

    def verdict(self, value: str, now: float, window: timedelta) -> Verdict:
        """Tell whether every request with this value is accepted, none, or only some."""
        met = set(self.met(now, window))
        if value not in met:
            return "no"
        return "yes" if len(met) == 1 else "maybe"

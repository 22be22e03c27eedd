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
    """One change of a client's secret.

    `by` is its author: a client id, `dashboard` or `creation`. `at` is its time, and `since` the same moment in
    monotonic seconds.
    """

    value: str = field(repr=False)
    by: str
    at: datetime
    since: float


class LiveSecret:
    """Every secret that a client ever had, in order. The last one is stored.

    For the length of the window after a change, a request meets the old or the new value at random. Auth0 documents
    this for up to 30 s. If the secret is changed again within the window, requests may meet still older values too.
    """

    def __init__(self, first: SecretChange) -> None:
        self._changes = [first]

    @property
    def current(self) -> str:
        """The stored value, which the Management API returns.

        Requests for a token may still meet an older one.
        """
        return self._changes[-1].value

    @property
    def changes(self) -> tuple[SecretChange, ...]:
        """Every change, the oldest first.

        It is a copy of the history at this moment.
        """
        return tuple(self._changes)

    def change(self, change: SecretChange) -> None:
        """Store a new value.

        The window of earlier changes goes on. The values need not differ.
        """
        self._changes.append(change)

    def met(self, now: float, window: timedelta) -> tuple[str, ...]:
        """Return the values that a request may meet at `now`.

        These are the stored value, and the replaced value of each change that is still spreading.
        """
        replaced = zip(self._changes, self._changes[1:], strict=False)
        spreading = [old.value for old, new in replaced if now < new.since + window.total_seconds()]
        return (*spreading, self.current)

    def accepts(self, values: Collection[str], now: float, window: timedelta, random: Random) -> bool:
        """Return whether one request with these values is accepted.

        While a change spreads, this is decided at random, and the next request may be decided differently.
        """
        # Each value that may be met has the same chance. Auth0 does not say how its nodes share the requests.
        return random.choice(self.met(now, window)) in values

    def verdict(self, value: str, now: float, window: timedelta) -> Verdict:
        """Return whether requests with this value are always accepted, never, or by chance.

        Unlike `accepts`, it is not random.
        """
        met = set(self.met(now, window))
        if value not in met:
            return "no"
        return "yes" if len(met) == 1 else "maybe"

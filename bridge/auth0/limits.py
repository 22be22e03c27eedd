"""Rate limits: what an answer says about them, and how often one call is retried. Nothing here waits."""

from __future__ import annotations

import random
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from bridge.auth0.errors import Limited, Unreachable
from sinks.clock import Clock

ATTEMPTS = 4
BUDGET_SECONDS = 60.0
"""The longest total wait of one call, over all of its retries."""

_random = random.SystemRandom()


def wait_asked(headers: Mapping[str, str], now: datetime) -> float | None:
    """Return the number of seconds that an answer asks to wait, or None if it does not say.

    `Retry-After` wins over `x-ratelimit-reset`. The reset is in UNIX seconds of Auth0's clock, so it is compared with
    the answer's `Date`. `now`, this machine's time, serves if there is no `Date`.
    """
    server_now = _date(headers.get("date")) or now
    asked = headers.get("retry-after")
    if asked is not None:
        moment = _date(asked)
        seconds = (moment - server_now).total_seconds() if moment else _number(asked)
        if seconds is not None:
            return max(0.0, seconds)
    reset = _number(headers.get("x-ratelimit-reset"))
    return None if reset is None else max(0.0, reset - server_now.timestamp())


def is_used_up(headers: Mapping[str, str]) -> bool:
    """Return whether an answer says that the rate limit is used up (`x-ratelimit-remaining: 0`)."""
    return headers.get("x-ratelimit-remaining", "").strip() == "0"


class Patience:
    """The retry policy of one call, in the form of stamina's `on` hook.

    A 429 is always retried, because Auth0 did not carry the request out. A call without a usable answer is retried only
    if it is `safe`. No retry begins after `before` (monotonic seconds), and all waits together stay within
    `BUDGET_SECONDS`.
    """

    def __init__(self, clock: Clock, *, safe: bool, before: float | None) -> None:
        self._clock = clock
        self._safe = safe
        self._before = before
        self._spent = 0.0
        self._backoff = 0.5

    def covers(self, error: Exception) -> bool:
        """Return whether a call that failed with this kind of error may be retried at all."""
        return isinstance(error, Limited) or (self._safe and isinstance(error, Unreachable))

    def __call__(self, error: Exception) -> float | bool:
        """Return the number of seconds to wait before the retry, or False if there is none."""
        if not self.covers(error):
            return False
        asked = error.wait if isinstance(error, Limited) else None
        wait = max(self._backoff, asked or 0.0)  # a reset is in whole seconds, and so may be a little early
        wait += _random.uniform(0, 0.5 + wait / 10)
        self._backoff *= 2
        in_time = self._before is None or self._clock.monotonic() + wait < self._before
        if not in_time or self._spent + wait > BUDGET_SECONDS:
            return False
        self._spent += wait
        return wait


def _date(text: str | None) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text) if text else None
    except ValueError:
        return None
    return moment.replace(tzinfo=UTC) if moment and moment.tzinfo is None else moment


def _number(text: str | None) -> float | None:
    try:
        return float(text) if text else None
    except ValueError:
        return None

"""Rate limits: what an answer says about them, and how long a call waits before its retries. Nothing here waits."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

ATTEMPTS = 4
BUDGET_SECONDS = 60.0
"""The longest time from a call's first attempt to the beginning of its last one."""

_random = random.SystemRandom()


def wait_asked(headers: Mapping[str, str], now: datetime) -> float | None:
    """Return the number of seconds that an answer asks to wait, or None if it does not say.

    `Retry-After` wins over `x-ratelimit-reset`. The reset is in UNIX seconds of Auth0's clock, so it is compared with
    the answer's `Date`. `now`, this machine's time, serves if there is no `Date`.
    """
    # The reset is in Auth0's time, and this machine's clock may be minutes off.
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
    """Return whether an answer says that the rate limit is used up (`x-ratelimit-remaining: 0`).

    The next request would get a 429. Waiting for the reset costs less than that and a retry.
    """
    return headers.get("x-ratelimit-remaining", "").strip() == "0"


def wait_before_retry(attempt: int, asked: float | None) -> float:
    """Return the number of seconds to wait after the failed attempt with this number, counted from 1.

    It doubles with each attempt, from half a second on, and is never shorter than `asked`. A random part spreads a
    crowd of callers.
    """
    wait = max(0.5 * 2.0 ** (attempt - 1), asked or 0.0)
    # A reset is in whole seconds, and so may be a little early: the random part comes on top.
    return wait + _random.uniform(0, 0.5 + wait / 10)


def _date(text: str | None) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text) if text else None
    except (ValueError, TypeError, OverflowError):  # by the kind of nonsense
        return None
    # A date without a zone is in GMT (RFC 9110, section 5.6.7).
    return moment.replace(tzinfo=UTC) if moment and moment.tzinfo is None else moment


def _number(text: str | None) -> float | None:
    try:
        number = float(text) if text and text.isascii() else None
    except ValueError:
        return None
    # "nan" and "inf" are numbers to Python. No wait can be made of them.
    return number if number is not None and math.isfinite(number) else None

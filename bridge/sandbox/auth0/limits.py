"""Rate limits by group of endpoints, as token buckets. Pure: the time is an argument."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

Group = Literal["management", "read_clients", "write_clients", "read_logs", "token"]
GROUPS: tuple[Group, ...] = get_args(Group)


@dataclass(frozen=True)
class Rate:
    """The size of a token bucket.

    It allows `burst` requests at once, and is refilled with `per_second`. `retry_after` says whether a 429 carries that
    header.
    """

    burst: int
    per_second: float
    retry_after: bool = False


PLANS: Mapping[str, Mapping[Group, Rate]] = {
    "free": {"management": Rate(2, 2), "token": Rate(30, 5)},
    "paid": {"read_clients": Rate(5, 100 / 60), "read_logs": Rate(10, 100 / 60), "token": Rate(25, 25)},
    "enterprise": {"management": Rate(50, 16), "token": Rate(100, 100)},
    "enterprise-nonproduction": {"management": Rate(10, 2), "token": Rate(100, 100)},
}
"""Auth0's published limits (2026)."""


@dataclass(frozen=True)
class Allowance:
    """What a response says about the limit that the request was counted against.

    `wait` is the number of seconds until the next request is allowed.
    """

    limit: int
    remaining: int
    wait: float
    allowed: bool
    retry_after: bool


class Limits:
    """The buckets of a tenant. A group without a rate is not limited.

    It has no lock: the caller must not use it from two threads at once.
    """

    def __init__(self) -> None:
        self._buckets: dict[Group, _Bucket] = {}

    def set(self, group: Group, rate: Rate | None, now: float) -> None:
        """Limit a group, with a full bucket. None removes its limit.

        Raises:
            ValueError: there is no such group.
        """
        if group not in GROUPS:
            raise ValueError(f"no such group: {group}")
        if rate is None:
            self._buckets.pop(group, None)
        else:
            self._buckets[group] = _Bucket(rate, float(rate.burst), now)

    def take(self, groups: tuple[Group, ...], now: float) -> Allowance | None:
        """Count one request against all of its groups, and return the allowance of the scarcest one.

        It returns None if none of the groups is limited.
        """
        # Each bucket is charged, also when another one refuses the request.
        allowances = [self._buckets[group].take(now) for group in groups if group in self._buckets]
        return min(allowances, key=lambda one: (one.allowed, one.remaining), default=None)


def groups_of(method: str, path: str) -> tuple[Group, ...]:
    """Return the groups that a request counts for.

    It may count for several. A request that counts for none is not limited.
    """
    if path == "/oauth/token":
        return ("token",)
    if path.startswith("/api/v2/logs"):
        # Plans limit either all of the Management API or its endpoints one by one. A request counts for both, and only
        # the plan's own groups have buckets.
        return ("read_logs", "management")
    if path.startswith("/api/v2/"):
        return ("read_clients" if method == "GET" else "write_clients", "management")
    return ()


class _Bucket:
    def __init__(self, rate: Rate, tokens: float, now: float) -> None:
        self._rate, self._tokens, self._at = rate, tokens, now

    def take(self, now: float) -> Allowance:
        rate = self._rate
        self._tokens = min(float(rate.burst), self._tokens + (now - self._at) * rate.per_second)
        self._at = now
        allowed = self._tokens >= 1
        if allowed:
            self._tokens -= 1
        missing = max(0.0, 1 - self._tokens)
        wait = missing / rate.per_second if rate.per_second else 60.0  # a bucket that never refills, for tests
        return Allowance(rate.burst, int(self._tokens), wait, allowed, rate.retry_after)

"""Faults that are injected on request: a queue of rules, each for some requests."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum


class FaultKind(StrEnum):
    """What happens to a request that a rule matches. "after" means that the request takes effect first."""

    LOST = "lost"
    """After the effect, the connection is closed without an answer."""
    DROPPED = "dropped"
    """Before the effect, the connection is closed without an answer."""
    ERROR_BEFORE = "error-before"
    ERROR_AFTER = "error-after"
    SLOW_BEFORE = "slow-before"
    SLOW_AFTER = "slow-after"
    HTML = "html"
    """502 with an HTML page, before the effect."""
    HTML_AFTER = "html-after"
    REDIRECT = "redirect"
    """301 to `location`, before the effect."""
    TRUNCATED = "truncated"
    """After the effect, half of the body is sent, then the connection is closed."""
    LIMITED = "limited"
    """429 before the effect, with `Retry-After` when `retry_after` is given."""
    EXPIRED = "expired"
    """401 for an expired token, before the effect."""


@dataclass(frozen=True)
class Fault:
    """One rule.

    It lets `skip` matching requests pass, and then applies to the next `count` of them.
    """

    kind: FaultKind
    """What happens to the request."""
    method: str = ".*"
    """A regular expression that must match the whole method."""
    path: str = ".*"
    """A regular expression that must match any part of the path."""
    count: int = 1
    """How many requests it applies to."""
    skip: int = 0
    """How many matching requests pass before it applies."""
    delay: timedelta = timedelta(0)
    """How long the slow kinds wait."""
    status: int = 503
    """The status of the error kinds."""
    retry_after: timedelta | None = None
    """The `Retry-After` of `LIMITED`. None leaves the header out."""
    location: str | None = None
    """The target of `REDIRECT`. None means a path of the tenant itself."""

    def matches(self, method: str, path: str) -> bool:
        """Return whether the rule is for this request. It does not count the request."""
        return re.fullmatch(self.method, method) is not None and re.search(self.path, path) is not None


class Faults:
    """Rules in the order in which they were added. At most one of them applies to each request."""

    def __init__(self) -> None:
        self._rules: list[Fault] = []

    def add(self, fault: Fault) -> None:
        """Add a rule at the end.

        Rules that were added earlier apply first.
        """
        self._rules.append(fault)

    def clear(self) -> None:
        """Remove all rules.

        Requests that are under way keep the fault that they got.
        """
        self._rules.clear()

    def next(self, method: str, path: str) -> Fault | None:
        """Return the rule that applies to this request, and count the request against it.

        A rule that is still skipping passes the request on to the rules behind it.
        """
        for index, rule in enumerate(self._rules):
            if not rule.matches(method, path):
                continue
            if rule.skip:
                self._rules[index] = replace(rule, skip=rule.skip - 1)
                continue
            if rule.count > 1:
                self._rules[index] = replace(rule, count=rule.count - 1)
            else:
                del self._rules[index]
            return rule
        return None

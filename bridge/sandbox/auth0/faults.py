"""What may go wrong on the way, on request: a queue of rules, each for some requests."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum


class FaultKind(StrEnum):
    """What happens to a request that a rule matches. The effect happens in those marked "after"."""

    LOST = "lost"
    """After the effect the connection is closed without an answer."""
    DROPPED = "dropped"
    """Before the effect the connection is closed without an answer."""
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
    """After the effect; half of the body, then the connection is closed."""
    LIMITED = "limited"
    """429 before the effect, with `Retry-After` when `retry_after` is given."""
    EXPIRED = "expired"
    """401 for an expired token, before the effect."""


@dataclass(frozen=True)
class Fault:
    """One rule. `method` and `path` are regular expressions; `path` may match any part, `method` the whole.

    It lets `skip` matching requests pass, then strikes `count` times.
    """

    kind: FaultKind
    method: str = ".*"
    path: str = ".*"
    count: int = 1
    skip: int = 0
    delay: timedelta = timedelta(0)
    status: int = 503
    retry_after: timedelta | None = None
    location: str | None = None

    def matches(self, method: str, path: str) -> bool:
        """Tell whether a request is one this rule is for."""
        return re.fullmatch(self.method, method) is not None and re.search(self.path, path) is not None


class Faults:
    """Rules in the order they were added; each request meets at most one of them."""

    def __init__(self) -> None:
        self._rules: list[Fault] = []

    def add(self, fault: Fault) -> None:
        """Add a rule at the end."""
        self._rules.append(fault)

    def clear(self) -> None:
        """Forget all rules."""
        self._rules.clear()

    def next(self, method: str, path: str) -> Fault | None:
        """Return what happens to this request, and use it up."""
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

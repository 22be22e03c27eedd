"""The subset of Auth0's log search syntax that the bridge uses: clauses joined by AND. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

Entry = Mapping[str, Any]
Predicate = Callable[[Entry], bool]

SEARCHABLE = frozenset({
    "audience", "client_id", "client_name", "connection", "connection_id", "date", "description", "hostname", "ip",
    "log_id", "strategy", "strategy_type", "type", "user_agent", "user_id", "user_name",
})  # fmt: skip
"""The fields that a clause may name."""

_CLAUSE = re.compile(r'(\w+):(\([^()]*\)|\[[^\[\]]*\]|"[^"]*"|[^\s()\[\]"]+)')
_WORD = re.compile(r'"[^"]*"|[^\s()\[\]"]+')


class BadQuery(ValueError):
    """A query that is not in the supported subset."""


def parse(text: str) -> Predicate:
    """Return a function that decides whether an entry matches. An empty query matches every entry.

    The subset is `field:value`, `field:(a OR b)` and `date:[a TO b]`, joined by AND.

    Raises:
        BadQuery: the query is not in this subset.
    """
    clauses: list[Predicate] = []
    rest = text.strip()
    while rest:
        # What is not understood is an error. Ignoring a clause would return too many entries, and a test
        # would pass for the wrong reason.
        match = _CLAUSE.match(rest)
        if match is None or match[1] not in SEARCHABLE:
            raise BadQuery(text)
        clauses.append(_clause(match[1], match[2]))
        rest = rest[match.end() :]
        if rest and not rest.startswith(" AND "):
            raise BadQuery(text)
        rest = rest.removeprefix(" AND ").lstrip() if rest else rest
    return lambda entry: all(wanted(entry) for wanted in clauses)


def moment(text: str) -> datetime:
    """Parse a time. Without a time zone it is UTC.

    Raises:
        BadQuery: the text is not a time.
    """
    try:
        parsed = datetime.fromisoformat(text.strip('"'))
    except ValueError:
        raise BadQuery(text) from None
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)


def _clause(field: str, value: str) -> Predicate:
    """Return a function that decides whether an entry matches one clause.

    Raises:
        BadQuery: the value is not in the supported subset.
    """
    if value.startswith("["):
        return _between(field, value[1:-1])
    words = _WORD.findall(value)
    if value.startswith("("):
        if len(words) % 2 == 0 or any(word != "OR" for word in words[1::2]):
            raise BadQuery(value)
        words = words[::2]
    wanted = frozenset(word.strip('"') for word in words)
    return lambda entry: entry.get(field) in wanted


def _between(field: str, inner: str) -> Predicate:
    """Return a function that decides whether an entry's date is in a range.

    `*` leaves an end open.

    Raises:
        BadQuery: the field is not `date`, or the range cannot be understood.
    """
    first, to, last = inner.partition(" TO ")
    if field != "date" or not to:
        raise BadQuery(inner)
    low = None if first.strip() == "*" else moment(first.strip())
    high = None if last.strip() == "*" else moment(last.strip())

    def within(entry: Entry) -> bool:
        at = moment(entry["date"])
        return (low is None or low <= at) and (high is None or at <= high)

    return within

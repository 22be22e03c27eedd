"""What rate limit headers mean, and how much patience there is."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from bridge.auth0.errors import Limited, Rejected, Unreachable
from bridge.auth0.limits import BUDGET_SECONDS, Patience, wait_asked

NOW = datetime(2026, 11, 23, tzinfo=UTC)
UNIX = int(NOW.timestamp())


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({}, None),
        ({"retry-after": "7"}, 7),
        ({"retry-after": "7", "x-ratelimit-reset": str(UNIX + 3)}, 7),
        ({"x-ratelimit-reset": str(UNIX + 3)}, 3),
        ({"x-ratelimit-reset": str(UNIX - 3)}, 0),
        ({"retry-after": "soon", "x-ratelimit-reset": str(UNIX + 3)}, 3),
        ({"retry-after": "Mon, 23 Nov 2026 00:00:09 GMT"}, 9),
        ({"retry-after": "Mon, 23 Nov 2026 00:00:09 -0000"}, 9),  # no zone is told: it is UTC (RFC 5322, section 3.3)
        ({"x-ratelimit-reset": "never"}, None),
        ({"x-ratelimit-reset": str(UNIX + 100), "date": "Mon, 23 Nov 2026 00:01:39 GMT"}, 1),
    ],
)
def test_what_an_answer_asks_to_wait(headers: dict[str, str], wait: float | None) -> None:
    assert wait_asked(headers, NOW) == wait


def test_a_429_is_waited_for_as_asked_with_a_little_more_to_spread_the_crowd(clock: Any) -> None:
    waits = [Patience(clock, safe=False, before=None)(Limited("", wait=5)) for _ in range(20)]
    assert all(5 <= wait <= 6 for wait in waits)
    assert len(set(waits)) > 1


def test_waiting_ends_within_the_budget(clock: Any) -> None:
    patience = Patience(clock, safe=True, before=None)
    waits = [patience(Limited("", wait=25)) for _ in range(4)]
    assert waits[2:] == [False, False]
    assert sum(waits) <= BUDGET_SECONDS


def test_pauses_grow_where_nothing_was_asked(clock: Any) -> None:
    patience = Patience(clock, safe=True, before=None)
    first, second, third = (float(patience(Unreachable(""))) for _ in range(3))
    assert first >= 0.5
    assert second >= 1
    assert third >= 2


def test_nothing_is_repeated_that_could_not_begin_in_time(clock: Any) -> None:
    assert Patience(clock, safe=True, before=clock.monotonic() + 5)(Limited("", wait=5)) is False
    assert Patience(clock, safe=True, before=clock.monotonic() + 5)(Limited("", wait=1)) is not False


def test_only_what_is_safe_is_repeated_after_a_lost_answer(clock: Any) -> None:
    assert Patience(clock, safe=False, before=None)(Unreachable("")) is False
    assert Patience(clock, safe=True, before=None)(Rejected("")) is False
    assert Patience(clock, safe=True, before=None)(ValueError()) is False

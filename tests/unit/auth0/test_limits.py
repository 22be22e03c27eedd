"""What rate limit headers mean, and how much patience there is."""

from __future__ import annotations

from contextlib import nullcontext
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from bridge.auth0.client import Client
from bridge.auth0.errors import Limited, Rejected, Unreachable
from bridge.auth0.limits import ATTEMPTS, BUDGET_SECONDS, wait_asked, wait_before_retry
from bridge.auth0.probe import Verdict
from bridge.auth0.tenant import Credentials
from bridge.model.origin import Origin, Settable
from sinks.errors import Expired
from sinks.secret import Secret

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
        ({"retry-after": "3600"}, 3600),
        ({"retry-after": "-5"}, 0),
        *[
            ({"retry-after": text}, None)
            for text in ("nan", "inf", "1e999", "", "3600 s", "\u0663", "Mon, 99 Nov 2026")
        ],
        ({"retry-after": "Mon, 23 Nov 99999999999999999999 00:00:09 GMT"}, None),
        ({"retry-after": "Mon, 23 Nov 2026 00:00:09 +99999999999999999999"}, None),
        ({"x-ratelimit-reset": "inf"}, None),
        ({"x-ratelimit-reset": str(UNIX + 100), "date": "Mon, 23 Nov 2026 00:01:39 GMT"}, 1),
    ],
)
def test_what_an_answer_asks_to_wait(headers: dict[str, str], wait: float | None) -> None:
    assert wait_asked(headers, NOW) == wait


def test_a_429_is_waited_for_as_asked_with_a_little_more_to_spread_the_crowd() -> None:
    waits = [wait_before_retry(1, 5) for _ in range(20)]
    assert all(5 <= wait <= 6 for wait in waits)
    assert len(set(waits)) > 1


@pytest.mark.parametrize("asked", [None, 0.0])
def test_pauses_grow_where_nothing_was_asked(asked: float | None) -> None:
    for attempt, least in ((1, 0.5), (2, 1), (3, 2)):
        assert all(least <= wait_before_retry(attempt, asked) <= least * 1.1 + 0.5 for _ in range(20))


def limited(refusal: Any, wait: int) -> httpx.Response:
    answer: httpx.Response = refusal(429, "Global limit has been reached", retry_after=str(wait))
    return answer


@pytest.mark.parametrize("doing", ["read", "token", "set", "set within a lease"])
@pytest.mark.parametrize("status", [429, 502, 503])
@pytest.mark.parametrize("headers", [{"retry-after": "3600"}, {"retry-after": "Mon, 23 Nov 2026 01:00:00 GMT"}])
def test_a_server_that_asks_for_more_than_the_budget_is_not_waited_for(
    connect: Any, wire: Any, clock: Any, status: int, headers: dict[str, str], doing: str
) -> None:
    wire.answers = wire.tokens = [httpx.Response(status, json={}, headers=headers)]
    auth0 = connect(Credentials(client_id="me", client_secret=Secret("x")) if doing == "token" else None)
    new, before = Settable(Secret("new"), Origin.GENERATED), clock.monotonic() + 10 if "lease" in doing else None
    with pytest.raises((Limited, Unreachable), match="asks to wait 3600 s") as caught:
        auth0.set_secret("AbC123", new, before=before) if "set" in doing else auth0.get_client("AbC123")
    assert caught.value.exit_status == 1
    assert "after 3600 s" in str(caught.value.hint)
    assert (len(wire.requests) + len(wire.token_requests), clock.slept) == (1, [])


def test_a_503_that_asks_for_a_little_is_waited_for(connect: Any, wire: Any, clock: Any) -> None:
    wire.answers = [httpx.Response(503, headers={"retry-after": "20"}), httpx.Response(200, json={"name": "billing"})]
    assert connect().get_client("AbC123").name == "billing"
    assert 20 <= clock.passed <= 23


def test_a_limit_that_is_told_beside_a_503_asks_for_nothing(connect: Any, wire: Any, clock: Any) -> None:
    wire.answers = [httpx.Response(503, headers={"x-ratelimit-reset": str(UNIX + 3600)})]
    with pytest.raises(Unreachable) as caught:
        connect().get_client("AbC123")
    assert "wait" not in caught.value.message
    assert len(wire.requests) == ATTEMPTS


@pytest.mark.parametrize("ahead", [16, 3600, 10**12])
def test_a_reset_far_off_does_not_stall_what_follows(connect: Any, wire: Any, clock: Any, ahead: int) -> None:
    limits = {"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(UNIX + ahead)}
    wire.answers = [httpx.Response(200, json={}, headers=limits)]
    auth0 = connect()
    for _ in range(10):
        auth0.get_client("AbC123")
    assert clock.slept == []


@pytest.mark.parametrize("status", [429, 503])
def test_a_probe_does_not_wait_for_what_is_asked(
    connect: Any, wire: Any, clock: Any, client: Client, status: int
) -> None:
    wire.answers = [httpx.Response(status, json={}, headers={"retry-after": "3600"})]
    assert connect().probe(client, Secret("a-value")) is Verdict.UNKNOWN
    assert clock.slept == []


def test_waiting_ends_within_the_budget(connect: Any, wire: Any, clock: Any, refusal: Any) -> None:
    wire.answers = [limited(refusal, 25)]
    with pytest.raises(Limited):
        connect().get_client("AbC123")
    assert (len(wire.requests), len(clock.slept)) == (3, 2)
    assert 50 <= clock.passed <= BUDGET_SECONDS


def test_each_attempt_waits_longer_than_the_one_before_and_the_last_one_does_not_wait(
    connect: Any, wire: Any, clock: Any
) -> None:
    wire.answers = [httpx.Response(503)]
    with pytest.raises(Unreachable):
        connect().get_client("AbC123")
    assert len(wire.requests) == ATTEMPTS
    assert [wait >= least for wait, least in zip(clock.slept, (0.5, 1, 2), strict=True)] == [True] * 3


@pytest.mark.parametrize(("left", "requests"), [(4.9, 1), (6.1, 2)])  # a wait of 5 s takes up to 6 s
def test_nothing_is_repeated_that_could_not_begin_in_time(
    connect: Any, wire: Any, clock: Any, refusal: Any, left: float, requests: int
) -> None:
    wire.answers = [limited(refusal, 5), httpx.Response(200, json={"client_secret": "x"})]
    auth0, before = connect(), clock.monotonic() + left
    with nullcontext() if requests == 2 else pytest.raises(Expired):
        auth0.rotate_secret("AbC123", before=before)
    assert len(wire.requests) == requests


def test_only_what_is_safe_is_repeated_after_a_lost_answer(connect: Any, wire: Any, clock: Any, refusal: Any) -> None:
    # A 429 is repeated in any case. That does not make the lost answer after it safe to repeat.
    wire.answers = [limited(refusal, 1), httpx.ReadError("x"), httpx.Response(200, json={})]
    with pytest.raises(Unreachable) as caught:
        connect().set_secret("AbC123", Settable(Secret("new"), Origin.GENERATED), before=None)
    assert caught.value.maybe_done
    assert len(wire.requests) == 2


def test_what_is_no_failure_of_the_tenant_is_not_repeated(connect: Any, wire: Any, clock: Any, refusal: Any) -> None:
    for failure, kind in ((refusal(400, "Bad"), Rejected), (ValueError("a fault of ours"), ValueError)):
        wire.requests.clear()
        wire.answers = [failure]
        with pytest.raises(kind):
            connect().get_client("AbC123")
        assert (len(wire.requests), clock.slept) == (1, [])

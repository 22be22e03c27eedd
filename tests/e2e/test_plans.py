"""Plans and steps on their own: from what was read to what is done, without any server."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from bridge.resumption import plan_resumption

from bridge.plan import REFRESH, Operation, Wish
from bridge.steps import Claim, SetAtAuth0, Wait
from sinks.companions import Companions
from sinks.port import Lock, Place, Record, Stage
from sinks.secret import Secret

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
URIS = ("aws://eu-west-1/a", "vault://secret/a")
PENDING, CURRENT = Secret("pending"), Secret("current")
LOCK = Lock(
    Operation.ROTATE, "r-1", "ci", NOW - timedelta(minutes=5), NOW - timedelta(minutes=4), "client", "tenant", URIS,
    not_before=NOW - timedelta(minutes=4, seconds=30), companions=Companions.KEEP,
)  # fmt: skip
RECORD = Record("client", "tenant", URIS, "r-0", NOW - timedelta(days=1), companions=Companions.KEEP)


def held(uri: str, announced: datetime | None, lock: Lock = LOCK) -> Place:
    values = {Stage.CURRENT: CURRENT, Stage.PENDING: PENDING}
    return Place(uri, NOW, exists=True, record=RECORD, lock=lock, values=values, announced=announced)


def waits(*announced: timedelta | None, wish: Wish | None = None, lock: Lock = LOCK) -> list[float]:
    """Return the waits for readers before Auth0 is changed, where the places were told so long ago, or not at all."""
    told = [NOW - ago if ago is not None else None for ago in announced]
    places = tuple(held(uri, at, lock) for uri, at in zip(URIS, told, strict=True))
    steps = plan_resumption(places, lock, wish or Wish(), now=NOW).steps
    before = steps[: steps.index(SetAtAuth0())]
    return [step.time.total_seconds() for step in before if isinstance(step, Wait) and step.why == REFRESH]


@pytest.mark.parametrize(
    ("announced", "expected"),
    [
        ((10, 5), [25]),  # the wait was meant to be half a minute: readers of the later one need the rest of it
        ((5, 10), [25]),
        ((None, 10), [30]),
        ((30, 31), []),
        ((40, 20), [10]),
    ],
)
def test_who_finishes_a_rotation_waits_for_the_readers_of_the_place_that_was_told_last(
    announced: tuple[int | None, ...], expected: list[float]
) -> None:
    ago = [None if seconds is None else timedelta(seconds=seconds) for seconds in announced]
    assert waits(*ago) == expected


def test_the_configured_wait_counts_where_it_is_longer_and_there_is_none_where_none_was_meant() -> None:
    ago = (timedelta(seconds=10), timedelta(seconds=10))
    assert waits(*ago, wish=Wish(refresh=timedelta(minutes=1))) == [50]
    assert waits(*ago, wish=Wish(refresh=timedelta(seconds=1))) == [20]
    assert waits(*ago, lock=replace(LOCK, not_before=None)) == []
    fenced = replace(LOCK, fenced=LOCK.started + timedelta(seconds=20))  # half a minute began when the fence had passed
    assert waits(*ago, lock=fenced) == []
    assert waits(timedelta(seconds=2), timedelta(seconds=10), lock=fenced) == [8]


def test_without_companions_the_wait_ends_when_it_was_meant_to() -> None:
    lock = replace(LOCK, companions=Companions.NONE, not_before=NOW + timedelta(seconds=7))
    assert waits(None, None, lock=lock) == [7]
    assert waits(None, None, lock=replace(lock, not_before=NOW)) == []


@pytest.mark.parametrize(
    ("step", "text"),
    [
        (Claim("vault://a"), "store the value as pending in vault://a"),
        (Claim("vault://a", with_value=False), "lock vault://a"),
        (
            Claim("vault://a", fill=True),
            "store the live value as current, then store the value as pending in vault://a",
        ),
        (Claim("vault://a", with_value=False, fill=True), "store the live value as current, then lock vault://a"),
    ],
)
def test_a_claim_says_what_it_stores(step: Claim, text: str) -> None:
    assert str(step) == text

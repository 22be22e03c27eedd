"""What an operation writes into a sink's record, and which times and seals are believed."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from bridge.planning.sink_record import adopted, named, noted, promoted, record, unchanged
from sinks.port import History, Stage, Version
from tests.unit.planning.sinks import ANCIENT, DAY, NEW, NOW, OLD, URIS, A, B, lock, mark, place
from tests.unit.planning.sinks import record as known

HOUR = timedelta(hours=1)


def test_a_record_says_whose_it_is_since_when_and_what_was_current_before() -> None:
    found = record(lock(base=mark(OLD)), place(B, fallback=ANCIENT), NEW, URIS, NOW, mark(OLD))
    assert (found.client_id, found.tenant, found.sinks, found.rotation) == ("client", "tenant", URIS, "r-1")
    assert (found.promoted_at, found.age_is_minimum, found.former) == (NOW, False, mark(OLD))
    assert found.recent == (mark(NEW), mark(OLD), mark(ANCIENT))


def test_an_operation_has_one_entry_in_the_log_however_often_it_writes() -> None:
    first = record(lock(), place(B, record=known(OLD, log=("r-0 TIME rotate ci",))), OLD, URIS, NOW)
    again = record(lock(), place(B, record=first), NEW, URIS, NOW + HOUR)
    assert len(first.log) == len(again.log) == 2
    assert again.log[0].startswith("r-1 2026-01-01T13:00:00")
    assert again.log[1] == "r-0 TIME rotate ci"


def test_a_reason_is_cut_and_cannot_look_like_the_next_entry() -> None:
    told = noted(lock("retire", reason="a / b" + "x" * 200), NOW, "")["retirement"] or ""
    assert ": a - b" in told
    assert " / " not in told
    assert len(told.partition(": ")[2]) == 100


def test_the_anchor_is_noted_where_there_is_one() -> None:
    assert set(noted(lock(), NOW, "")) == {"retirement"}
    assert noted(lock(), NOW, "7:abc")["anchor"] == "7:abc"


@pytest.mark.parametrize(
    ("tagged", "written", "released", "expected"),
    [
        (NOW - DAY, NOW - DAY, None, NOW - DAY),
        (NOW + DAY, NOW - DAY, None, NOW - DAY),
        (NOW + DAY, NOW - DAY, NOW - HOUR, NOW - HOUR),
        (NOW + DAY, None, None, NOW + DAY),
        (NOW - 3 * DAY, NOW - DAY, None, NOW - 3 * DAY),
    ],
    ids=["as it is", "in the future", "no later than the last change", "the vault tells no time", "older"],
)
def test_a_tags_time_is_bounded_by_the_vaults_own(
    tagged: datetime, written: datetime | None, released: datetime | None, expected: datetime
) -> None:
    history = History((Version("1", Stage.CURRENT, written),))
    found = place(B, record=known(OLD, promoted_at=tagged), history=history, released=released)
    assert promoted(found, NOW) == expected


def test_current_is_no_older_than_the_version_after_the_fallbacks() -> None:
    made = NOW - DAY
    history = History((
        Version("1", Stage.FALLBACK, NOW - 9 * DAY), Version("2", None, made), Version("3", Stage.CURRENT, NOW - HOUR),
    ))  # fmt: skip
    old = place(B, record=known(OLD, promoted_at=NOW - 30 * DAY), history=history)
    assert promoted(old, NOW) == made - timedelta(seconds=1)


def test_a_vault_whose_clock_is_behind_is_corrected_by_the_others() -> None:
    behind = place(B, record=known(OLD, promoted_at=NOW), at=NOW - HOUR, history=History((
        Version("1", Stage.CURRENT, NOW - HOUR),
    )))  # fmt: skip
    assert promoted(behind, NOW) == NOW
    assert promoted(place(B, record=None), NOW) is None


def test_what_was_there_before_the_bridge_is_at_least_as_old_as_its_version() -> None:
    there = place(B, record=None, history=History((Version("1", Stage.CURRENT, NOW - 5 * DAY),)))
    found = adopted(lock("adopt"), there, OLD, URIS, NOW, written=False)
    assert (found.promoted_at, found.age_is_minimum) == (NOW - 5 * DAY, True)
    assert adopted(lock("adopt"), there, OLD, URIS, NOW, written=True).promoted_at == NOW


def test_a_sealed_record_knows_the_age_better_and_an_unsealed_one_does_not() -> None:
    sealed = place(B, record=known(OLD, former="", promoted_at=NOW - 40 * DAY))
    assert adopted(lock("adopt"), sealed, OLD, URIS, NOW, written=False).promoted_at == NOW - 40 * DAY
    forged = replace(sealed, record=known(OLD, former=None, promoted_at=NOW - 40 * DAY))
    assert adopted(lock("adopt"), forged, OLD, URIS, NOW, written=False).promoted_at > NOW - 2 * DAY


@pytest.mark.parametrize(
    ("formers", "expected"),
    [
        ((None, None), ""),
        (("", ""), ""),
        (("@x", None), "@x"),
        (("@x", "x"), "x"),
        ((None, "x"), "x"),
    ],
)
def test_one_good_seal_suffices_and_a_proven_one_counts_first(
    formers: tuple[str | None, str | None], expected: str
) -> None:
    sinks = tuple(place(uri, record=known(OLD, former=each)) for uri, each in zip((A, B), formers, strict=True))
    assert named(sinks, OLD) == expected
    assert named(sinks, NEW) == ""
    assert named(sinks, None) == ""


def test_a_value_keeps_the_age_that_any_place_knows_of_it() -> None:
    new = known(OLD, promoted_at=NOW)
    older = place(A, record=known(OLD, promoted_at=NOW - 7 * DAY, age_is_minimum=True))
    assert unchanged(new, (older, place(B))).promoted_at == NOW - 7 * DAY
    assert unchanged(new, (older, place(B))).age_is_minimum
    assert unchanged(new, (place(A, NEW),)) == new

"""How a client stands, by what its sinks say: each state, what it asks for, and which of two counts first."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from bridge.config.settings import ClientSettings, Exemption
from bridge.model.client_ref import ClientRef
from bridge.planning.status import Kind, Status, judge
from sinks.port import History, SinkState, SoftDeleted, Stage, Version
from tests.unit.planning.sinks import ANCIENT, CLIENT, DAY, NOW, OLD, TENANT, URIS, A, B, lock, place, record

SETTINGS = ClientSettings("billing", CLIENT, TENANT, URIS)
WHOSE = ClientRef(CLIENT, TENANT, "billing", URIS)
LATER, EARLIER = NOW + timedelta(minutes=5), NOW - timedelta(minutes=5)


def aged(days: float, *, fallback: bool = False, uri: str = B) -> SinkState:
    """Return a sink whose current value is so many days old."""
    since = NOW - days * DAY
    versions = [*([Version("1", Stage.FALLBACK, since - DAY)] if fallback else []), Version("2", Stage.CURRENT, since)]
    return place(uri, record=record(OLD, ANCIENT, promoted_at=since), history=History(tuple(versions)))


def of(*sinks: SinkState, settings: ClientSettings = SETTINGS) -> Status:
    return judge(settings, WHOSE, tuple(sinks))


@pytest.mark.parametrize(
    ("changed", "kind", "attention", "verb"),
    [
        ({}, Kind.OK, False, None),
        ({"lock": lock(expected_end=LATER)}, Kind.IN_PROGRESS, False, None),
        ({"lock": lock(expected_end=EARLIER)}, Kind.INTERRUPTED, True, "resume"),
        ({"foreign": "a text"}, Kind.INTERRUPTED, True, "resume --discard-foreign"),
        ({"unsettled": True}, Kind.INTERRUPTED, True, "resume"),
        ({"manager": "terraform"}, Kind.MISPLACED, True, None),
        ({"exists": False}, Kind.EMPTY, True, "adopt"),
        ({"record": None}, Kind.UNMANAGED, True, "adopt"),
        ({"record": None, "wiped": True}, Kind.WIPED, True, "adopt --repair"),
        ({"record": record(OLD, client_id="another")}, Kind.MISPLACED, True, None),
        ({"record": record(OLD, ANCIENT, rotation="r-9")}, Kind.DRIFT, True, "sync"),
    ],
    ids=lambda value: ",".join(value) if isinstance(value, dict) else None,
)
def test_each_state_says_what_to_do(changed: dict[str, object], kind: Kind, attention: bool, verb: str | None) -> None:
    sound = replace(aged(1, uri=A))
    found = of(sound, replace(aged(1), **changed))  # type: ignore[arg-type]  # a sink's own fields
    assert (found.kind, found.attention) == (kind, attention)
    assert found.next == (WHOSE.command(verb) if verb else None)


def test_a_current_value_that_cannot_be_read_is_drift_whatever_its_age() -> None:
    gone = replace(aged(100), history=History((Version("2", Stage.CURRENT, NOW - DAY, readable=False),)))
    found = of(gone)
    assert (found.kind, found.attention) == (Kind.DRIFT, True)
    assert "cannot be read any more" in found.state


@pytest.mark.parametrize(
    ("days", "fallback", "kind", "verb"),
    [
        (89, False, Kind.OK, None),
        (91, False, Kind.DUE, "rotate"),
        (0.5, True, Kind.OK, None),
        (2, True, Kind.OK, "retire"),
        (15, True, Kind.FALLBACK_OVERDUE, "retire"),
        (91, True, Kind.FALLBACK_OVERDUE, "retire"),
    ],
)
def test_ages_say_when_to_rotate_and_when_to_retire(days: float, fallback: bool, kind: Kind, verb: str | None) -> None:
    found = of(aged(days, fallback=fallback, uri=A), aged(days, fallback=fallback))
    assert found.kind is kind
    assert found.next == (WHOSE.command(verb) if verb else None)
    assert found.attention is (kind is not Kind.OK)
    assert found.due is (days > 90)


def test_times_to_retire_count_from_the_place_that_was_promoted_last() -> None:
    found = of(aged(3, fallback=True, uri=A), aged(2, fallback=True))
    assert found.retire_from == NOW - 2 * DAY + timedelta(hours=24)
    assert found.retire_by == NOW - 2 * DAY + timedelta(days=14)
    assert [each.uri for each in found.fallbacks] == [A, B]


@pytest.mark.parametrize(("kept", "word"), [(True, "still"), (False, "no longer")])
def test_what_was_retired_softly_has_to_end_too(kept: bool, word: str) -> None:
    soft_deleted = SoftDeleted("x", ("1",), kept=kept)
    found = of(replace(aged(2, uri=A), soft_deleted=soft_deleted), replace(aged(2), soft_deleted=soft_deleted))
    assert (found.kind, found.next) == (Kind.OK, WHOSE.command("retire"))
    assert f"can {word} be brought back" in found.state
    assert found.retire_by
    assert not found.retire_from


@pytest.mark.parametrize(
    ("until", "kind", "due"), [(date(2026, 1, 1), Kind.EXCEPTED, False), (date(2025, 12, 31), Kind.DUE, True)]
)
def test_an_exception_counts_to_the_end_of_its_last_day_and_for_ages_only(until: date, kind: Kind, due: bool) -> None:
    granted = replace(SETTINGS, exception=Exemption("ana", "frozen until launch", until))
    found = of(aged(91, uri=A), aged(91), settings=granted)
    assert (found.kind, found.due) == (kind, due)
    assert "ana" in found.state
    lost = replace(aged(91), record=None, wiped=True)
    assert of(aged(91, uri=A), lost, settings=granted).kind is Kind.WIPED


def test_the_most_urgent_reason_is_told() -> None:
    locked = replace(aged(91, uri=A), lock=lock(expected_end=EARLIER))
    assert of(locked, replace(aged(91), record=None, wiped=True)).kind is Kind.INTERRUPTED

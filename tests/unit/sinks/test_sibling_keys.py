"""When the keys beside a value count as ours: they are changed and taken away only then."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from sinks.document import Document
from sinks.errors import Refused
from sinks.port import SinkState, Stage
from sinks.record import Record
from sinks.secret import Secret
from sinks.sibling_keys import SiblingKeys, with_sibling_keys

NOW = datetime(2026, 1, 1, tzinfo=UTC)
HELD = {Stage.CURRENT: Secret("current"), Stage.FALLBACK: Secret("fallback"), Stage.PENDING: Secret("pending")}
PLACE = SinkState("vault://secret/a", NOW, exists=True, values=HELD)
RECORD = Record("client", "tenant", (PLACE.uri,), "r-1", NOW)
BOTH = ("key_next", "key_previous")


def seen(beside: dict[str, str], **more: Any) -> SinkState:
    return with_sibling_keys(replace(PLACE, **more), Document({"key": "current", **beside}), "key", NOW)


@pytest.mark.parametrize(
    ("following", "previous", "ours"),
    [
        ("current", "current", True),
        ("pending", "fallback", True),
        ("current", "somebody's", False),
        ("somebody's", "fallback", False),
    ],
)
def test_without_a_record_they_are_ours_if_both_hold_what_ours_would(following: str, previous: str, ours: bool) -> None:
    place = seen({"key_next": following, "key_previous": previous})
    assert place.sibling_keys is (SiblingKeys.KEEP if ours else SiblingKeys.NONE)
    assert place.occupied == (() if ours else BOTH)


def test_one_alone_is_somebody_elses() -> None:
    place = seen({"key_next": "current"})
    assert (place.sibling_keys, place.occupied) == (SiblingKeys.NONE, ("key_next",))


def test_where_the_tags_were_wiped_they_are_ours_whatever_they_hold() -> None:
    place = seen({"key_next": "x", "key_previous": "y"}, wiped=True)
    assert (place.sibling_keys, place.occupied) == (SiblingKeys.KEEP, ())
    assert seen({}, wiped=True).sibling_keys is SiblingKeys.NONE


def test_a_record_tells_whether_there_are_any_and_whether_they_went_astray() -> None:
    kept = replace(RECORD, sibling_keys=SiblingKeys.KEEP)
    right = {"key_next": "current", "key_previous": "fallback"}
    assert seen(right, record=RECORD).sibling_keys is SiblingKeys.NONE
    assert not seen(right, record=kept).inconsistent
    assert seen({**right, "key_previous": "current"}, record=kept).inconsistent
    assert seen({}, record=kept).inconsistent
    assert not seen({}, record=kept, unsettled=True).inconsistent
    assert not seen({}, record=RECORD).inconsistent
    assert not seen({}, remembered=kept).inconsistent
    without = {stage: value for stage, value in HELD.items() if stage is not Stage.FALLBACK}
    assert not seen({"key_next": "current", "key_previous": "current"}, record=kept, values=without).inconsistent


@pytest.mark.parametrize("told", [SiblingKeys.KEEP, SiblingKeys.WERE])
@pytest.mark.parametrize(
    ("beside", "ours"),
    [
        ({"key_next": "before", "key_previous": "fallback"}, True),
        ({"key_next": "before", "key_previous": "before"}, True),
        ({"key_next": "current"}, True),
        ({"key_previous": "before"}, True),
        ({"key_next": "before", "key_previous": "somebody's"}, False),
        ({"key_next": "somebody's"}, False),
        ({}, False),
    ],
)
def test_ours_hold_what_was_current_where_somebody_pasted_another_value(
    told: SiblingKeys, beside: dict[str, str], ours: bool
) -> None:
    record = replace(RECORD, sibling_keys=told, recent=(Secret("before").fingerprint("client"),))
    expected = told if ours else SiblingKeys.WERE
    assert seen(beside, record=record).sibling_keys is expected
    assert seen(beside, remembered=record).sibling_keys is expected
    without = replace(record, sibling_keys=SiblingKeys.NONE)
    assert seen(beside, record=without).sibling_keys is SiblingKeys.NONE


def test_the_pending_value_is_announced_once_it_stands_in_the_document() -> None:
    assert seen({"key_next": "pending", "key_previous": "fallback"}).announced == NOW
    assert seen({"key_next": "current", "key_previous": "fallback"}).announced is None
    without = {stage: value for stage, value in HELD.items() if stage is not Stage.PENDING}
    assert seen({"key_previous": "fallback"}, values=without).announced is None


def test_a_companion_is_no_place_of_its_own() -> None:
    place = replace(PLACE, record=replace(RECORD, sibling_keys=SiblingKeys.KEEP))
    document = Document({"key": "current", "key_next": "current"})
    with pytest.raises(Refused, match="is written beside 'key' by secret-bridge"):
        with_sibling_keys(place, document, "key_next", NOW)
    assert with_sibling_keys(PLACE, document, "key_next", NOW).sibling_keys is SiblingKeys.NONE
    assert with_sibling_keys(place, Document({"key_next": "current"}), "key_next", NOW).sibling_keys is SiblingKeys.WERE

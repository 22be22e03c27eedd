"""Retiring by value, adopting, forgetting."""

from __future__ import annotations

import pytest

from sinks.port import Refused, Stage
from tests.contract.harness import KEY, Harness
from tests.contract.operator import CLIENT, P1, P2, S0, claimed, filled, record, rotated, seen_again

THEIRS = {"db_url": "postgres://theirs"}


def test_retiring_takes_every_version_with_the_value_and_leaves_current(place: Harness) -> None:
    filled(place)
    for number in range(3):
        place.write_key("smtp", str(number))
    rotated(place)
    sink, held = claimed(place, None, base=P1, holder="ci-2", operation="retire")
    gone = sink.retire(held)
    sink.release(held, "retired")
    assert gone
    assert S0.reveal() not in place.reachable()
    assert place.document() == {KEY: P1.reveal(), **THEIRS, "smtp": "2"}
    assert place.fallback() is None
    assert place.tags()["owner"] == "team-billing"
    seen = seen_again(place)
    assert seen.history.at(Stage.FALLBACK) is None
    assert (seen.value(Stage.CURRENT), seen.drifted) == (P1, False)


def test_retiring_twice_is_once(place: Harness) -> None:
    filled(place)
    rotated(place)
    sink, held = claimed(place, None, base=P1, holder="ci-2", operation="retire")
    assert sink.retire(held)
    assert sink.retire(held) == ()
    sink.release(held, "retired")
    assert (place.document() or {})[KEY] == P1.reveal()


def test_retiring_with_nothing_to_retire_does_nothing(place: Harness) -> None:
    filled(place)
    rotated(place, keep=False)
    sink, held = claimed(place, None, base=P1, holder="ci-2", operation="retire")
    assert sink.retire(held) == ()
    sink.release(held, "retired")
    assert place.document() == {KEY: P1.reveal(), **THEIRS}


def test_a_value_that_is_also_current_is_not_retired(place: Harness) -> None:
    filled(place)
    rotated(place)
    place.write_key(KEY, S0.reveal())  # somebody sets the old value back, by hand
    before = place.document(), place.fallback(), sorted(place.reachable())
    sink, held = claimed(place, None, base=P1, holder="ci-2", operation="retire")
    with pytest.raises(Refused):
        sink.retire(held)
    with pytest.raises(Refused):
        sink.retire(held, S0.fingerprint(CLIENT))
    sink.release(held, "refused")
    assert (place.document(), place.fallback(), sorted(place.reachable())) == before


def test_an_older_value_is_retired_by_its_fingerprint_and_the_fallback_stays(place: Harness) -> None:
    filled(place)
    rotated(place)
    sink, held = claimed(place, P2, base=P1, holder="ci-2")
    sink.promote(held, P2, record(place, P2, P1, rotation="r-ci-2"))
    sink.retire(held, S0.fingerprint(CLIENT))
    sink.release(held, "rotated")
    assert S0.reveal() not in place.reachable()
    assert place.fallback() == P1.reveal()
    assert place.document() == {KEY: P2.reveal(), **THEIRS}


def test_an_empty_fingerprint_retires_nothing(place: Harness) -> None:
    filled(place)
    rotated(place)
    sink, held = claimed(place, None, base=P1, holder="ci-2", operation="retire")
    assert sink.retire(held, "") == ()
    assert place.fallback() == S0.reveal()


def test_adopting_tags_a_place_and_leaves_its_versions(place: Harness) -> None:
    filled(place)
    before = [version.id for version in seen_again(place).history.versions]
    sink, held = claimed(place, None, operation="adopt")
    sink.tag(held, record(place, S0))
    sink.release(held, "adopted")
    seen = seen_again(place)
    assert seen.manager == "secret-bridge"
    assert seen.record == record(place, S0)
    assert (seen.value(Stage.CURRENT), seen.edits, seen.drifted) == (S0, 0, False)
    assert [version.id for version in seen.history.versions if version.id in before] == before
    assert place.document() == {KEY: S0.reveal(), **THEIRS}
    assert place.tags()["owner"] == "team-billing"
    rotated(place)
    assert place.fallback() == S0.reveal()


def test_forgetting_removes_what_is_ours_and_nothing_else(place: Harness) -> None:
    filled(place)
    rotated(place)
    before = sorted(place.reachable())
    sink, held = claimed(place, None, base=P1, holder="ci-2", operation="forget")
    sink.forget(held)
    sink.forget(held)
    sink.release(held, "forgotten")
    seen = seen_again(place)
    assert (seen.manager, seen.record, seen.lock, seen.drifted) == (None, None, None, False)
    assert place.tags() == {"owner": "team-billing"}
    assert place.document() == {KEY: P1.reveal(), **THEIRS}
    assert set(before) >= set(place.reachable()) >= {P1.reveal()}

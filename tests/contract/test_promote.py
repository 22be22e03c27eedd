"""Readers see the change of current as one step, and nothing foreign is lost."""

from __future__ import annotations

import pytest

from sinks.port import Lost, Stage
from sinks.secret import Secret
from tests.contract.harness import KEY, LEASE, Harness
from tests.contract.operator import (
    CLIENT,
    P1,
    P2,
    S0,
    claimed,
    filled,
    lock,
    record,
    rotated,
    seen_again,
    taken_over,
)  # fmt: skip

THEIRS = {"db_url": "postgres://theirs"}


def test_a_promotion_makes_the_value_current_and_the_old_one_the_fallback(place: Harness) -> None:
    filled(place)
    rotated(place)
    assert place.document() == {KEY: P1.reveal(), **THEIRS}
    assert place.fallback() == S0.reveal()
    seen = seen_again(place)
    assert (seen.value(Stage.CURRENT), seen.value(Stage.FALLBACK)) == (P1, S0)
    assert (seen.edits, seen.drifted) == (0, False)
    assert seen.record == record(place, P1, S0)


def test_a_promotion_twice_is_once(place: Harness) -> None:
    filled(place)
    sink, held = claimed(place)
    first = sink.promote(held, P1, record(place, P1, S0))
    before = place.document(), place.tags(), place.fallback()
    assert sink.promote(held, P1, record(place, P1, S0)) == first
    assert (place.document(), place.tags(), place.fallback()) == before
    assert place.sink().promote(held, P1, record(place, P1, S0)) == first


def test_a_promotion_converges_over_foreign_writes_before_and_after_it(place: Harness) -> None:
    filled(place)
    sink, held = claimed(place)
    place.write_key("smtp", "before")
    place.tag("cost", "before")
    sink.promote(held, P1, record(place, P1, S0))
    place.write_key("smtp", "after")
    place.tag("cost", "after")
    sink.promote(held, P1, record(place, P1, S0))
    sink.release(held, "rotated")
    assert place.document() == {KEY: P1.reveal(), **THEIRS, "smtp": "after"}
    assert place.fallback() == S0.reveal()
    assert place.tags().items() >= {"owner": "team-billing", "cost": "after"}.items()
    seen = seen_again(place)
    assert (seen.lock, seen.unsettled, place.pending()) == (None, False, None)


def test_the_fallback_is_what_was_current_at_the_start_even_if_somebody_changed_the_value(place: Harness) -> None:
    filled(place)
    sink, held = claimed(place)
    place.write_key(KEY, "a-value-from-somebody")
    place.write_key("smtp", "theirs")
    sink.promote(held, P1, record(place, P1, S0))
    sink.release(held, "rotated")
    assert place.document() == {KEY: P1.reveal(), **THEIRS, "smtp": "theirs"}
    assert place.fallback() == S0.reveal()


def test_a_promotion_without_keeping_leaves_no_fallback(place: Harness) -> None:
    filled(place)
    assert rotated(place, keep=False).fallback is None
    assert place.fallback() is None
    assert seen_again(place).history.at(Stage.FALLBACK) is None
    assert place.document() == {KEY: P1.reveal(), **THEIRS}


def test_an_empty_place_can_be_promoted_without_a_fallback(place: Harness) -> None:
    sink = place.sink()
    held = sink.claim(sink.read(), lock(place, base=None), P1)
    promoted = sink.promote(held, P1, record(place, P1), keep=False)
    sink.release(held, "rotated")
    assert promoted.fallback is None
    assert place.document() == {KEY: P1.reveal()}
    seen = seen_again(place)
    assert (seen.manager, seen.unsettled, seen.drifted) == ("secret-bridge", False, False)


def test_a_second_rotation_moves_the_fallback_on(place: Harness) -> None:
    filled(place)
    rotated(place)
    rotated(place, P1, P2, holder="ci-2")
    assert place.document() == {KEY: P2.reveal(), **THEIRS}
    assert place.fallback() == P1.reveal()
    assert place.tags()["owner"] == "team-billing"


def test_the_fallback_is_pinned_while_others_write(place: Harness) -> None:
    filled(place)
    rotated(place)
    for number in range(5):
        place.write_key("smtp", str(number))
    assert place.fallback() == S0.reveal()
    assert seen_again(place).value(Stage.FALLBACK) == S0


def test_rolling_back_is_a_rotation_to_the_fallbacks_value(place: Harness) -> None:
    filled(place)
    rotated(place)
    place.write_key("smtp", "newer than the fallback")
    rotated(place, P1, S0, holder="ci-2")
    assert place.document() == {KEY: S0.reveal(), **THEIRS, "smtp": "newer than the fallback"}
    assert place.fallback() == P1.reveal()


def test_a_value_that_auth0_made_is_stored_and_then_promoted(place: Harness) -> None:
    filled(place)
    sink, held = claimed(place, None)
    assert place.pending() in (None, S0.reveal())  # nothing, or what is current anyway
    held = sink.store(held, P1)
    assert held.value == P1
    assert place.pending() == P1.reveal()
    assert seen_again(place).value(Stage.PENDING) == P1
    sink.renew(held)
    sink.promote(held, P1, record(place, P1, S0))
    sink.release(held, "rotated")
    assert (place.document(), place.fallback()) == ({KEY: P1.reveal(), **THEIRS}, S0.reveal())
    assert place.pending() is None


def test_storing_twice_is_once_and_another_value_replaces_the_first(place: Harness) -> None:
    filled(place)
    sink, held = claimed(place, None)
    held = sink.store(held, P1)
    held = sink.store(held, P1)
    held = sink.store(held, P2)
    assert place.pending() == P2.reveal()
    sink.release(held, "given up", ended=(P1, P2))
    assert place.pending() is None
    assert not {P1.reveal(), P2.reveal()} & set(place.reachable())


def test_a_value_is_not_stored_by_who_was_replaced(place: Harness) -> None:
    filled(place)
    sink, held = claimed(place, None)
    taken_over(place)
    with pytest.raises(Lost):
        sink.store(held, P2)
    assert place.pending() != P2.reveal()


def test_what_was_begun_is_finished_by_who_took_it_over(place: Harness) -> None:
    filled(place)
    old, held = claimed(place)
    sink, mine = taken_over(place)
    assert mine.value is not None
    sink.promote(mine, mine.value, record(place, P1, S0))
    sink.release(mine, "rotated")
    place.clock.advance(LEASE)
    old.release(held, "too late")
    assert (place.document(), place.fallback()) == ({KEY: P1.reveal(), **THEIRS}, S0.reveal())
    assert seen_again(place).lock is None


def test_a_foreign_edit_is_told_from_a_foreign_value(place: Harness) -> None:
    filled(place)
    rotated(place)
    place.write_key("smtp", "theirs")
    seen = seen_again(place)
    assert (seen.edits, seen.drifted, seen.value(Stage.CURRENT)) == (1, False, P1)
    place.write_key(KEY, "a-value-from-somebody")
    seen = seen_again(place)
    assert seen.edits >= 1
    assert seen.drifted
    assert seen.value(Stage.CURRENT) == Secret("a-value-from-somebody")
    assert seen.record is not None
    assert seen.record.recent[0] == P1.fingerprint(CLIENT)

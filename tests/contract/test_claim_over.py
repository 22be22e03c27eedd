"""Taking a sink whatever holds it: the answer to a leak waits for nobody."""

from __future__ import annotations

import pytest

from sinks.port import Busy, Lost, Stage
from sinks.secret import Secret
from tests.contract.harness import KEY, LEASE, Harness
from tests.contract.operator import CLIENT, P1, P2, S0, claimed, filled, lock, record, rotated, seen_again

THEIRS = {"db_url": "postgres://theirs"}
P3 = Secret("P3-the-answer-to-the-leak")


def test_who_claims_over_a_holder_has_the_place_and_the_holder_has_lost_it(place: Harness) -> None:
    filled(place)
    rotated(place)
    old, held = claimed(place, P2, base=P1, holder="ci-2")
    new = place.sink()
    mine = new.claim(new.read(), lock(place, "leak", base=P1), P3, over=True)
    new.renew(mine)
    assert place.pending() == P3.reveal()
    place.clock.advance(LEASE)
    for late in (
        lambda: old.renew(held),
        lambda: old.store(held, P2),
        lambda: old.promote(held, P2, record(place, P2, P1)),
        lambda: old.tag(held, record(place, P1)),
        lambda: old.retire(held),
    ):
        with pytest.raises(Lost):
            late()
    old.release(held, "too late")
    seen = seen_again(place)
    assert seen.lock is not None
    assert (seen.lock.holder, seen.value(Stage.PENDING), seen.value(Stage.CURRENT)) == ("leak", P3, P1)


def test_what_the_holder_had_stored_can_still_be_found(place: Harness) -> None:
    filled(place)
    claimed(place)
    new = place.sink()
    new.claim(new.read(), lock(place, "leak"), P2, over=True)
    assert P1 in new.candidates()


def test_what_is_claimed_over_is_promoted_and_ended_as_any_other(place: Harness) -> None:
    filled(place)
    claimed(place)
    sink = place.sink()
    held = sink.claim(sink.read(), lock(place, "leak", ends=(S0, P1)), P2, over=True)
    sink.promote(held, P2, record(place, P2, rotation=held.lock.id), keep=False)
    for value in (S0, P1):
        sink.retire(held, value.fingerprint(CLIENT))
    sink.release(held, "rotated", ended=(S0, P1))
    assert place.document() == {KEY: P2.reveal(), **THEIRS}
    assert place.reachable() == [P2.reveal()]
    seen = seen_again(place)
    assert (seen.lock, seen.unsettled, seen.drifted, place.fallback()) == (None, False, False, None)


def test_nothing_is_left_to_settle_after_the_answer_to_a_leak_over_a_holder_who_died(place: Harness) -> None:
    filled(place)
    rotated(place)
    claimed(place, P2, base=P1, holder="ci-2")
    sink = place.sink()
    sink.candidates(every=True)
    held = sink.claim(sink.read(), lock(place, "leak", base=P1, ends=(S0, P1, P2)), P3, over=True)
    sink.promote(held, P3, record(place, P3, rotation=held.lock.id), keep=False)
    for value in (S0, P1, P2):
        sink.retire(held, value.fingerprint(CLIENT))
    sink.release(held, "rotated", ended=(S0, P1, P2))
    assert place.reachable() == [P3.reveal()]
    assert not seen_again(place).unsettled
    assert not place.sink().survey().unsettled


def test_without_asking_for_it_nobody_claims_over_a_holder(place: Harness) -> None:
    filled(place)
    claimed(place)
    other = place.sink()
    with pytest.raises(Busy) as caught:
        other.claim(other.read(), lock(place, "ci-2"), P2)
    assert caught.value.lock is not None
    assert caught.value.lock.holder == "ci-1"
    assert place.pending() == P1.reveal()


def test_who_was_faster_still_wins(place: Harness) -> None:
    """It is a compare-and-set on what was seen: a claim of something newer is not run over blindly."""
    filled(place)
    slow = place.sink()
    seen = slow.read()
    fast, mine = claimed(place)
    with pytest.raises(Busy):
        slow.claim(seen, lock(place, "leak"), P2, over=True)
    fast.renew(mine)
    assert place.pending() == P1.reveal()


def test_a_free_place_is_claimed_over_as_it_is_claimed(place: Harness) -> None:
    filled(place)
    rotated(place)
    sink = place.sink()
    held = sink.claim(sink.read(), lock(place, "leak", base=P1), P2, over=True)
    assert sink.renew(held).value == P2
    assert place.pending() == P2.reveal()

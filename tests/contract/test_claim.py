"""One holder at a time."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from sinks.port import Busy, Deed, Lease, Lost, SinkError, Stage
from sinks.secret import Secret
from tests.contract.harness import KEY, LEASE, Harness
from tests.contract.operator import P1, P2, S0, claimed, filled, lock, record, rotated, seen_again, taken_over, text


def test_an_empty_place_is_empty(place: Harness) -> None:
    seen = seen_again(place)
    assert (seen.exists, seen.manager, seen.record, seen.lock) == (False, None, None, None)
    assert (seen.unsettled, seen.edits, seen.drifted, seen.values, seen.keys) == (False, 0, False, {}, ())
    surveyed = place.sink().survey()
    assert (surveyed.exists, surveyed.unsettled, surveyed.lock) == (False, False, None)
    assert place.document() is None


def test_checking_changes_nothing_and_finds_no_fault(place: Harness) -> None:
    filled(place)
    before = place.document(), place.tags(), seen_again(place).history
    sink = place.sink()
    sink.check(sink.read(), frozenset(Deed))
    assert (place.document(), place.tags(), seen_again(place).history) == before


def test_a_place_of_others_is_read_without_being_ours(place: Harness) -> None:
    filled(place)
    seen = seen_again(place)
    assert (seen.exists, seen.manager, seen.record, seen.drifted) == (True, None, None, False)
    assert seen.value(Stage.CURRENT) == S0
    assert seen.keys == (KEY, "db_url")


def test_a_claim_stores_the_value_as_pending_and_readers_see_no_change(place: Harness) -> None:
    filled(place)
    before = place.document()
    claimed(place)
    assert place.pending() == P1.reveal()
    assert place.document() == before
    seen = seen_again(place)
    assert (seen.value(Stage.PENDING), seen.value(Stage.CURRENT)) == (P1, S0)


def test_a_claim_fills_an_empty_place_with_the_live_value_first(place: Harness) -> None:
    sink = place.sink()
    held = sink.claim(sink.read(), lock(place), P1, initial=S0)
    assert place.document() == {KEY: S0.reveal()}
    assert place.pending() == P1.reveal()
    assert seen_again(place).manager == "secret-bridge"
    sink.promote(held, P1, record(place, P1, S0))
    sink.release(held, "rotated")
    assert (place.document(), place.fallback()) == ({KEY: P1.reveal()}, S0.reveal())


def test_a_claim_fills_a_document_that_lacks_only_our_key(place: Harness) -> None:
    place.write_key("db_url", "postgres://theirs")
    place.tag("owner", "team-billing")
    sink = place.sink()
    sink.claim(sink.read(), lock(place), P1, initial=S0)
    assert place.document() == {KEY: S0.reveal(), "db_url": "postgres://theirs"}
    assert place.tags()["owner"] == "team-billing"


def test_a_claim_that_finds_a_value_where_nothing_was_gives_the_place_back(place: Harness) -> None:
    sink = place.sink()
    empty = sink.read()
    place.write_key(KEY, "somebody-elses-value")
    with pytest.raises(Busy):
        sink.claim(empty, lock(place), P1, initial=S0)
    assert place.document() == {KEY: "somebody-elses-value"}
    assert place.pending() is None
    assert seen_again(place).lock is None


def test_the_loser_of_a_claim_learns_who_when_and_until_when(place: Harness) -> None:
    filled(place)
    loser = place.sink()
    free = loser.read()
    _, held = claimed(place)
    with pytest.raises(Busy) as caught:
        loser.claim(free, lock(place, "ci-2"), P2)
    assert caught.value.lock is not None
    assert caught.value.lock.id == held.lock.id
    assert caught.value.lock.actor == held.lock.actor
    assert (caught.value.lock.started, caught.value.lock.expected_end) == (held.lock.started, held.lock.expected_end)
    assert place.pending() == P1.reveal()


def test_a_place_that_is_seen_to_be_held_cannot_be_claimed(place: Harness) -> None:
    filled(place)
    claimed(place)
    other = place.sink()
    with pytest.raises(Busy):
        other.claim(other.read(), lock(place, "ci-2"), P2)
    assert place.pending() == P1.reveal()


def test_a_claim_of_what_was_seen_before_another_whole_operation_loses(place: Harness) -> None:
    filled(place)
    loser = place.sink()
    stale = loser.read()
    rotated(place)
    with pytest.raises(Busy):
        loser.claim(stale, lock(place, "ci-2"), P2)
    assert place.document() == {KEY: P1.reveal(), "db_url": "postgres://theirs"}
    assert place.pending() is None
    assert seen_again(place).lock is None


def test_the_same_claim_twice_is_once(place: Harness) -> None:
    filled(place)
    sink = place.sink()
    free = sink.read()
    first = sink.claim(free, lock(place), P1)
    second = sink.claim(free, lock(place), P1)
    sink.renew(first)
    sink.renew(second)
    assert place.pending() == P1.reveal()


def test_of_twenty_claims_at_once_exactly_one_wins(place: Harness) -> None:
    filled(place)
    operators = [place.sink() for _ in range(20)]
    free = [sink.read() for sink in operators]

    def claim(number: int) -> Lease | SinkError:
        try:
            return operators[number].claim(
                free[number], lock(place, f"ci-{number}"), Secret(f"the-value-of-operator-{number}")
            )
        except SinkError as error:
            return error

    with ThreadPoolExecutor(20) as threads:
        outcomes = list(threads.map(claim, range(20)))
    won = [outcome for outcome in outcomes if isinstance(outcome, Lease)]
    assert len(won) == 1
    assert all(isinstance(outcome, Busy) for outcome in outcomes if outcome is not won[0])
    assert place.pending() == text(won[0].value)
    place.sink().renew(won[0])


def test_a_survey_tells_who_holds_a_place_and_never_a_value(place: Harness) -> None:
    filled(place)
    _, held = claimed(place)
    seen = place.sink().survey()
    assert seen.unsettled
    assert seen.lock is not None
    assert (seen.lock.id, seen.lock.actor, seen.lock.holder) == (held.lock.id, held.lock.actor, "ci-1")
    assert seen.values == {}
    assert S0.reveal() not in repr(seen)


def test_a_survey_of_a_managed_place_tells_its_record_and_fallback(place: Harness) -> None:
    filled(place)
    promoted = rotated(place)
    seen = place.sink().survey()
    assert (seen.unsettled, seen.lock, seen.values) == (False, None, {})
    assert seen.record is not None
    assert seen.record == record(place, P1, S0)
    current, fallback = seen.history.at(Stage.CURRENT), seen.history.at(Stage.FALLBACK)
    assert (current and current.id, fallback and fallback.id) == (promoted.current, promoted.fallback)


def test_taking_over_keeps_the_value_and_shuts_the_old_holder_out(place: Harness) -> None:
    filled(place)
    old, held = claimed(place)
    new, mine = taken_over(place)
    assert place.pending() == P1.reveal()
    assert mine.value == P1
    new.renew(mine)
    with pytest.raises(Lost):
        old.renew(held)
    seen = seen_again(place)
    assert seen.lock is not None
    assert seen.lock.holder == "late-1"


def test_of_two_takeovers_the_later_one_loses(place: Harness) -> None:
    filled(place)
    claimed(place)
    slow = place.sink()
    seen = slow.read()
    assert seen.lock is not None
    fast, mine = taken_over(place)
    with pytest.raises(Busy):
        slow.take_over(seen, replace(seen.lock, holder="late-2"))
    fast.renew(mine)


def test_a_holder_who_was_replaced_can_do_nothing_any_more(place: Harness) -> None:
    filled(place)
    rotated(place)
    old, held = claimed(place, P2, base=P1, holder="ci-2")
    taken_over(place)
    place.clock.advance(LEASE)
    before = place.document(), place.tags(), place.pending()
    for late in (
        lambda: old.store(held, P2),
        lambda: old.promote(held, P2, record(place, P2, P1)),
        lambda: old.tag(held, record(place, P2)),
        lambda: old.retire(held),
        lambda: old.forget(held),
    ):
        with pytest.raises(Lost):
            late()
    old.release(held, "too late")
    assert (place.document(), place.tags(), place.pending()) == before


def test_a_holder_who_slept_past_its_lease_looks_again_and_goes_on(place: Harness) -> None:
    filled(place)
    sink, held = claimed(place)
    place.clock.advance(10 * LEASE)
    sink.promote(held, P1, record(place, P1, S0))
    place.clock.advance(10 * LEASE)
    sink.release(held, "rotated")
    assert (place.document() or {})[KEY] == P1.reveal()


def test_releasing_leaves_no_pending_value_and_frees_the_place(place: Harness) -> None:
    filled(place)
    sink, held = claimed(place)
    sink.release(held, "given up")
    sink.release(held, "given up")
    assert place.pending() is None
    seen = seen_again(place)
    assert (seen.lock, seen.unsettled, seen.value(Stage.PENDING)) == (None, False, None)
    assert seen.released is not None
    assert not place.sink().survey().unsettled
    claimed(place, P2, holder="ci-2")


def test_releasing_late_leaves_the_next_holder_alone(place: Harness) -> None:
    filled(place)
    sink, held = claimed(place)
    sink.release(held, "given up")
    other, mine = claimed(place, P2, holder="ci-2")
    sink.release(held, "given up")
    other.renew(mine)
    assert place.pending() == P2.reveal()


def test_releasing_what_was_taken_over_leaves_it_alone(place: Harness) -> None:
    filled(place)
    sink, held = claimed(place)
    other, mine = taken_over(place)
    sink.release(held, "given up")
    other.renew(mine)
    assert place.pending() == P1.reveal()


def test_a_look_begins_a_new_lease(place: Harness) -> None:
    filled(place)
    sink, held = claimed(place)
    place.clock.advance(3)
    assert sink.renew(held).renewed == held.renewed + 3

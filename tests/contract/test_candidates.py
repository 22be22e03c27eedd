"""A value that Auth0 may yet come to accept can be found again, until it was shown to be refused."""

from __future__ import annotations

from sinks.port import Lost, Stage
from sinks.secret import Secret
from tests.contract.harness import KEY, Harness
from tests.contract.operator import P1, P2, S0, claimed, filled, record, rotated, seen_again, taken_over

P3 = Secret("P3-the-third-new-value")


def candidates(place: Harness) -> tuple[Secret, ...]:
    return place.sink().candidates()


def test_an_empty_place_has_no_candidates_but_what_its_versions_hold(place: Harness) -> None:
    filled(place)
    assert set(values(candidates(place))) == {S0.reveal()}
    rotated(place)
    assert set(values(candidates(place))) == {S0.reveal(), P1.reveal()}


def test_a_dropped_pending_value_is_a_candidate_and_pending_nowhere(place: Harness) -> None:
    filled(place)
    sink, held = claimed(place)
    sink.release(held, "given back")
    assert place.pending() is None
    seen = seen_again(place)
    assert (seen.value(Stage.PENDING), seen.lock, seen.unsettled) == (None, None, False)
    assert P1 in candidates(place)
    assert not place.sink().survey().unsettled


def test_a_dropped_value_is_still_a_candidate_after_whole_operations_that_came_after_it(place: Harness) -> None:
    filled(place)
    sink, held = claimed(place)
    sink.release(held, "given back")
    rotated(place, S0, P2, holder="ci-2")
    sink, held = claimed(place, None, base=P2, holder="ci-3", operation="adopt")
    sink.release(held, "adopted")
    assert P1 in candidates(place)
    assert not seen_again(place).unsettled


def test_a_value_that_was_shown_to_be_refused_goes_with_the_release(place: Harness) -> None:
    filled(place)
    sink, held = claimed(place)
    sink.release(held, "given back", ended=(P1,))
    assert (place.pending(), P1.reveal() in place.reachable()) == (None, False)
    assert (P1 in candidates(place)) is place.keeps
    assert not seen_again(place).unsettled


def test_a_dropped_value_goes_with_a_later_release_once_it_was_refused(place: Harness) -> None:
    filled(place)
    sink, held = claimed(place)
    sink.release(held, "given back")
    sink, held = claimed(place, None, holder="ci-2", operation="settle")
    assert P1 in sink.candidates()
    sink.release(held, "given back", ended=(P1,))
    assert P1.reveal() not in place.reachable()
    assert (P1 in candidates(place)) is place.keeps
    assert not seen_again(place).unsettled


def test_what_became_current_leaves_no_copy_behind_and_other_values_stay(place: Harness) -> None:
    filled(place)
    sink, held = claimed(place)
    held = sink.store(held, P2)
    sink.promote(held, P2, record(place, P2, S0))
    sink.release(held, "rotated")
    assert place.reachable().count(P2.reveal()) == 1
    assert P1 in candidates(place)


def test_every_value_that_a_dead_holder_stored_is_a_candidate(place: Harness) -> None:
    filled(place)
    sink, held = claimed(place)
    held = sink.store(held, P2)
    sink.store(held, P3)
    found = candidates(place)
    assert set(values((P1, P2, P3))) - {place.pending()} <= set(values(found))
    other, _ = taken_over(place)
    assert set(values((P1, P2))) <= set(values(other.candidates()))


def test_who_was_replaced_ends_nothing(place: Harness) -> None:
    filled(place)
    old, held = claimed(place)
    new, mine = taken_over(place)
    old.release(held, "too late", ended=(P1,))
    assert place.pending() == P1.reveal()
    new.renew(mine)
    try:
        old.renew(held)
    except Lost:
        return
    raise AssertionError("the sink is still the old holder's")


def test_the_newest_versions_of_others_are_candidates_and_all_of_them_when_asked(place: Harness) -> None:
    filled(place)
    written = [f"a-value-from-somebody-{number}" for number in range(8)]
    for text in written:
        place.write_key(KEY, text)
    assert set(values(candidates(place))) >= set(written[-5:])
    assert set(values(place.sink().candidates(every=True))) >= {*written, S0.reveal()}


def test_each_candidate_is_named_once(place: Harness) -> None:
    filled(place)
    for number in range(3):
        place.write_key("smtp", str(number))
    for holder in ("ci-1", "ci-2"):
        sink, held = claimed(place, P1, holder=holder)
        sink.release(held, "given back")
    found = values(candidates(place))
    assert len(found) == len(set(found))


def test_a_place_with_nothing_in_it_has_no_candidates(place: Harness) -> None:
    place.write_key("db_url", "postgres://theirs")
    assert candidates(place) == ()


def values(secrets: tuple[Secret, ...]) -> list[str]:
    return [secret.reveal() for secret in secrets]

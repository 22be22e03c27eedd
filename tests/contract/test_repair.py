"""What a sink still tells after its tags were wiped, or an operation was interrupted; and setting it right."""

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


def recalled(place: Harness, value: Secret) -> Secret | None:
    return place.sink().recall(value.fingerprint(CLIENT), CLIENT)


def tagged(place: Harness, *, fallback: Secret | str | None, rotation: str = "r-repair") -> None:
    """Repair: claim, tag, release."""
    current = seen_again(place).value(Stage.CURRENT)
    assert current is not None
    sink, held = claimed(place, None, base=current, holder="repair", operation="repair")
    told = fallback.fingerprint(CLIENT) if isinstance(fallback, Secret) else fallback
    sink.tag(held, record(place, current, rotation=rotation), fallback=told)
    sink.release(held, "repaired")


# --- recalling a value


def test_a_value_is_recalled_whatever_became_of_its_stage(place: Harness) -> None:
    filled(place)
    rotated(place)
    assert (recalled(place, P1), recalled(place, S0), recalled(place, P2)) == (P1, S0, None)
    place.wipe_tags()
    assert (recalled(place, P1), recalled(place, S0)) == (P1, S0)
    place.write_key(KEY, "a-value-from-somebody")
    assert (recalled(place, P1), recalled(place, Secret("a-value-from-somebody"))) == (
        P1,
        Secret("a-value-from-somebody"),
    )


def test_nothing_is_recalled_from_an_empty_place(place: Harness) -> None:
    assert recalled(place, S0) is None


def test_a_document_without_the_key_is_passed_over_when_recalling(place: Harness) -> None:
    place.write_key("db_url", "postgres://theirs")
    assert recalled(place, S0) is None
    place.write_key(KEY, S0.reveal())
    assert recalled(place, S0) == S0


def test_recalling_goes_by_value_and_owner(place: Harness) -> None:
    filled(place)
    assert place.sink().recall(S0.fingerprint(CLIENT), "another-client") is None
    assert place.sink().recall("", CLIENT) is None


# --- wiped tags


def test_wiped_tags_are_told_from_a_place_that_was_never_ours(place: Harness) -> None:
    filled(place)
    assert not seen_again(place).wiped
    assert not place.sink().survey().wiped
    rotated(place)
    assert not seen_again(place).wiped
    place.wipe_tags()
    seen = seen_again(place)
    assert (seen.wiped, seen.record, seen.manager, seen.value(Stage.CURRENT)) == (True, None, None, P1)
    assert place.sink().survey().wiped
    assert seen.remembered in (None, record(place, P1, S0))  # None where nothing but the tags ever told


def test_a_forgotten_place_does_not_look_wiped(place: Harness) -> None:
    filled(place)
    rotated(place)
    sink, held = claimed(place, None, base=P1, holder="ci-2", operation="forget")
    sink.forget(held)
    sink.release(held, "forgotten")
    for seen in (seen_again(place), place.sink().survey()):
        assert (seen.wiped, seen.remembered) == (False, None)


def test_a_place_that_was_given_back_unadopted_does_not_look_wiped(place: Harness) -> None:
    filled(place)
    sink, held = claimed(place, None, operation="adopt")
    assert not seen_again(place).wiped
    sink.release(held, "refused")
    assert not seen_again(place).wiped
    assert not place.sink().survey().wiped


def test_a_place_that_is_held_does_not_look_wiped_but_remembers(place: Harness) -> None:
    filled(place)
    rotated(place)
    claimed(place, P2, base=P1, holder="ci-2")
    place.tag("theirs", "yes")
    seen = seen_again(place)
    assert not seen.wiped
    assert seen.remembered in (None, record(place, P1, S0))


def test_what_was_said_is_still_known_after_operations_that_came_to_nothing(place: Harness) -> None:
    filled(place)
    rotated(place)
    place.wipe_tags()
    remembered = seen_again(place).remembered
    for holder in ("ci-2", "ci-3"):
        sink, held = claimed(place, None, base=P1, holder=holder, operation="adopt")
        sink.release(held, "refused")
        seen = seen_again(place)
        assert (seen.wiped, seen.remembered) == (True, remembered)
        assert place.sink().survey().wiped


def test_wiped_tags_are_set_right_with_the_fallback_by_its_value(place: Harness) -> None:
    filled(place)
    rotated(place)
    place.write_key("smtp", "theirs")
    place.wipe_tags()
    assert recalled(place, S0) == S0
    tagged(place, fallback=S0)
    seen = seen_again(place)
    assert (seen.value(Stage.CURRENT), seen.value(Stage.FALLBACK), place.fallback()) == (P1, S0, S0.reveal())
    assert (seen.wiped, seen.edits, seen.drifted, seen.unsettled) == (False, 0, False, False)
    assert place.tags()["theirs"] == "yes"
    sink, held = claimed(place, None, base=P1, holder="ci-9", operation="retire")
    sink.retire(held)
    sink.release(held, "retired")
    assert S0.reveal() not in place.reachable()


# --- naming the fallback


def test_a_fallback_that_nobody_holds_any_more_is_none(place: Harness) -> None:
    filled(place)
    rotated(place)
    tagged(place, fallback=P2)
    assert (place.fallback(), seen_again(place).history.at(Stage.FALLBACK)) == (None, None)


def test_the_empty_fingerprint_means_no_fallback(place: Harness) -> None:
    filled(place)
    rotated(place)
    tagged(place, fallback="")
    assert (place.fallback(), seen_again(place).history.at(Stage.FALLBACK)) == (None, None)
    assert recalled(place, S0) == S0


def test_the_current_value_is_never_the_fallback(place: Harness) -> None:
    filled(place)
    rotated(place)
    place.write_key("smtp", "theirs")  # now an older version holds the current value, too
    tagged(place, fallback=P1)
    assert (place.fallback(), seen_again(place).history.at(Stage.FALLBACK)) == (None, None)


def test_without_a_word_the_fallback_stays_as_it_is(place: Harness) -> None:
    filled(place)
    rotated(place)
    tagged(place, fallback=None)
    assert place.fallback() == S0.reveal()


# --- what an interrupted release left


def test_what_an_interrupted_release_left_is_shown_and_the_next_one_sets_it_right(place: Harness) -> None:
    filled(place)
    sink, held = claimed(place)
    place.interrupt_release(sink, held, "given up")
    seen = seen_again(place)
    assert seen.lock is None
    assert place.sink().survey().unsettled
    sink, held = claimed(place, None, holder="ci-2", operation="settle")
    assert P1 in sink.candidates()
    sink.release(held, "cleaned", ended=(P1,))
    assert not seen_again(place).unsettled
    assert not place.sink().survey().unsettled
    assert P1.reveal() not in place.reachable()


def test_what_was_promoted_is_current_although_its_release_was_interrupted(place: Harness) -> None:
    filled(place)
    sink, held = claimed(place)
    sink.promote(held, P1, record(place, P1, S0))
    place.interrupt_release(sink, held, "rotated")
    assert place.sink().survey().unsettled
    seen = seen_again(place)
    assert (seen.lock, seen.value(Stage.CURRENT), seen.value(Stage.FALLBACK)) == (None, P1, S0)


def test_a_copy_of_current_that_an_interrupted_release_left_goes_with_the_next_one(place: Harness) -> None:
    filled(place)
    sink, held = claimed(place)
    sink.promote(held, P1, record(place, P1, S0))
    place.interrupt_release(sink, held, "rotated")
    sink, held = claimed(place, None, base=P1, holder="ci-2", operation="settle")
    sink.candidates()
    sink.release(held, "cleaned")
    assert place.reachable().count(P1.reveal()) == 1
    assert not place.sink().survey().unsettled


# --- a takeover by another kind of operation


def test_who_takes_over_may_change_what_is_done(place: Harness) -> None:
    filled(place)
    rotated(place)
    old, held = claimed(place, P2, base=P1, holder="ci-2")
    ends = (P2.fingerprint(CLIENT), S0.fingerprint(CLIENT))
    sink, mine = taken_over(place, operation="settle", ends=ends)
    assert mine.value == P2
    for seen in (seen_again(place), place.sink().survey()):
        assert seen.lock is not None
        assert (seen.lock.operation, seen.lock.id, seen.lock.holder, seen.lock.ends) == (
            "settle",
            "r-ci-2",
            "late-1",
            ends,
        )
    place.clock.advance(LEASE)
    for late in (
        lambda: old.renew(held),
        lambda: old.store(held, P2),
        lambda: old.promote(held, P2, record(place, P2, P1, rotation="r-ci-2")),
        lambda: old.tag(held, record(place, P2)),
        lambda: old.retire(held),
        lambda: old.forget(held),
    ):
        with pytest.raises(Lost):
            late()
    old.release(held, "too late")
    sink.tag(sink.renew(mine), record(place, P1, S0), fallback=S0.fingerprint(CLIENT))
    sink.release(mine, "settled", ended=(P2,))
    assert (place.document(), place.fallback(), place.pending()) == (
        {KEY: P1.reveal(), **THEIRS},
        S0.reveal(),
        None,
    )
    seen = seen_again(place)
    assert (seen.record, seen.unsettled, seen.drifted, seen.edits) == (record(place, P1, S0), False, False, 0)
    assert P2.reveal() not in place.reachable()


def test_what_is_ended_is_unreachable_wherever_it_was_pending_or_current(place: Harness) -> None:
    """A leaked pending value is replaced, and ended with the value that was current."""
    filled(place)
    rotated(place)  # S0 is the fallback, P1 current
    sink, held = claimed(place, P2, base=P1, holder="ci-2")
    new = Secret("P3-a-value-that-nobody-has-seen")
    held = sink.store(held, new)
    sink.promote(held, new, record(place, new, P1, rotation="r-ci-2"), keep=False)
    for value in (P2, P1, S0):
        sink.retire(held, value.fingerprint(CLIENT))
        sink.retire(held, value.fingerprint(CLIENT))
    sink.release(held, "rotated", ended=(P2, P1, S0))
    assert place.reachable() == [new.reveal()]
    assert place.document() == {KEY: new.reveal(), **THEIRS}
    seen = seen_again(place)
    assert (seen.unsettled, seen.history.at(Stage.FALLBACK)) == (False, None)


def test_a_lock_says_every_value_that_it_ends(place: Harness) -> None:
    filled(place)
    sink, ends = place.sink(), (S0.fingerprint(CLIENT), P2.fingerprint(CLIENT))
    told = lock(place)
    sink.claim(sink.read(), type(told)(**{**vars(told), "ends": ends}), P1)
    found = seen_again(place).lock
    assert found is not None
    assert found.ends == ends

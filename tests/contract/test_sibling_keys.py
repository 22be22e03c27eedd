"""Documents that hold the other candidates too, for readers that see nothing but the latest one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from sinks.port import Lease, Promoted, Sink
from sinks.secret import Secret
from sinks.sibling_keys import SiblingKeys, afterwards
from tests.contract.harness import KEY, KEYS, Harness
from tests.contract.operator import CLIENT, P1, P2, S0, claimed, filled, record, seen_again, taken_over

KEEP, END, WERE, NONE = SiblingKeys.KEEP, SiblingKeys.END, SiblingKeys.WERE, SiblingKeys.NONE
THEIRS = {"db_url": "postgres://theirs"}


def shown(place: Harness) -> tuple[Any, ...]:
    """Return current, the coming and the former value, as readers of the latest document see them."""
    document = place.document() or {}
    assert {name: text for name, text in document.items() if name not in KEYS} == THEIRS
    return tuple(document.get(key) for key in KEYS)


def words(*values: Secret) -> tuple[str, ...]:
    return tuple(value.reveal() for value in values)


def promoted(place: Harness, sink: Sink, held: Lease, new: Secret, *older: Secret, keep: bool = True) -> Promoted:
    told = replace(record(place, new, *older, rotation=held.lock.id), sibling_keys=afterwards(held.lock.sibling_keys))
    return sink.promote(held, new, told, keep=keep)


def adopted(place: Harness) -> None:
    """Have a managed sink whose document has sibling keys."""
    filled(place)
    sink, held = claimed(place, None, base=S0, holder="ci-0", operation="adopt", sibling_keys=KEEP)
    sink.tag(held, replace(record(place, S0, rotation="r-ci-0"), sibling_keys=KEEP))
    sink.write_sibling_keys(held)
    sink.release(held, "adopted")


def rotated(place: Harness, old: Secret, new: Secret, holder: str, *, ends: tuple[Secret, ...] = ()) -> None:
    sink, held = claimed(place, new, base=old, holder=holder, sibling_keys=KEEP, ends=ends)
    sink.write_sibling_keys(held, new)
    promoted(place, sink, held, new, old)
    for value in ends:
        sink.retire(held, value.fingerprint(CLIENT))
    sink.release(held, "rotated")


def test_they_are_never_missing(place: Harness) -> None:
    adopted(place)
    assert shown(place) == words(S0, S0, S0)
    assert not seen_again(place).inconsistent


def test_the_coming_value_is_announced_and_then_the_former_one_stays(place: Harness) -> None:
    adopted(place)
    sink, held = claimed(place, P1, sibling_keys=KEEP)
    sink.write_sibling_keys(held, P1)
    assert shown(place) == words(S0, P1, S0)
    seen = place.sink().read()
    assert seen.announced is not None
    assert (seen.drifted, seen.edits, seen.inconsistent) == (False, 0, False)
    promoted(place, sink, held, P1, S0)
    assert shown(place) == words(P1, P1, S0)
    sink.release(held, "rotated")
    assert shown(place) == words(P1, P1, S0)
    assert place.fallback() == S0.reveal()
    seen = seen_again(place)
    assert (seen.announced, seen.inconsistent, seen.drifted, seen.edits) == (None, False, False, 0)


def test_twice_is_once(place: Harness) -> None:
    adopted(place)
    sink, held = claimed(place, P1, sibling_keys=KEEP)
    for _ in range(2):
        sink.write_sibling_keys(held, P1)
    first = [promoted(place, sink, held, P1, S0) for _ in range(2)]
    assert first[0] == first[1]
    assert len(place.sink().read().history.versions) <= 6
    sink.release(held, "rotated")
    assert shown(place) == words(P1, P1, S0)


def test_what_is_given_up_is_announced_no_longer(place: Harness) -> None:
    adopted(place)
    rotated(place, S0, P1, "ci-1")
    sink, held = claimed(place, P2, base=P1, holder="ci-2", sibling_keys=KEEP)
    sink.write_sibling_keys(held, P2)
    assert shown(place) == words(P1, P2, S0)
    sink.release(held, "given up")
    assert shown(place) == words(P1, P1, S0)
    assert place.fallback() == S0.reveal()
    assert not seen_again(place).inconsistent


def test_retiring_takes_the_value_from_the_companions_and_everywhere_else(place: Harness) -> None:
    adopted(place)
    rotated(place, S0, P1, "ci-1")
    sink, held = claimed(place, None, base=P1, holder="ci-2", operation="retire", sibling_keys=KEEP)
    assert sink.retire(held)
    assert sink.retire(held) == ()
    sink.release(held, "retired")
    assert shown(place) == words(P1, P1, P1)
    assert S0.reveal() not in place.reachable()
    assert place.fallback() is None
    assert not seen_again(place).inconsistent


@pytest.mark.parametrize("announced", [True, False])
def test_an_open_fallback_that_ends_leaves_the_new_one_alone(place: Harness, announced: bool) -> None:
    adopted(place)
    rotated(place, S0, P1, "ci-1")
    sink, held = claimed(place, P2, base=P1, holder="ci-2", sibling_keys=KEEP, ends=(S0,))
    if announced:
        sink.write_sibling_keys(held, P2)
        assert shown(place) == words(P1, P2, P1)
    promoted(place, sink, held, P2, P1, S0)
    assert shown(place) == words(P2, P2, P1)
    sink.retire(held, S0.fingerprint(CLIENT))
    sink.release(held, "rotated")
    assert shown(place) == words(P2, P2, P1)
    assert place.fallback() == P1.reveal()
    assert S0.reveal() not in place.reachable()


def test_what_is_published_already_is_announced_no_more(place: Harness) -> None:
    adopted(place)
    rotated(place, S0, P1, "ci-1")
    sink, held = claimed(place, P2, base=P1, holder="ci-2", sibling_keys=KEEP, ends=(S0,))
    sink.write_sibling_keys(held, P2)
    promoted(place, sink, held, P2, P1, S0)
    other, theirs = taken_over(place)
    before = len(other.read().history.versions), shown(place)
    other.write_sibling_keys(theirs, P2)
    promoted(place, other, theirs, P2, P1, S0)
    assert (len(other.read().history.versions), shown(place)) == before
    other.release(theirs, "rotated")
    assert shown(place) == words(P2, P2, P1)


def test_nothing_of_a_leaked_value_stays(place: Harness) -> None:
    adopted(place)
    rotated(place, S0, P1, "ci-1")
    sink, held = claimed(place, P2, base=P1, holder="ci-2", sibling_keys=KEEP, ends=(P1, S0), operation="compromised")
    promoted(place, sink, held, P2, P1, S0, keep=False)
    assert shown(place) == words(P2, P2, P2)
    for value in (P1, S0):
        sink.retire(held, value.fingerprint(CLIENT))
    sink.release(held, "done")
    assert set(place.reachable()) == {P2.reveal()}


def test_whoever_takes_over_finishes_the_companions_too(place: Harness) -> None:
    adopted(place)
    sink, held = claimed(place, P1, sibling_keys=KEEP)
    sink.write_sibling_keys(held, P1)
    other, theirs = taken_over(place)
    assert theirs.lock.sibling_keys == KEEP
    other.write_sibling_keys(theirs, P1)
    promoted(place, other, theirs, P1, S0)
    other.release(theirs, "rotated")
    assert shown(place) == words(P1, P1, S0)
    sink.release(held, "late")
    assert shown(place) == words(P1, P1, S0)


def test_what_others_write_beside_them_stays_and_what_they_spoil_is_seen_and_mended(place: Harness) -> None:
    adopted(place)
    rotated(place, S0, P1, "ci-1")
    place.write_key(KEYS[1], "spoiled")
    assert seen_again(place).inconsistent
    sink, held = claimed(place, P1, base=S0, holder="ci-2", operation="sync", sibling_keys=KEEP)
    promoted(place, sink, held, P1, S0)
    sink.release(held, "synced")
    assert shown(place) == words(P1, P1, S0)
    assert not seen_again(place).inconsistent


def test_where_they_are_wanted_no_longer_they_are_taken_out_and_what_ends_is_still_found_in_them(
    place: Harness,
) -> None:
    adopted(place)
    rotated(place, S0, P1, "ci-1")
    sink, held = claimed(place, None, base=P1, holder="ci-2", operation="adopt", sibling_keys=END)
    sink.tag(held, replace(record(place, P1, S0, rotation="r-ci-2"), sibling_keys=WERE))
    assert sink.write_sibling_keys(held)
    assert not sink.write_sibling_keys(held)
    sink.release(held, "adopted")
    assert place.document() == {KEY: P1.reveal(), **THEIRS}
    assert (seen_again(place).sibling_keys, seen_again(place).inconsistent) == (WERE, False)
    sink, held = claimed(place, None, base=P1, holder="ci-3", operation="retire", sibling_keys=WERE)
    assert sink.retire(held)
    sink.release(held, "retired")
    assert place.document() == {KEY: P1.reveal(), **THEIRS}
    assert S0.reveal() not in place.reachable()


def test_what_is_laid_out_is_recorded_whatever_becomes_of_the_operation(place: Harness) -> None:
    filled(place)
    sink, held = claimed(place, None, base=S0, holder="ci-0", operation="adopt")
    sink.tag(held, record(place, S0, rotation="r-ci-0"))
    sink.release(held, "adopted")
    assert seen_again(place).sibling_keys == NONE
    sink, held = claimed(place, P1, sibling_keys=KEEP)
    assert sink.write_sibling_keys(held, P1)
    sink.release(held, "given up")
    assert shown(place) == words(S0, S0, S0)
    assert (seen_again(place).sibling_keys, seen_again(place).inconsistent) == (KEEP, False)


def test_what_is_given_up_before_it_was_announced_has_written_nothing(place: Harness) -> None:
    filled(place)
    place.write_key(KEYS[2], "theirs")
    sink, held = claimed(place, None, base=S0, holder="ci-0", operation="adopt")
    sink.tag(held, record(place, S0, rotation="r-ci-0"))
    sink.release(held, "adopted")
    before = place.document()
    assert seen_again(place).occupied == (KEYS[2],)
    sink, held = claimed(place, P1, sibling_keys=KEEP)
    sink.release(held, "given up")
    assert place.document() == before


def test_where_tags_were_wiped_companions_are_known_by_their_values(place: Harness) -> None:
    adopted(place)
    place.wipe_tags()
    seen = place.sink().read()
    assert (seen.sibling_keys, seen.occupied) == (KEEP, ())


def test_a_place_that_is_not_managed_is_not_touched(place: Harness) -> None:
    filled(place)
    sink, held = claimed(place, P1, sibling_keys=KEEP)
    sink.release(held, "given up")
    assert place.document() == {KEY: S0.reveal(), **THEIRS}


def test_an_empty_place_begins_with_them(place: Harness) -> None:
    sink = place.sink()
    from tests.contract.operator import lock

    held = sink.claim(sink.read(), lock(place, sibling_keys=KEEP), P1, initial=S0)
    assert place.document() == dict(zip(KEYS, words(S0, S0, S0), strict=True))
    sink.write_sibling_keys(held, P1)
    promoted(place, sink, held, P1, S0)
    sink.release(held, "rotated")
    assert place.document() == dict(zip(KEYS, words(P1, P1, S0), strict=True))
    assert place.fallback() == S0.reveal()


def test_keys_of_the_same_names_that_are_somebody_elses_stay(place: Harness) -> None:
    filled(place)
    place.write_key(KEYS[2], S0.reveal())
    sink, held = claimed(place, P1)
    promoted(place, sink, held, P1, S0)
    sink.release(held, "rotated")
    sink, held = claimed(place, None, base=P1, holder="ci-2", operation="retire")
    sink.retire(held)
    sink.release(held, "retired")
    assert place.document() == {KEY: P1.reveal(), KEYS[2]: S0.reveal(), **THEIRS}

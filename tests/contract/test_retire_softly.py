"""Retiring softly: nobody reaches the value, and it can be brought back until it ends."""

from __future__ import annotations

import pytest

from sinks.port import Lease, Refused, Sink, Stage
from sinks.sibling_keys import SiblingKeys
from tests.contract.harness import KEY, Harness
from tests.contract.operator import CLIENT, P1, P2, S0, claimed, filled, record, rotated, seen_again

THEIRS = {"db_url": "postgres://theirs"}
FINGERPRINT = S0.fingerprint(CLIENT)


def in_use(place: Harness) -> None:
    """Several versions hold the value that is the fallback; other keys were edited in between."""
    filled(place)
    for number in range(3):
        place.write_key("smtp", str(number))
    rotated(place)


def retiring(place: Harness, holder: str = "ci-2", operation: str = "retire-softly") -> tuple[Sink, Lease]:
    return claimed(place, None, base=P1, holder=holder, operation=operation)


def retired_softly(place: Harness) -> tuple[str, ...]:
    sink, held = retiring(place)
    gone = sink.retire(held, softly=True)
    sink.release(held, "retired softly")
    return gone


def test_nobody_reaches_the_value_and_the_place_says_what_was_set_aside(place: Harness) -> None:
    in_use(place)
    fallback = seen_again(place).history.at(Stage.FALLBACK)
    assert fallback
    gone = retired_softly(place)
    assert fallback.id in gone
    assert S0.reveal() not in place.reachable()
    assert place.fallback() is None
    for seen in (seen_again(place), place.sink().survey()):
        assert seen.soft_deleted
        assert (seen.soft_deleted.fingerprint, seen.soft_deleted.versions[0], seen.soft_deleted.kept) == (
            FINGERPRINT,
            fallback.id,
            True,
        )
        assert seen.history.at(Stage.FALLBACK) is None
    assert place.document() == {KEY: P1.reveal(), **THEIRS, "smtp": "2"}
    assert place.tags()["owner"] == "team-billing"


def test_it_is_brought_back_as_the_fallback_that_it_was(place: Harness) -> None:
    in_use(place)
    before = seen_again(place)
    retired_softly(place)
    sink, held = retiring(place, "ci-3", "bring-back")
    back = sink.bring_back(held)
    sink.release(held, "brought back")
    after = seen_again(place)
    fallback = before.history.at(Stage.FALLBACK)
    assert fallback
    assert back == fallback.id
    assert (after.values, after.soft_deleted, after.drifted) == (before.values, None, False)
    assert after.history.at(Stage.FALLBACK) == fallback
    assert after.record == before.record
    assert place.fallback() == S0.reveal()


def test_softly_twice_is_once_and_so_is_bringing_back(place: Harness) -> None:
    in_use(place)
    sink, held = retiring(place)
    assert sink.retire(held, softly=True)
    assert sink.retire(held, softly=True) == ()
    sink.release(held, "retired softly")
    soft_deleted = seen_again(place).soft_deleted
    assert soft_deleted
    assert soft_deleted.kept
    sink, held = retiring(place, "ci-3", "bring-back")
    assert sink.bring_back(held)
    sink.bring_back(held)
    sink.release(held, "brought back")
    assert place.fallback() == S0.reveal()


def test_retiring_after_it_ends_it_and_it_cannot_be_brought_back(place: Harness) -> None:
    in_use(place)
    softly = retired_softly(place)
    sink, held = retiring(place, "ci-3", "retire")
    gone = sink.retire(held)
    assert set(gone) >= {softly[-1]} or set(gone) & set(softly)
    assert sink.retire(held) == ()
    sink.release(held, "retired")
    assert seen_again(place).soft_deleted is None
    sink, held = retiring(place, "ci-4", "bring-back")
    assert sink.bring_back(held) is None
    sink.release(held, "nothing")
    assert place.fallback() is None
    assert S0.reveal() not in place.reachable()


def test_a_rotation_ends_it_by_its_fingerprint_and_another_fingerprint_leaves_it(place: Harness) -> None:
    in_use(place)
    retired_softly(place)
    sink, held = claimed(place, P2, base=P1, holder="ci-3", ends=(S0,))
    sink.promote(held, P2, record(place, P2, P1, rotation="r-ci-3"))
    sink.retire(held, "0123456789abcdef")
    assert seen_again(place).soft_deleted
    sink.retire(held, FINGERPRINT)
    sink.release(held, "rotated")
    assert seen_again(place).soft_deleted is None
    assert place.fallback() == P1.reveal()
    assert place.document() == {KEY: P2.reveal(), **THEIRS, "smtp": "2"}


def test_current_is_not_retired_softly_either(place: Harness) -> None:
    in_use(place)
    place.write_key(KEY, S0.reveal())
    before = place.document(), place.fallback(), sorted(place.reachable())
    sink, held = retiring(place)
    with pytest.raises(Refused):
        sink.retire(held, softly=True)
    sink.release(held, "refused")
    assert (place.document(), place.fallback(), sorted(place.reachable())) == before
    assert seen_again(place).soft_deleted is None


def test_a_value_that_is_current_again_stays_when_what_was_set_aside_ends(place: Harness) -> None:
    in_use(place)
    retired_softly(place)
    place.write_key(KEY, S0.reveal())
    sink, held = retiring(place, "ci-3", "retire")
    sink.retire(held)
    sink.release(held, "retired")
    assert seen_again(place).soft_deleted is None
    assert (place.document() or {})[KEY] == S0.reveal()


def test_retiring_softly_again_leaves_what_was_set_aside(place: Harness) -> None:
    in_use(place)
    retired_softly(place)
    before = seen_again(place).soft_deleted
    sink, held = retiring(place, "ci-3")
    assert sink.retire(held, softly=True) == ()
    sink.release(held, "retired softly")
    assert seen_again(place).soft_deleted == before
    assert place.fallback() is None


def test_what_was_written_again_since_goes_with_what_was_set_aside(place: Harness) -> None:
    in_use(place)
    retired_softly(place)
    current = (place.document() or {})[KEY]
    place.write_key(KEY, S0.reveal())
    place.write_key(KEY, current)
    assert S0.reveal() in place.reachable()
    sink, held = retiring(place, "ci-3", "retire")
    sink.retire(held)
    sink.release(held, "retired")
    assert seen_again(place).soft_deleted is None
    assert S0.reveal() not in place.reachable()
    assert (place.document() or {})[KEY] == current


def test_forgetting_leaves_no_word_of_it(place: Harness) -> None:
    in_use(place)
    retired_softly(place)
    sink, held = retiring(place, "ci-3", "forget")
    sink.forget(held)
    sink.release(held, "forgotten")
    assert place.tags() == {"owner": "team-billing"}


def test_companions_lose_the_fallback_and_get_it_back(place: Harness) -> None:
    filled(place)
    sink, held = claimed(place, P1, base=S0, sibling_keys=SiblingKeys.KEEP)
    sink.promote(held, P1, record(place, P1, S0, rotation="r-ci-1"))
    sink.release(held, "rotated")
    assert (place.document() or {})[f"{KEY}_previous"] == S0.reveal()
    sink, held = claimed(place, None, base=P1, holder="ci-2", operation="retire-softly", sibling_keys=SiblingKeys.KEEP)
    sink.retire(held, softly=True)
    sink.release(held, "retired softly")
    assert S0.reveal() not in place.reachable()
    sink, held = claimed(place, None, base=P1, holder="ci-3", operation="bring-back", sibling_keys=SiblingKeys.KEEP)
    sink.bring_back(held)
    sink.write_sibling_keys(held)
    sink.release(held, "brought back")
    assert (place.document() or {})[f"{KEY}_previous"] == S0.reveal()
    assert place.fallback() == S0.reveal()
    assert not seen_again(place).inconsistent

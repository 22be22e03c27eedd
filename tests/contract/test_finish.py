"""What Auth0 has accepted already becomes current even where the sink was lost, and nothing else does."""

from __future__ import annotations

import pytest

from sinks.port import Lease, Lost, Sink, Stage
from sinks.sibling_keys import SiblingKeys
from tests.contract.harness import KEY, KEYS, LEASE, Harness
from tests.contract.operator import P1, P2, S0, claimed, filled, record, rotated, seen_again, taken_over

THEIRS = {"db_url": "postgres://theirs"}


def replaced(place: Harness) -> tuple[Sink, Lease]:
    """Have a rotation from P1 to P2 that somebody else has taken over."""
    filled(place)
    rotated(place)
    sink, held = claimed(place, P2, base=P1, holder="ci-2")
    taken_over(place)
    return sink, held


def soon(place: Harness) -> float:
    return place.clock.monotonic() + LEASE


def test_the_value_is_current_and_the_base_the_fallback_and_the_place_stays_its_new_holders(place: Harness) -> None:
    filled(place)
    rotated(place)
    sink, held = claimed(place, P2, base=P1, holder="ci-2")
    other, mine = taken_over(place)
    assert sink.finish(held, P1, P2, before=soon(place))
    assert place.document() == {KEY: P2.reveal(), **THEIRS}
    assert place.fallback() == P1.reveal()
    assert (seen_again(place).value(Stage.CURRENT), seen_again(place).value(Stage.FALLBACK)) == (P2, P1)
    other.renew(mine)
    with pytest.raises(Lost):
        sink.renew(held)
    assert place.pending() == P2.reveal()


def test_it_is_finished_after_the_place_was_given_back_too(place: Harness) -> None:
    filled(place)
    rotated(place)
    sink, held = claimed(place, P2, base=P1, holder="ci-2")
    other, mine = taken_over(place)
    other.release(mine, "given back")
    assert sink.finish(held, P1, P2, before=soon(place))
    assert place.document() == {KEY: P2.reveal(), **THEIRS}


def test_nothing_is_written_where_current_is_another_value(place: Harness) -> None:
    sink, held = replaced(place)
    place.write_key(KEY, "a-value-from-somebody")
    before = place.document(), place.tags(), place.fallback()
    assert not sink.finish(held, P1, P2, before=soon(place))
    assert (place.document(), place.tags(), place.fallback()) == before


def test_nothing_is_written_once_the_time_is_over(place: Harness) -> None:
    sink, held = replaced(place)
    before = place.document(), place.fallback()
    end = soon(place)
    place.clock.advance(LEASE)
    assert not sink.finish(held, P1, P2, before=end)
    assert (place.document(), place.fallback()) == before


def test_foreign_keys_that_were_there_stay(place: Harness) -> None:
    filled(place)
    rotated(place)
    place.write_key("smtp", "theirs")
    sink, held = claimed(place, P2, base=P1, holder="ci-2")
    taken_over(place)
    assert sink.finish(held, P1, P2, before=soon(place))
    assert place.document() == {KEY: P2.reveal(), **THEIRS, "smtp": "theirs"}
    assert place.tags()["owner"] == "team-billing"


def test_foreign_keys_that_were_edited_after_the_claim_are_never_lost(place: Harness) -> None:
    """Where the sink can keep them it publishes; where it cannot, it leaves the document alone."""
    sink, held = replaced(place)
    place.write_key("smtp", "theirs")
    done = sink.finish(held, P1, P2, before=soon(place))
    wanted = P2 if done else P1
    assert place.document() == {KEY: wanted.reveal(), **THEIRS, "smtp": "theirs"}


def test_twice_is_once_and_what_is_done_already_counts(place: Harness) -> None:
    sink, held = replaced(place)
    assert sink.finish(held, P1, P2, before=soon(place))
    before = place.document(), place.fallback(), len(seen_again(place).history.versions)
    assert sink.finish(held, P1, P2, before=soon(place))
    place.clock.advance(LEASE)
    assert sink.finish(held, P1, P2, before=soon(place) - 2 * LEASE)
    assert (place.document(), place.fallback(), len(seen_again(place).history.versions)) == before


def test_who_settles_it_afterwards_sets_the_tags_right(place: Harness) -> None:
    filled(place)
    rotated(place)
    sink, held = claimed(place, P2, base=P1, holder="ci-2")
    other, mine = taken_over(place)
    assert sink.finish(held, P1, P2, before=soon(place))
    other.promote(mine, P2, record(place, P2, P1, rotation="r-ci-2"))
    other.release(mine, "settled")
    seen = seen_again(place)
    assert (seen.value(Stage.CURRENT), seen.value(Stage.FALLBACK)) == (P2, P1)
    assert (seen.drifted, seen.edits, seen.unsettled) == (False, 0, False)
    assert place.fallback() == P1.reveal()


def test_companions_follow_where_they_are_kept(place: Harness) -> None:
    filled(place)
    sink, held = claimed(place, P1, sibling_keys=SiblingKeys.KEEP)
    sink.write_sibling_keys(held, P1)
    taken_over(place)
    assert sink.finish(held, S0, P1, before=soon(place))
    document = place.document() or {}
    assert [document.get(key) for key in KEYS] == [P1.reveal(), P1.reveal(), S0.reveal()]

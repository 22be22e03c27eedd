"""Whatever stands at the lock key and is no lock of ours is named, left alone, and never destroyed."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from sinks.port import Busy, Lost, Stage
from tests.contract.harness import KEY, VaultHarness
from tests.contract.operator import CLIENT, P1, P2, S0, claimed, filled, lock, record, rotated, seen_again
from tests.unit.sinks.vault.neighbours import FOREIGN, LOCK, OURS, Inner

Change = Callable[[Inner], dict[str, Any]]
THEIRS = {"order": "4711", KEY: "a-value-of-theirs"}


def at_lock(place: VaultHarness, version: int | None = None) -> dict[str, Any] | None:
    return place._read(f"{place.path}/pending", version)


def write(place: VaultHarness, document: dict[str, Any]) -> int:
    """Write at the lock key as somebody else; return the version."""
    answer = place.kv.create_or_update_secret(f"{place.path}/pending", document)
    return int(answer["data"]["version"])


def held(place: VaultHarness) -> Inner:
    """Let an operator hold the sink; return what its lock says."""
    filled(place)
    claimed(place)
    found = at_lock(place)
    assert found
    inner: Inner = found[LOCK]
    return inner


@pytest.mark.parametrize("change", FOREIGN.values(), ids=FOREIGN)
def test_a_neighbour_of_a_lock_is_named_and_nothing_in_it_is_believed(place: VaultHarness, change: Change) -> None:
    document = change(held(place))
    version = write(place, document)
    seen = seen_again(place)
    assert f"somebody else's text stands at secret/{place.path}/pending (v{version}, " in seen.foreign
    assert re.fullmatch(r"[ -~]+", seen.foreign)  # it can be printed
    assert (seen.lock, seen.unnamed, seen.value(Stage.PENDING)) == (None, None, None)
    assert (seen.unsettled, seen.claimed is not None, seen.value(Stage.CURRENT)) == (True, True, S0)
    assert place.sink().survey().lock is None
    assert place.sink().survey().unsettled
    other = place.sink()
    with pytest.raises(Busy):
        other.claim(seen, lock(place, "ci-2"), P2)
    assert at_lock(place) == document


@pytest.mark.parametrize("change", OURS.values(), ids=OURS)
def test_what_a_later_version_may_write_is_still_a_lock(place: VaultHarness, change: Change) -> None:
    write(place, {**change(held(place)), KEY: P2.reveal()})
    seen = seen_again(place)
    assert (seen.foreign, seen.value(Stage.PENDING)) == ("", P2)
    assert seen.lock is not None
    assert seen.lock.holder == "ci-1"


@pytest.mark.parametrize("change", FOREIGN.values(), ids=FOREIGN)
def test_who_claims_over_it_has_the_place_and_the_text_stays_readable(place: VaultHarness, change: Change) -> None:
    document = change(held(place))
    version = write(place, document)
    sink = place.sink()
    mine = sink.claim(sink.read(), lock(place, "leak"), P2, over=True)
    assert sink.renew(mine).value == P2
    sink.candidates()
    sink.promote(mine, P2, record(place, P2, S0))
    sink.retire(mine, S0.fingerprint(CLIENT))
    sink.release(mine, "rotated", ended=(S0, P1))
    assert at_lock(place, version) == document
    assert place.document() == {KEY: P2.reveal(), "db_url": "postgres://theirs"}


def test_a_text_that_was_claimed_over_leaves_a_settled_place(place: VaultHarness) -> None:
    filled(place)
    rotated(place)
    version = write(place, THEIRS)
    sink = place.sink()
    mine = sink.claim(sink.read(), lock(place, "settle", base=P1, operation="settle"), None, over=True)
    sink.candidates()
    sink.release(mine, "given back")
    assert at_lock(place, version) == THEIRS
    seen = seen_again(place)
    assert (seen.foreign, seen.lock, seen.unsettled) == ("", None, False)
    assert not place.sink().survey().unsettled
    rotated(place, P1, P2, holder="ci-9")
    assert at_lock(place, version) == THEIRS
    assert not place.sink().survey().unsettled


def test_a_value_below_a_foreign_text_is_a_candidate_and_so_is_the_texts_own(place: VaultHarness) -> None:
    held(place)
    write(place, THEIRS)
    found = [value.reveal() for value in place.sink().candidates()]
    assert found[:2] == [THEIRS[KEY], P1.reveal()]


def test_the_values_in_a_foreign_text_are_not_destroyed_even_if_auth0_refuses_them(place: VaultHarness) -> None:
    filled(place)
    version = write(place, {KEY: P1.reveal()})
    sink = place.sink()
    mine = sink.claim(sink.read(), lock(place, "settle", operation="settle"), None, over=True)
    sink.retire(mine, P1.fingerprint(CLIENT))
    sink.release(mine, "given back", ended=(P1,))
    assert at_lock(place, version) == {KEY: P1.reveal()}


def test_an_operation_on_another_key_is_foreign_here(place: VaultHarness) -> None:
    inner = held(place)
    write(place, {LOCK: inner, "other_key": P1.reveal()})
    seen = seen_again(place)
    assert seen.foreign.startswith(f"an operation on another key than '{KEY}' stands at secret/{place.path}/pending")
    assert (seen.lock, seen.value(Stage.PENDING)) == (None, None)


def test_an_idle_record_is_not_foreign_whatever_else_it_says(place: VaultHarness) -> None:
    filled(place)
    write(place, {LOCK: {"state": "idle", "bridge_recent": 7}, "more": "x"})
    seen = seen_again(place)
    assert (seen.foreign, seen.lock, seen.remembered) == ("", None, None)
    claimed(place)


def test_who_is_written_over_has_lost_the_place(place: VaultHarness) -> None:
    filled(place)
    sink, mine = claimed(place)
    write(place, THEIRS)
    with pytest.raises(Lost):
        sink.renew(mine)
    sink.release(mine, "given up", ended=(P1,))
    assert at_lock(place) == THEIRS


def test_sixteen_versions_of_the_lock_key_are_looked_into_and_no_more(place: VaultHarness) -> None:
    filled(place)
    rotated(place)  # the claim lets the key keep more versions
    for number in range(20):
        write(place, {KEY: f"decoy-{number}"})
    found = [value.reveal() for value in place.sink().candidates()]
    assert [text for text in found if text.startswith("decoy")] == [f"decoy-{number}" for number in range(19, 3, -1)]
    assert place.metadata(f"{place.path}/pending")["max_versions"] == 50

"""Metadata that takes no tags: readers do not wait for what is decorative."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from sinks.port import Deed, Refused, Stage
from tests.contract.harness import KEY, LEASE, VaultHarness
from tests.contract.operator import P1, P2, S0, claimed, filled, lock, record, rotated, seen_again, taken_over

LIMIT = 64  # entries in one request
THEIRS = {"db_url": "postgres://theirs"}


def patch(place: VaultHarness, path: str, **body: Any) -> None:
    """Change a key's metadata as somebody who may patch it."""
    headers = {"X-Vault-Token": place.server.token, "Content-Type": "application/merge-patch+json"}
    url = f"{place.server.url}/v1/secret/metadata/{path}"
    assert httpx.patch(url, json=body, headers=headers, trust_env=False).is_success


def refuse_tags(place: VaultHarness, path: str) -> None:
    """Let the server refuse every later PATCH of a key's metadata, as OpenBao does with this setting."""
    post(place, path, metadata_cas_required=True)


def take_tags(place: VaultHarness, path: str) -> None:
    version = place.metadata(path)["current_metadata_version"]
    post(place, path, metadata_cas_required=False, metadata_cas=version)


def post(place: VaultHarness, path: str, **body: Any) -> None:
    """Replace a key's metadata, but leave its entries as they are."""
    entries = place.metadata(path)["custom_metadata"] or {}
    url = f"{place.server.url}/v1/secret/metadata/{path}"
    headers = {"X-Vault-Token": place.server.token}
    assert httpx.post(url, json={**body, "custom_metadata": entries}, headers=headers, trust_env=False).is_success


def lock_path(place: VaultHarness) -> str:
    return f"{place.path}/pending"


def test_a_patch_is_limited_by_its_own_entries_and_not_by_those_that_are_there(place: VaultHarness) -> None:
    """A fact about Vault and OpenBao: 64 entries are the limit of one request, not of a key."""
    filled(place)
    patch(place, place.path, custom_metadata={f"theirs_{number}": "x" for number in range(LIMIT)})
    sink, held = claimed(place)
    assert sink.promote(held, P1, record(place, P1, S0)).untold == ""
    sink.release(held, "rotated")
    assert len(place.tags()) > LIMIT
    assert (seen_again(place).record, place.fallback()) == (record(place, P1, S0), S0.reveal())


def test_entries_of_others_hold_nothing_up(place: VaultHarness) -> None:
    filled(place)
    patch(place, place.path, custom_metadata={f"theirs_{number}": "x" for number in range(LIMIT)})
    sink = place.sink()
    assert sink.check(sink.read(), frozenset(Deed)) == ()


def test_the_document_is_written_although_its_tags_are_refused(place: VaultHarness) -> None:
    filled(place)
    sink, held = claimed(place)
    refuse_tags(place, place.path)
    promoted = sink.promote(held, P1, record(place, P1, S0))
    assert f"tag secret/metadata/{place.path}" in promoted.untold
    assert place.document() == {KEY: P1.reveal(), **THEIRS}
    assert sink.promote(held, P1, record(place, P1, S0)).untold
    take_tags(place, place.path)
    assert not sink.promote(held, P1, record(place, P1, S0)).untold
    sink.release(held, "rotated")
    seen = seen_again(place)
    assert (seen.record, seen.value(Stage.FALLBACK), seen.unsettled) == (record(place, P1, S0), S0, False)
    assert place.fallback() == S0.reveal()


def test_a_place_whose_tags_were_refused_is_given_back_and_shows_what_is_current(place: VaultHarness) -> None:
    filled(place)
    sink, held = claimed(place)
    refuse_tags(place, place.path)
    sink.promote(held, P1, record(place, P1, S0))
    sink.release(held, "rotated")
    take_tags(place, place.path)
    seen = seen_again(place)
    assert (seen.lock, seen.unsettled, seen.record, seen.value(Stage.CURRENT)) == (None, False, None, P1)
    assert place.tags() == {"owner": "team-billing"}


def test_a_lost_place_is_finished_although_its_tags_are_refused(place: VaultHarness) -> None:
    filled(place)
    sink, held = claimed(place)
    taken_over(place)
    refuse_tags(place, place.path)
    assert sink.finish(held, S0, P1, before=place.clock.monotonic() + LEASE)
    assert place.document() == {KEY: P1.reveal(), **THEIRS}


def test_a_claim_is_given_back_where_the_lock_key_refuses_its_name(place: VaultHarness) -> None:
    filled(place)
    rotated(place)
    refuse_tags(place, lock_path(place))
    sink = place.sink()
    with pytest.raises(Refused, match=f"tag secret/metadata/{lock_path(place)}"):
        sink.claim(sink.read(), lock(place, "ci-2", base=P1), P2)
    seen = seen_again(place)
    assert (seen.lock, place.pending()) == (None, None)


def test_the_answer_to_a_leak_goes_on_without_a_name(place: VaultHarness) -> None:
    """Who may set up the lock key's metadata must not hold up the answer to a leak."""
    filled(place)
    rotated(place)
    refuse_tags(place, lock_path(place))
    sink = place.sink()
    held = sink.claim(sink.read(), lock(place, "leak", base=P1), P2, over=True)
    sink.promote(held, P2, record(place, P2, rotation="r-leak"), keep=False)
    sink.release(held, "rotated")
    assert place.document() == {KEY: P2.reveal(), **THEIRS}
    assert seen_again(place).lock is None


def test_a_release_is_done_although_the_lock_key_refuses_to_say_what_is_kept(place: VaultHarness) -> None:
    filled(place)
    sink, held = claimed(place)
    refuse_tags(place, lock_path(place))
    sink.release(held, "given back")
    assert (seen_again(place).lock, place.pending()) == (None, None)
    assert P1 in place.sink().candidates()

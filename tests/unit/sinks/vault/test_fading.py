"""Versions that delete themselves are never the only sink of a value that is live."""

from __future__ import annotations

from typing import Any
from unittest import mock

import httpx
import pytest

from sinks.port import Refused, Stage, Unavailable
from sinks.vault.sink import VaultSink
from tests.contract.harness import KEY, VaultHarness
from tests.contract.operator import P1, P2, S0, claimed, filled, lock, record, rotated, seen_again, taken_over


def patch(place: VaultHarness, path: str, **body: Any) -> None:
    """Change a key's metadata as somebody who may patch it."""
    headers = {"X-Vault-Token": place.server.token, "Content-Type": "application/merge-patch+json"}
    url = f"{place.server.url}/v1/secret/metadata/{path}"
    assert httpx.patch(url, json=body, headers=headers, trust_env=False).is_success


def lock_path(place: VaultHarness) -> str:
    return f"{place.path}/pending"


def test_only_a_post_of_metadata_takes_a_time_of_deletion_away_again(place: VaultHarness) -> None:
    """A fact about OpenBao: a promotion cannot put it right in its own PATCH."""
    filled(place)
    patch(place, place.path, delete_version_after="720h")
    patch(place, place.path, delete_version_after="0s")
    assert place.metadata(place.path)["delete_version_after"] == "720h0m0s"
    place.kv.update_metadata(place.path, delete_version_after="0s", custom_metadata=place.tags())
    assert place.metadata(place.path)["delete_version_after"] == "0s"


def test_a_live_value_that_the_vault_would_delete_is_refused_by_name(place: VaultHarness) -> None:
    filled(place)
    sink, held = claimed(place)
    patch(place, place.path, delete_version_after="720h")
    with pytest.raises(Refused, match="is going to delete what was written") as caught:
        sink.promote(held, P1, record(place, P1, S0))
    assert "bao kv metadata put -delete-version-after=0s" in (caught.value.hint or "")
    assert (place.document() or {})[KEY] == P1.reveal()  # its readers have what Auth0 accepts
    assert place.pending() == P1.reveal()


def test_once_it_is_unset_promoting_again_leaves_a_version_that_stays(place: VaultHarness) -> None:
    filled(place)
    sink, held = claimed(place)
    patch(place, place.path, delete_version_after="720h")
    with pytest.raises(Refused):
        sink.promote(held, P1, record(place, P1, S0))
    place.kv.update_metadata(place.path, delete_version_after="0s", custom_metadata=place.tags())
    other, mine = taken_over(place)
    other.promote(mine, P1, record(place, P1, S0))
    other.release(mine, "rotated")
    latest = place.metadata(place.path)
    assert latest["versions"][str(latest["current_version"])]["deletion_time"] == ""
    seen = seen_again(place)
    assert (seen.value(Stage.CURRENT), seen.value(Stage.FALLBACK)) == (P1, S0)


def test_a_claim_whose_lock_the_vault_would_delete_is_given_back(place: VaultHarness) -> None:
    filled(place)
    rotated(place)
    patch(place, lock_path(place), delete_version_after="720h")
    sink = place.sink()
    with pytest.raises(Refused, match="is going to delete what was written"):
        sink.claim(sink.read(), lock(place, "ci-2", base=P1), P2)
    assert (seen_again(place).lock, place.pending()) == (None, None)


def test_a_pending_value_that_the_vault_would_delete_is_refused_by_name(place: VaultHarness) -> None:
    filled(place)
    sink, held = claimed(place, None)
    patch(place, lock_path(place), delete_version_after="720h")
    with pytest.raises(Refused, match="is going to delete what was written"):
        sink.store(held, P1)


def losing_an_answer(sink: VaultSink) -> Any:
    """Have the next write be done, and its answer be lost."""
    real, lost = sink._kv.write, []

    def write(*args: Any, **more: Any) -> Any:
        written = real(*args, **more)
        if not lost:
            lost.append(written)
            raise Unavailable("the connection broke")
        return written

    return mock.patch.object(sink._kv, "write", write)


def test_a_claim_whose_lock_the_vault_would_delete_is_given_back_although_its_answer_was_lost(
    place: VaultHarness,
) -> None:
    filled(place)
    rotated(place)
    patch(place, lock_path(place), delete_version_after="720h")
    sink = place.sink()
    state = sink.read()
    with losing_an_answer(sink), pytest.raises(Refused, match="is going to delete what was written"):
        sink.claim(state, lock(place, "ci-2", base=P1), P2)
    assert (seen_again(place).lock, place.pending()) == (None, None)


def test_a_pending_value_that_the_vault_would_delete_is_refused_although_its_answer_was_lost(
    place: VaultHarness,
) -> None:
    filled(place)
    sink, held = claimed(place, None)
    assert isinstance(sink, VaultSink)
    patch(place, lock_path(place), delete_version_after="720h")
    with losing_an_answer(sink), pytest.raises(Refused, match="is going to delete what was written"):
        sink.store(held, P1)

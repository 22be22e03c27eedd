from __future__ import annotations

from typing import Any

import pytest

from bridge.watch.entries import Seen, seen
from tests.unit.watch.entries import MANAGED, NOON, call, exchange


def told(entry: Any) -> list[Seen]:
    return list(seen([entry], MANAGED))


@pytest.mark.parametrize(
    ("entry", "changed", "given"),
    [
        (call("/api/v2/clients/AbC123/rotate-secret", "post"), "AbC123", True),
        (call("/api/v2/clients/AbC123", client_secret="[hidden]"), "AbC123", True),
        (call("/api/v2/clients/AbC123", name="billing"), "AbC123", False),
        (call("/api/v2/clients/AbC123"), "AbC123", False),
        (call("/api/v2/clients/AbC123", "delete"), "AbC123", False),
        (call("/api/v2/clients/AbC123/credentials", "post"), "AbC123", False),
        (call("/api/v2/client-grants", "post", client_id="DeF456"), "DeF456", False),
        (call("/api/v2/clients/Foreign"), "", False),
        (call("/api/v2/clients/AbC123x"), "", False),
        (call("/api/v2/clients"), "", False),
        (call("/api/v2/client-grants/cgr_1", "delete"), "", False),
        ({**call("/api/v2/clients/AbC123"), "type": "fapi"}, "", False),
        ({**call(""), "details": None}, "", False),
        ({**call(""), "details": {"request": [1]}}, "", False),
        ({**call(""), "details": {"request": {"path": 7}}}, "", False),
    ],
)
def test_a_call_is_about_a_managed_client_by_its_path(entry: Any, changed: str, given: bool) -> None:
    (found,) = told(entry)
    assert (found.changed, found.given, found.exchange) == (changed, given, None)


@pytest.mark.parametrize(
    ("entry", "failed"),
    [
        (exchange(), "AbC123"),
        (exchange("fertft"), "AbC123"),
        (exchange("seccft"), ""),
        (exchange(client_id="Foreign"), ""),
        (exchange(user_agent="secret-bridge/0.1 probe"), ""),
        (exchange(description="Grant type 'x' not allowed for the client."), ""),
    ],
)
def test_a_failure_counts_where_the_secret_was_wrong_and_it_is_no_probe_of_ours(entry: Any, failed: str) -> None:
    (found,) = told(entry)
    assert (found.failed, found.exchange is not None) == (failed, bool(failed))


@pytest.mark.parametrize("entry", ["text", None, {}, {"log_id": "id-0"}, {**exchange(), "date": "soon"}, {"date": "x"}])
def test_what_is_no_entry_is_left_out(entry: Any) -> None:
    assert told(entry) == []


def test_an_entry_without_an_id_is_no_place_in_the_log() -> None:
    entry = exchange()
    del entry["log_id"]
    assert told(entry) == []
    assert told({**entry, "_id": "id-1"})[0].position.id == "id-1"
    assert told({**entry, "_id": "id-1"})[0].position.at == NOON

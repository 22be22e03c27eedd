"""`[[notify]]`: what is understood, and how faults are told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bridge.config.choose import choose
from bridge.config.load import build
from bridge.config.settings import EVENTS, NotifySettings, Settings
from bridge.model.errors import Usage


def built(*tables: dict[str, Any]) -> Settings:
    return build({"notify": list(tables)}, Path("bridge.toml"), {})


def test_each_table_is_a_destination_and_without_on_it_gets_every_event() -> None:
    found = built({"url": "env:SLACK_URL"}, {"url": "file:/run/pager", "on": ["incomplete", "overdue"]})
    assert found.notify == (
        NotifySettings("env:SLACK_URL", EVENTS),
        NotifySettings("file:/run/pager", ("incomplete", "overdue")),
    )


def test_without_a_table_nobody_is_told() -> None:
    assert built().notify == ()


URL = "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7"


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ({"url": URL}, "notify[0].url: found a plain text (not shown), expected env:NAME"),
        ({}, "notify[0].url: missing"),
        ({"url": "env:X", "on": ["rotatet"]}, 'notify[0].on[0]: found "rotatet", expected one of incomplete,'),
        ({"url": "env:X", "on": []}, "notify[0].on: found an empty list, expected at least one"),
        ({"url": "env:X", "onn": ["rotated"]}, "notify[0].onn: unknown key; did you mean on?"),
        ({"url": 5}, "notify[0].url: found a number, expected a text"),
    ],
    ids=["a literal", "missing", "no such event", "empty", "unknown key", "a number"],
)
def test_a_fault_is_told_with_its_key_and_without_the_url(table: dict[str, Any], told: str) -> None:
    with pytest.raises(Usage) as caught:
        built(table)
    assert told in caught.value.message
    assert URL not in caught.value.message
    assert "TIiajkdnlazkcOXrIdevi7" not in caught.value.message


def test_one_table_instead_of_a_list_is_told() -> None:
    with pytest.raises(Usage, match="notify: found a table, expected a list"):
        build({"notify": {"url": "env:X"}}, Path("bridge.toml"), {})


def test_whoever_names_places_beside_a_file_is_told_of_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    environ = {"AUTH0_DOMAIN": "acme.eu.auth0.com", "AUTH0_API_TOKEN": "x", "VAULT_ADDR": "https://vault.example:8200"}
    settings, _ = choose("AbC123", built({"url": "env:X"}), environ, sinks=("vault://secret/apps/billing",))
    assert settings.notify == (NotifySettings("env:X"),)

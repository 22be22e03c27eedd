"""docs/reference/configuration.md and the schema against the code."""

from __future__ import annotations

import dataclasses
import re
from datetime import timedelta

import pytest
from pydantic import BaseModel

import sinks.aws
import sinks.vault
from bridge.config.agent import METHODS, AgentSettings, Listener, Served
from bridge.config.fields import duration
from bridge.config.model import (
    AgentTable,
    ClientTable,
    ConfigFile,
    DiscoverTable,
    ExceptionTable,
    FleetTable,
    ListenTable,
    NotifyTable,
    PolicyTable,
    RuleTable,
    ServedTable,
    TenantTable,
    WatchTable,
)
from bridge.config.rules import OWN
from bridge.config.schema import text
from bridge.config.settings import CONSENTS, EVENTS, EVIDENCE, PLACEHOLDERS, STRATEGIES, ClientSettings, Rule
from bridge.model.tenant import TenantSettings
from bridge.planning.naming import LONGEST
from sinks import kinds
from tests.docs.pages import DOCS, keys, section, spans, tables

PAGE = DOCS / "reference" / "configuration.md"


def told(heading: str, number: int = 0) -> dict[str, list[str]]:
    table = tables(section(PAGE, heading))[number]
    assert len(keys(table)) == len(table)
    return {spans(row[0])[0]: row for row in table}


@pytest.mark.parametrize(
    ("heading", "table"),
    [
        ("[tenants.NAME]", TenantTable),
        ("[defaults]", PolicyTable),
        ("Exceptions", ExceptionTable),
        ("[discover]", DiscoverTable),
        ("[[notify]]", NotifyTable),
        ("[agent]", AgentTable),
        ("[[agent.listen]]", ListenTable),
        ("[agent.clients.NAME]", ServedTable),
        ("[watch]", WatchTable),
        ("[fleet]", FleetTable),
    ],
    ids=["tenants", "defaults", "exceptions", "discover", "notify", "agent", "listen", "served", "watch", "fleet"],
)
def test_every_key_of_a_table_is_told_and_no_other(heading: str, table: type[BaseModel]) -> None:
    assert set(told(heading)) == set(table.model_fields)


def test_the_keys_of_a_client_are_its_own_and_those_of_the_defaults() -> None:
    assert set(told("[clients.NAME]")) == set(ClientTable.model_fields) - set(PolicyTable.model_fields)


def test_the_keys_of_a_rule_are_its_own_and_those_of_the_defaults() -> None:
    assert set(told("[[rules]]")) == set(RuleTable.model_fields) - set(PolicyTable.model_fields)
    assert set(told("[[rules]]")) == OWN


def test_the_placeholders_are_the_codes() -> None:
    assert set(told("[[rules]]", 1)) == {f"{{{name}}}" for name in PLACEHOLDERS}
    assert spans(told("[[rules]]")["name"][1]) == [Rule.name]
    assert f"at most {LONGEST} characters" in section(PAGE, "[[rules]]")


def test_every_table_of_the_file_has_its_heading() -> None:
    headings = re.findall(r"^## \[+(\w+)", PAGE.read_text("utf-8"), re.MULTILINE)
    assert headings == list(ConfigFile.model_fields)


@pytest.mark.parametrize(
    ("heading", "number", "settings"),
    [
        ('type = "vault"', 0, sinks.vault.Settings),
        ('type = "vault"', 1, sinks.vault.Auth),
        ('type = "aws"', 0, sinks.aws.Settings),
    ],
    ids=["vault", "auth", "aws"],
)
def test_every_setting_of_a_vault_is_told_and_no_other(heading: str, number: int, settings: type) -> None:
    assert set(told(heading, number)) == {field.name for field in dataclasses.fields(settings)}


def test_every_kind_of_vault_has_its_heading() -> None:
    assert re.findall(r'^### type = "(\w+)"', PAGE.read_text("utf-8"), re.MULTILINE) == ["vault", "aws"]
    assert set(kinds.names()) == {"vault", "aws"}


def test_the_defaults_that_are_told_are_the_codes() -> None:
    owners = ((ClientSettings, "[defaults]"), (TenantSettings, "[tenants.NAME]"), (AgentSettings, "[agent]"))
    for owner, heading in owners:
        rows = told(heading)
        for field in dataclasses.fields(owner):
            if isinstance(field.default, timedelta):
                assert duration(spans(rows[field.name][1])[0]) == field.default, field.name
    assert spans(told("[defaults]")["strategy"][1]) == [ClientSettings.strategy]
    assert spans(told("[defaults]")["evidence"][1]) == [ClientSettings.evidence]
    assert spans(told("[defaults]")["key"][1]) == [sinks.vault.DEFAULT_KEY]
    assert spans(told('type = "vault"')["pending_suffix"][1]) == [sinks.vault.Settings.pending_suffix]


def test_the_defaults_of_the_agent_are_the_codes() -> None:
    assert spans(told("[[agent.listen]]")["mode"][1]) == [f'"{Listener.mode:04o}"']
    row = told("[agent.clients.NAME]")["method"]
    assert (spans(row[1]), spans(row[2])) == ([Served.method], [each for each in METHODS if each != Served.method])


def test_every_choice_is_told() -> None:
    rows = told("[defaults]")
    for key, choices in (("strategy", STRATEGIES), ("evidence", EVIDENCE), ("accept", CONSENTS)):
        assert all(f"`{choice}`" in rows[key][2] or f'`"{choice}"`' in rows[key][2] for choice in choices), key


def test_the_events_are_told_in_their_order() -> None:
    assert tuple(spans(told("[[notify]]")["on"][2])) == EVENTS


def test_the_schema_that_ships_is_the_codes() -> None:
    assert (DOCS / "reference" / "bridge.schema.json").read_text("utf-8") == text(), (
        "run: python -m bridge.config.schema > docs/reference/bridge.schema.json"
    )

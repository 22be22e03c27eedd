"""How a record is switched on."""

from __future__ import annotations

from pathlib import Path

import pytest

from bridge.config.audit import audit_from_environment
from bridge.config.choose import choose
from bridge.config.load import load
from bridge.config.settings import AuditSettings, Settings
from bridge.model.errors import Usage

PLACE = ("vault://secret/apps/billing",)
VAULT = {"VAULT_ADDR": "https://vault.example:8200", "VAULT_TOKEN": "t"}


def loaded(tmp_path: Path, text: str, **environ: str) -> Settings:
    path = tmp_path / "bridge.toml"
    path.write_text(text, "utf-8")
    return load(path, environ)


def faults(tmp_path: Path, text: str, **environ: str) -> tuple[str, ...]:
    with pytest.raises(Usage) as caught:
        loaded(tmp_path, text, **environ)
    return caught.value.faults


def test_it_is_off_by_default(tmp_path: Path) -> None:
    assert loaded(tmp_path, "").audit is None
    assert audit_from_environment({"BRIDGE_AUDIT_KEY": "a key alone says not where"}) == (None, [])


@pytest.mark.parametrize("to", ["file:/var/log/audit.jsonl", "syslog", "stderr"])
def test_a_file_says_where_to(tmp_path: Path, to: str) -> None:
    assert loaded(tmp_path, f'[audit]\nto = "{to}"', BRIDGE_AUDIT="stderr").audit == AuditSettings(to)


def test_a_file_that_says_nothing_leaves_it_to_the_environment(tmp_path: Path) -> None:
    assert loaded(tmp_path, "", BRIDGE_AUDIT="syslog").audit == AuditSettings("syslog")


def test_places_typed_beside_a_file_are_recorded_where_the_file_says(tmp_path: Path) -> None:
    settings = loaded(tmp_path, '[audit]\nto = "syslog"')
    typed, _ = choose("AbC123", settings, VAULT, sinks=PLACE, tenant=False)
    assert typed.audit == AuditSettings("syslog")
    typed, _ = choose("AbC123", None, {**VAULT, "BRIDGE_AUDIT": "stderr"}, sinks=PLACE, tenant=False)
    assert typed.audit == AuditSettings("stderr")


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ('to = "file:audit.jsonl"', 'audit.to: found "file:audit.jsonl", expected file:/PATH'),
        ('to = "sysolg"', 'audit.to: found "sysolg", expected file:/PATH'),
        ("to = 3", "audit.to: found a number, expected a text"),
        ('to = "syslog"\nkey = "env:KEY"', "audit.key: only a file has a chain"),
        ('to = "file:/a"\nkey = "a key in plain text"', "audit.key: found a plain text (not shown)"),
        ('kye = "env:KEY"', "audit.kye: unknown key; did you mean key?"),
        ('key = "env:KEY"', "audit.to: missing"),
    ],
)
def test_every_fault_is_named_by_its_key(tmp_path: Path, text: str, fault: str) -> None:
    found = faults(tmp_path, f"[audit]\n{text}\n")
    assert any(one.startswith(fault) for one in found), found
    assert "a key in plain text" not in "".join(found)


def test_what_is_wrong_in_the_environment_is_named(tmp_path: Path) -> None:
    for environ, fault in (
        ({"BRIDGE_AUDIT": "audit.jsonl"}, "BRIDGE_AUDIT: found something else"),
        ({"BRIDGE_AUDIT": "stderr", "BRIDGE_AUDIT_KEY": "k"}, "BRIDGE_AUDIT_KEY: only a file has a chain"),
    ):
        assert any(fault in one for one in faults(tmp_path, "", **environ))
        with pytest.raises(Usage, match=fault):
            choose("AbC123", None, {**VAULT, **environ}, sinks=PLACE, tenant=False)


def test_the_keys_variable_holds_the_key_or_a_reference_to_it() -> None:
    to = {"BRIDGE_AUDIT": "file:/a"}
    for key, reference in (
        ("a key", "env:BRIDGE_AUDIT_KEY"),
        ("file:/run/secrets/key", "file:/run/secrets/key"),
        ("vault://secret/audit#key", "vault://secret/audit#key"),
        ("", None),
    ):
        assert audit_from_environment({**to, "BRIDGE_AUDIT_KEY": key}) == (AuditSettings("file:/a", reference), [])

"""The file of discovered clients: read together with the configuration, and replaced as a whole."""

from __future__ import annotations

import tomllib
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from bridge.config import discovered
from bridge.config.discovered import LARGEST
from bridge.config.load import load
from bridge.config.settings import Settings
from bridge.model.errors import Failed, Usage

TABLE = '[clients.web]\ntenant = "prod"\nclient_id = "Web1"\nsinks = ["eu://secret/apps/web"]\n'
MORE = '[discover]\nfile = "clients.toml"\n'


@pytest.fixture
def loaded(tmp_path: Path, good: str) -> Any:
    def made(beside: str | None = TABLE, more: str = "") -> Settings:
        (tmp_path / "bridge.toml").write_text(good + MORE + more, "utf-8")
        if beside is not None:
            (tmp_path / "clients.toml").write_text(beside, "utf-8")
        return load(tmp_path / "bridge.toml", {})

    return made


def test_its_clients_are_clients_with_the_defaults(loaded: Any, tmp_path: Path) -> None:
    settings = loaded()
    assert list(settings.clients) == ["web", "billing"]
    assert settings.clients["web"].sinks == ("eu://secret/apps/web",)
    assert settings.discovered == tmp_path / "clients.toml"
    assert list(loaded("# nothing yet\n").clients) == ["billing"]


@pytest.mark.parametrize(
    ("beside", "fault"),
    [
        (None, "discover.file: there is no file clients.toml beside this one: secret-bridge discover --write makes it"),
        (TABLE.replace("web]", "billing]"), "clients.billing: also in clients.toml: take one of them out"),
        (TABLE.replace("Web1", "AbC123"), "the same application as clients.web"),
        (TABLE.replace("apps/web", "apps/billing"), "the same sink as clients.web.sinks[0]"),
        (TABLE.replace("prod", "prd"), 'clients.web.tenant: found "prd"'),
        (TABLE.replace("client_id", "clientid"), "clients.web.clientid: unknown key; did you mean client_id?"),
        (TABLE.replace("[clients.web]", '[clients."a/b"]'), "expected a name of letters"),
        ('[tenants.x]\ndomain = "evil.example"\n' + TABLE, "found tenants, expected [clients.NAME] tables only"),
        ('[[notify]]\nurl = "env:X"\n', "found notify, expected"),
        ("clients = 7\n", "expected [clients.NAME] tables only"),
        ("[clients]\nx = 7\n", "expected [clients.NAME] tables only"),
        ("[clients", "clients.toml: not valid TOML at"),
    ],
)
def test_its_faults_are_those_of_the_configuration(loaded: Any, beside: str | None, fault: str) -> None:
    with pytest.raises(Usage) as caught:
        loaded(beside)
    assert any(fault in line for line in caught.value.faults), caught.value.faults


def test_a_configuration_is_no_file_of_its_own_clients(tmp_path: Path, good: str) -> None:
    (tmp_path / "bridge.toml").write_text(good + MORE.replace("clients.toml", "bridge.toml"), "utf-8")
    with pytest.raises(Usage, match="another file than the configuration"):
        load(tmp_path / "bridge.toml", {})


def test_who_may_not_write_the_configuration_may_not_write_its_clients(loaded: Any, tmp_path: Path) -> None:
    loaded()
    (tmp_path / "clients.toml").chmod(0o646)
    with pytest.raises(Usage, match="may be written to by everybody") as caught:
        load(tmp_path / "bridge.toml", {})
    assert "chmod go-w" in str(caught.value.hint)
    (tmp_path / "bridge.toml").chmod(0o646)  # which was named by the user, who answers for both
    assert "web" in load(tmp_path / "bridge.toml", {}).clients


TABLES: dict[str, dict[str, Any]] = {
    "web-2": {"tenant": "prod", "client_id": "W2", "sinks": ["eu://a/b", "eu://a/c#d"], "sibling_keys": True},
    "a.b": {
        "tenant": 'say "no"\\',
        "owner": "Ä\x7f\u2028\U0001f600\t",
        "exception": {"owner": "x", "reason": "y\nz", "until": date(2027, 1, 31)},
        "after": [],
    },
}


def test_what_is_written_is_what_is_read(tmp_path: Path) -> None:
    text = discovered.text(TABLES, "bridge.toml")
    assert tomllib.loads(text) == {"clients": TABLES}
    assert list(tomllib.loads(text)["clients"]) == ["a.b", "web-2"]
    assert all(line.isprintable() for line in text.split("\n"))
    assert tomllib.loads(discovered.text({}, "bridge.toml")) == {}


def test_a_file_keeps_its_mode_and_a_new_one_gets_that_of_the_configuration(tmp_path: Path) -> None:
    beside = tmp_path / "clients.toml"
    discovered.write(beside, "a = 1\n", None, 0o600)
    assert (beside.read_text("utf-8"), beside.stat().st_mode & 0o777) == ("a = 1\n", 0o600)
    beside.chmod(0o644)
    discovered.write(beside, "a = 2\n", b"a = 1\n", 0o600)
    assert (beside.read_text("utf-8"), beside.stat().st_mode & 0o777) == ("a = 2\n", 0o644)
    assert list(tmp_path.iterdir()) == [beside]


def test_what_somebody_else_changed_meanwhile_is_not_replaced(tmp_path: Path) -> None:
    beside = tmp_path / "clients.toml"
    beside.write_text("theirs = 1\n", "utf-8")
    for before in (None, b"a = 1\n"):
        with pytest.raises(Failed, match="has changed meanwhile"):
            discovered.write(beside, "a = 2\n", before, 0o600)
    beside.unlink()
    with pytest.raises(Failed, match="has changed meanwhile"):
        discovered.write(beside, "a = 2\n", b"a = 1\n", 0o600)
    (tmp_path / "real.toml").write_text("", "utf-8")
    beside.symlink_to("real.toml")
    with pytest.raises(Failed, match="symbolic link"):
        discovered.write(beside, "a = 2\n", b"", 0o600)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["clients.toml", "real.toml"]


def test_what_cannot_be_written_or_read_again_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(Failed, match=r"cannot be written \(FileNotFoundError\)"):
        discovered.write(tmp_path / "no" / "clients.toml", "", None, 0o600)
    with pytest.raises(Failed, match="more than 16 MiB"):
        discovered.write(tmp_path / "clients.toml", "#" * (LARGEST + 1), None, 0o600)
    assert list(tmp_path.iterdir()) == []

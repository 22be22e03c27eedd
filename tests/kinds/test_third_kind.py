"""A third kind of store, as one folder: everything works with it, and no line of the product knows it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bridge.config.schema import json_schema
from bridge.sandbox.auth0 import LocalAuth0
from bridge.sandbox.stack import AUDIENCE, BILLING, BRIDGE, MANAGEMENT_SCOPES
from tests.architecture.sources import ROOT, SOURCES

HERE = Path(__file__).parent
CONFIG = """\
[tenants.main]
domain = "{url}"
client_id = "env:AUTH0_CLIENT_ID"
client_secret = "env:AUTH0_CLIENT_SECRET"
propagation = "1s"

[vaults.here]
type = "memory"
password = "env:MEMORY_PASSWORD"

[clients.billing]
tenant = "main"
client_id = "{client}"
sinks = ["here://apps/billing"]
min_interval = "0s"
after = ["{python}", "-c", "import os; assert 'MEMORY_PASSWORD' not in os.environ"]
"""


class Commands:
    """Commands in one process, whose stores live as long as it does."""

    def __init__(self, directory: Path, environ: dict[str, str]) -> None:
        self.directory = directory
        self.environ = environ

    def run(self, *commands: list[str]) -> list[dict[str, Any]]:
        done = subprocess.run(
            [sys.executable, "-m", "tests.kinds.story", str(HERE)],
            input="".join(f"{json.dumps(words)}\n" for words in commands),
            env={**self.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "200"},
            cwd=self.directory, capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture
def auth0() -> Iterator[LocalAuth0]:
    with LocalAuth0(timedelta(seconds=1)) as server:
        server.tenant.add_client(BILLING, name="billing", grants={AUDIENCE: ()})
        yield server


@pytest.fixture
def commands(auth0: LocalAuth0, tmp_path: Path) -> Commands:
    own = auth0.tenant.add_management_client(MANAGEMENT_SCOPES, BRIDGE, name="secret-bridge")
    text = CONFIG.format(url=auth0.url, client=BILLING, python=sys.executable)
    (tmp_path / "bridge.toml").write_text(text)
    environ = {
        "AUTH0_DOMAIN": auth0.url, "AUTH0_CLIENT_ID": own.client_id, "AUTH0_CLIENT_SECRET": own.client_secret,
        "MEMORY_PASSWORD": "hunter2", "HOME": str(tmp_path), "PATH": "/usr/bin:/bin",
    }  # fmt: skip
    return Commands(tmp_path, environ)


def test_a_secret_lives_through_every_command(commands: Commands, auth0: LocalAuth0) -> None:
    before = auth0.tenant.secret(BILLING)
    done = commands.run(
        ["doctor"], ["adopt", "billing", "--yes"], ["rotate", "billing"], ["read", "billing"],
        ["read", "billing", "--stage", "fallback"], ["verify", "billing"], ["status"], ["history", "billing"],
        ["doctor"], ["rollback", "billing"], ["read", "billing"], ["rotate", "--due"],
        ["rotate", "billing", "--compromised", "--reason", "x", "--yes"], ["report", "--json"],
    )  # fmt: skip
    assert [(one["words"][0], one["status"]) for one in done if one["status"]] == [], done
    said = {" ".join(one["words"]): one["out"] for one in done}
    assert said["read billing --stage fallback"].strip() in (before, "")
    assert done[3]["out"].strip() != before
    assert done[10]["out"].strip() == before
    assert "Memory here (default)" in done[0]["out"]
    assert "there is no store default yet" in done[0]["out"]
    assert "# correct the store's name: default" in done[0]["out"]
    assert "the operator may do all" in done[8]["out"]
    assert not any("hunter2" in one["out"] + one["err"] for one in done)


def test_it_is_configured_and_every_fault_is_named(commands: Commands) -> None:
    file = commands.directory / "bridge.toml"
    file.write_text(file.read_text().replace('"env:MEMORY_PASSWORD"', '"hunter2"\nstores = 1'))
    found = commands.run(["status"])[0]
    assert found["status"] == 2
    assert "vaults.here.password: found a plain text (not shown)" in found["err"]
    assert "memory://PATH#KEY" in found["err"]
    assert "vaults.here.stores" in found["err"]
    assert "hunter2" not in found["err"]
    file.unlink()
    address = commands.run(["status", "some-id", "--sink", "memory://#key"])[0]
    assert address["status"] == 2
    assert "'memory://#key' names no document" in address["err"]


def test_init_policy_and_help_name_it(commands: Commands) -> None:
    commands.environ["MEMORY_STORE"] = "mine"
    (commands.directory / "bridge.toml").rename(commands.directory / "kept.toml")
    first, policy, one, wrong, usage, address = commands.run(
        ["init"], ["policy", "--config", "kept.toml", "--role", "application"],
        ["policy", "--config", "kept.toml", "--role", "operator", "--format", "lines"],
        ["policy", "--config", "kept.toml", "--role", "operator", "--format", "yaml"],
        ["rotate", "--help"], ["rotate", "some-id", "--sink", "elsewhere://x"],
    )  # fmt: skip
    assert first["status"] == policy["status"] == one["status"] == 0, first
    assert '[vaults.memory]\ntype = "memory"\nstore = "mine"' in first["out"]
    assert "# here: the store default; role application\napps/billing: follow" in policy["out"]
    assert one["out"].splitlines()[1].startswith("apps/billing: begin bring_back")
    assert wrong["status"] == 2
    assert "lines" in wrong["err"]
    assert "memory://PATH" in usage["out"]
    assert "memory://PATH" in address["err"]


def test_what_a_variable_of_its_asks_for_is_refused(commands: Commands) -> None:
    commands.environ["MEMORY_FORGET"] = "1"
    found = commands.run(["status"])[0]
    assert found["status"] == 2
    assert "MEMORY_FORGET is set: the bridge forgets nothing" in found["err"]


def test_the_schema_has_its_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    import sinks

    monkeypatch.setattr(sinks, "__path__", [*sinks.__path__, str(HERE)])
    kinds = json_schema()["properties"]["vaults"]["additionalProperties"]["oneOf"]
    assert [each["title"] for each in kinds] == ["aws", "memory", "vault"]


def test_no_line_of_the_product_knows_it() -> None:
    names = [str(path) for path in SOURCES if "sinks.memory" in path.read_text("utf-8")]
    assert names == []

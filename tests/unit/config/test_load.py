"""Reading a good file."""

from __future__ import annotations

import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

import sinks.aws
import sinks.vault
from bridge.config.load import find
from bridge.config.settings import CONSENTS, EVIDENCE, STRATEGIES, ClientSettings
from bridge.model.errors import Usage
from bridge.model.tenant import TenantSettings


def test_the_example_says_what_it_seems_to(load_text: Any, good: str, tmp_path: Path) -> None:
    settings = load_text(good)
    assert settings.path == tmp_path / "bridge.toml"
    assert settings.tenants["prod"] == TenantSettings(
        "prod", "acme.eu.auth0.com", client_id="env:AUTH0_CLIENT_ID", client_secret="env:AUTH0_CLIENT_SECRET"
    )
    assert settings.clients["billing"] == ClientSettings(
        name="billing",
        client_id="AbC123",
        tenant="prod",
        owner="team-billing",
        sinks=("eu://secret/apps/billing", "use1://apps/billing#client_secret"),
        after=("kubectl", "rollout", "restart", "deploy/billing"),
    )


def test_a_vaults_options_are_its_own_settings(load_text: Any, good: str) -> None:
    vaults = load_text(good).vaults
    assert vaults["use1"].options == sinks.aws.Settings(
        region="us-east-1", role_arn="arn:aws:iam::111122223333:role/bridge"
    )
    options = vaults["eu"].options
    assert isinstance(options, sinks.vault.Settings)
    assert (vaults["eu"].type, options.namespace, options.auth.method) == ("vault", "platform", "approle")
    assert options.auth.secret_id == "file:/run/secrets/secret_id"


def test_defaults_hold_for_each_client_that_says_nothing_else(load_text: Any, good: str) -> None:
    text = good.replace('max_age = "90d"', 'max_age = "30d"\naccept = ["hs256"]\nkey = "auth0"', 1)
    other = '[clients.other]\ntenant = "prod"\nclient_id = "X"\nsinks = ["eu://secret/x", "eu://secret/y#z"]\n'
    clients = load_text(text + other + 'max_age = "2w"\nevidence = "advisory"\naccept = []\n').clients
    assert (clients["billing"].max_age, clients["other"].max_age) == (timedelta(days=30), timedelta(weeks=2))
    assert (clients["billing"].accept, clients["other"].accept) == (frozenset({"hs256"}), frozenset())
    assert (clients["billing"].evidence, clients["other"].evidence) == ("advisory", "advisory")
    assert clients["other"].sinks == ("eu://secret/x#auth0", "eu://secret/y#z")


@pytest.mark.parametrize(
    ("line", "known"),
    [
        *((f'strategy = "{each}"', "strategy") for each in STRATEGIES),
        *((f'evidence = "{each}"', "evidence") for each in EVIDENCE),
        *((f'accept = ["{each}"]', "accept") for each in CONSENTS),
    ],
)
def test_every_word_that_is_known_can_be_written(load_text: Any, good: str, line: str, known: str) -> None:
    text = "".join(each for each in good.splitlines(keepends=True) if not each.startswith(f"{known} ="))
    client = load_text(text.replace("[defaults]", f"[defaults]\n{line}", 1)).clients["billing"]
    said = getattr(client, known)
    assert (said if isinstance(said, str) else next(iter(said))) == line.split('"')[1]


def test_propagation_may_be_short_on_loopback_only(load_text: Any, faults_of: Any, good: str) -> None:
    local = good.replace('"acme.eu.auth0.com"', '"http://127.0.0.1:3000"\npropagation = "3s"')
    assert load_text(local).tenants["prod"].propagation == timedelta(seconds=3)
    short = good.replace('"acme.eu.auth0.com"', '"acme.eu.auth0.com"\npropagation = "3s"')
    assert faults_of(short) == ("tenants.prod.propagation: less than 30s is for loopback only: Auth0 takes up to 30 s",)


def test_the_file_is_the_option_else_the_variable_else_the_one_here_and_none_further_up(tmp_path: Path) -> None:
    inner = tmp_path / "inner"
    inner.mkdir()
    for path in (tmp_path / "bridge.toml", tmp_path / "a.toml", tmp_path / "b.toml"):
        path.touch()
    environ = {"BRIDGE_CONFIG": str(tmp_path / "b.toml")}
    assert find(str(tmp_path / "a.toml"), environ, tmp_path) == tmp_path / "a.toml"
    assert find(None, environ, tmp_path) == tmp_path / "b.toml"
    assert find(None, {}, tmp_path) == tmp_path / "bridge.toml"
    assert find(None, {}, inner) is None


@pytest.mark.parametrize(
    ("option", "environ", "named"), [("no.toml", {}, "--config"), (None, {"BRIDGE_CONFIG": "no.toml"}, "BRIDGE_CONFIG")]
)
def test_a_file_that_was_named_has_to_exist(option: Any, environ: Any, named: str, tmp_path: Path) -> None:
    with pytest.raises(Usage, match=f"{named}: there is no file no.toml"):
        find(option, environ, tmp_path)


def test_pydantic_is_not_loaded_before_a_file_is_read() -> None:
    program = (
        "import sys, bridge.config.load, bridge.config.choose, bridge.auth0.api, bridge.auth0.values\n"
        "import sinks.references\n"
        "print([n for n in ('pydantic', 'httpx', 'jwt', 'stamina', 'hvac', 'boto3', 'botocore') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=Path.cwd())
    assert done.stdout.strip() == "[]"

"""Settings without a file."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

import sinks.aws
import sinks.vault
from bridge.config.choose import choose
from bridge.config.environment import from_environment
from bridge.model.errors import Usage
from bridge.model.tenant import TenantSettings

MACHINE = {"AUTH0_DOMAIN": "acme.eu.auth0.com", "AUTH0_CLIENT_ID": "M2M", "AUTH0_CLIENT_SECRET": "hunter2"}
VAULT = {"VAULT_ADDR": "https://vault:8200", "VAULT_TOKEN": "s.hunter2"}
DOMAIN = "a domain such as acme.eu.auth0.com"
LOCAL = {**MACHINE, "AUTH0_DOMAIN": "http://127.0.0.1:3000"}
SINK = ("vault://secret/apps/billing",)


def faults(environ: dict[str, str], sinks: tuple[str, ...] = SINK) -> tuple[str, ...]:
    with pytest.raises(Usage) as caught:
        from_environment("AbC123", sinks, environ)
    assert "hunter2" not in str(caught.value)
    return caught.value.faults


def test_a_client_id_and_its_places_are_all_that_is_needed(tmp_path: Path) -> None:
    named = (*SINK, "aws://us-east-1/apps/billing")
    settings = from_environment("AbC123", named, {**MACHINE, **VAULT, "HOME": str(tmp_path)}, key="auth0")
    assert settings.path is None
    assert settings.tenants["env"] == TenantSettings(
        "env", "acme.eu.auth0.com", client_id="M2M", client_secret="env:AUTH0_CLIENT_SECRET"
    )
    client = settings.clients["AbC123"]
    assert (client.client_id, client.tenant) == ("AbC123", "env")
    assert client.sinks == ("vault://secret/apps/billing#auth0", "aws://us-east-1/apps/billing#auth0")
    assert isinstance(settings.vaults["aws"].options, sinks.aws.Settings)
    options = settings.vaults["vault"].options
    assert isinstance(options, sinks.vault.Settings)
    assert (options.url, options.auth.token) == ("https://vault:8200", "env:VAULT_TOKEN")
    assert "hunter2" not in repr(settings)


def test_all_that_is_missing_is_named_together() -> None:
    assert faults({}) == (
        (
            "not set: AUTH0_DOMAIN, AUTH0_CLIENT_ID, AUTH0_CLIENT_SECRET (or AUTH0_CLIENT_ASSERTION_PRIVATE_KEY); "
            "AUTH0_API_TOKEN alone would do instead of an application "
            "(set it, or name a client of a bridge.toml: secret-bridge init)"
        ),
        "VAULT_ADDR is not set (set it to the server's address, for example https://vault:8200)",
    )
    assert faults({**VAULT, "AUTH0_API_TOKEN": "hunter2"}) == (
        "not set: AUTH0_DOMAIN (set it, or name a client of a bridge.toml: secret-bridge init)",
    )


def test_a_token_or_a_key_does_instead_of_a_secret() -> None:
    token = {"AUTH0_DOMAIN": "acme.eu.auth0.com", "AUTH0_API_TOKEN": "hunter2"}
    assert from_environment("X", SINK, {**VAULT, **token}).tenants["env"].api_token == "env:AUTH0_API_TOKEN"
    key = {"AUTH0_DOMAIN": "a.example", "AUTH0_CLIENT_ID": "M2M", "AUTH0_CLIENT_ASSERTION_PRIVATE_KEY": "hunter2"}
    tenant = from_environment("X", SINK, {**VAULT, **key, "AUTH0_AUDIENCE": "https://b.example/api/v2/"}).tenants["env"]
    assert tenant.private_key == "env:AUTH0_CLIENT_ASSERTION_PRIVATE_KEY"
    assert tenant.audience == "https://b.example/api/v2/"


@pytest.mark.parametrize(
    ("environ", "sinks", "line"),
    [
        *(({"AUTH0_DOMAIN": domain}, SINK, f'AUTH0_DOMAIN: found "{domain}", expected {DOMAIN}')
          for domain in ("256.0.0.1", "80127.0.0.1", "https://1.2.3", "1.2.3.4.5", "2130706433")),
        ({"AUTH0_DOMAIN": "http://acme.eu.auth0.com"}, SINK,
         'AUTH0_DOMAIN: found "http://acme.eu.auth0.com", expected https:// (plain http:// is for loopback only)'),
        ({"VAULT_SKIP_VERIFY": "true"}, SINK, ("VAULT_SKIP_VERIFY is set: the bridge always checks the vault's "
         "certificate; unset it, and name the CA by VAULT_CACERT")),
        ({"BRIDGE_PROPAGATION": "3s"}, SINK,
         "BRIDGE_PROPAGATION: expected 30s or more, as Auth0 takes (less: on loopback)"),
        ({"BRIDGE_PROPAGATION": "soon"}, SINK, 'BRIDGE_PROPAGATION: found "soon", expected a duration such as 30s'),
        ({}, (), "no sink is named: --sink aws://REGION/NAME or vault://MOUNT/PATH"),
    ],
)  # fmt: skip
def test_what_is_refused(environ: dict[str, str], sinks: tuple[str, ...], line: str) -> None:
    assert faults({**MACHINE, **VAULT, **environ}, sinks) == (line,)


@pytest.mark.parametrize("sink", ["gcp://x/y", "secret/apps", "vault://", "port://x", "memory://x"])
def test_a_place_of_no_known_kind_is_refused(sink: str) -> None:
    (line,) = faults({**MACHINE, **VAULT}, (sink,))
    assert "aws://REGION/NAME or vault://MOUNT/PATH" in line


def test_propagation_may_be_short_against_a_local_auth0() -> None:
    settings = from_environment("X", SINK, {**LOCAL, **VAULT, "BRIDGE_PROPAGATION": "250ms"})
    assert settings.tenants["env"].propagation == timedelta(milliseconds=250)


def test_a_name_is_looked_for_before_a_client_id_and_both_before_the_environment(load_text: Any, good: str) -> None:
    twin = '[clients.AbC123]\ntenant = "prod"\nclient_id = "X"\nsinks = ["eu://secret/x"]\n'
    settings = load_text(good)
    assert choose("billing", settings, {})[1].client_id == "AbC123"
    assert choose("AbC123", settings, {}) == (settings, settings.clients["billing"])
    assert choose("AbC123", load_text(good + twin), {})[1].client_id == "X"
    found, client = choose("Y", settings, {**MACHINE, **VAULT}, sinks=SINK)
    assert (found.path, client.client_id, client.sinks) == (None, "Y", SINK)


def test_a_name_that_is_nowhere_is_answered_with_those_that_there_are(load_text: Any, good: str) -> None:
    with pytest.raises(Usage, match=r"no client 'biling' in .*; did you mean 'billing'\?"):
        choose("biling", load_text(good), MACHINE)
    with pytest.raises(Usage, match=r"no client 'orders' in .*; its clients are billing"):
        choose("orders", load_text(good), MACHINE)
    with pytest.raises(Usage, match="no sink is named"):
        choose("AbC123", None, {**MACHINE, **VAULT})


def test_places_beside_a_client_of_the_file_are_refused(load_text: Any, good: str) -> None:
    with pytest.raises(Usage, match="leave --sink and --key out"):
        choose("billing", load_text(good), {}, sinks=SINK)


def test_a_client_id_of_two_clients_is_not_guessed(load_text: Any, good: str) -> None:
    other = (
        '[tenants.two]\ndomain = "b.example"\napi_token = "env:T"\n[clients.b]\ntenant = "two"\nclient_id = "AbC123"\n'
    )
    with pytest.raises(Usage, match="several clients: b, billing"):
        choose("AbC123", load_text(good + other + 'sinks = ["eu://secret/b"]\n'), {})

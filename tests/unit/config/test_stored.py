"""References into vaults of the file, against a real OpenBao."""

from __future__ import annotations

import base64
import json
import logging
from typing import Any

import hvac
import pytest

from bridge.config.references import resolve
from bridge.model.errors import BridgeError, Failed, Usage
from bridge.sandbox.openbao import OpenBao
from sinks.secret import Secret
from tests.unit.config.conftest import Load

CANARY = "canary-4c1d-private"
FILE = """
[tenants.prod]
domain = "acme.eu.auth0.com"
client_id = "BrIdGe"
private_key = "eu://secret/{name}#key"

[vaults.eu]
type = "vault"
url = "{url}"
auth = {auth}

[[notify]]
url = "eu://secret/{name}#url"
"""
TOKEN = '{ method = "token", token = "env:TOKEN" }'
JWT = '{ method = "jwt", role = "bridge", jwt = "env:JOB" }'


@pytest.fixture
def filled(bao: OpenBao, unique: str) -> str:
    client = hvac.Client(url=bao.url, token=bao.token)
    text = {"key": CANARY, "url": "json://x", "broken": "two\nlines"}
    client.secrets.kv.v2.create_or_update_secret(unique, text, mount_point="secret")
    return unique


def file(bao: OpenBao, name: str, auth: str = TOKEN) -> str:
    return FILE.format(name=name, url=bao.url, auth=auth)


def test_a_credential_is_read_with_the_login_of_the_vault_that_it_names(
    load_text: Load, bao: OpenBao, filled: str
) -> None:
    settings = load_text(file(bao, filled))
    environ = {"TOKEN": bao.token, "VAULT_ADDR": "http://127.0.0.1:1"}  # not the environment's vault
    assert resolve(settings.tenants["prod"].private_key or "", environ) == Secret(CANARY)
    assert resolve(settings.notify[0].url, environ) == Secret("json://x")


def test_all_references_of_a_file_share_one_login(load_text: Load, bao: OpenBao, filled: str) -> None:
    settings = load_text(file(bao, filled))
    for reference in (settings.tenants["prod"].private_key, settings.notify[0].url):
        resolve(reference or "", {"TOKEN": bao.token})
    assert len(settings.logins.shared._made) == 1


def test_it_is_read_at_each_use(load_text: Load, bao: OpenBao, filled: str) -> None:
    reference = load_text(file(bao, filled)).tenants["prod"].private_key or ""
    environ = {"TOKEN": bao.token}
    resolve(reference, environ)
    kv = hvac.Client(url=bao.url, token=bao.token).secrets.kv.v2
    kv.create_or_update_secret(filled, {"key": "renewed"}, mount_point="secret")
    assert resolve(reference, environ) == Secret("renewed")


def failure(load_text: Load, text: str, environ: dict[str, str]) -> BridgeError:
    reference = load_text(text).tenants["prod"].private_key or ""
    with pytest.raises(BridgeError) as caught:
        resolve(reference, environ)
    assert caught.value.message.startswith("tenants.prod.private_key: ")
    return caught.value


def test_what_is_missing_is_an_error_of_the_setting(load_text: Load, bao: OpenBao, filled: str) -> None:
    error = failure(load_text, file(bao, filled).replace("#key", "#kye"), {"TOKEN": bao.token})
    assert isinstance(error, Usage)
    assert f"eu://secret/{filled}#kye" in error.message


def test_a_value_that_is_no_secret_is_named_and_not_shown(load_text: Load, bao: OpenBao, filled: str) -> None:
    error = failure(load_text, file(bao, filled).replace("#key", "#broken"), {"TOKEN": bao.token})
    assert error.message.endswith(f"the value at eu://secret/{filled}#broken holds a line break")


def test_a_vault_that_does_not_answer_is_worth_another_try(load_text: Load, bao: OpenBao, filled: str) -> None:
    text = file(bao, filled).replace(bao.url, "http://127.0.0.1:1")
    error = failure(load_text, text, {"TOKEN": bao.token})
    assert isinstance(error, Failed)
    assert "no connection to 127.0.0.1:1" in error.message


def job(**claims: Any) -> str:
    parts = [{"alg": "RS256"}, claims]
    return ".".join(base64.urlsafe_b64encode(json.dumps(p).encode()).decode().rstrip("=") for p in parts) + f".{CANARY}"


def test_a_token_that_is_refused_is_described_by_its_claims_and_never_shown(
    load_text: Load, bao: OpenBao, filled: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    token = job(sub="repo:acme/ops", aud=["vault"], exp=1)
    error = failure(load_text, file(bao, filled, JWT), {"JOB": token})
    assert isinstance(error, Failed)
    assert error.hints[0] == (
        'the token of vaults.eu.auth.jwt has sub "repo:acme/ops", aud ["vault"], expired 1970-01-01T00:00:01Z; '
        "compare this with what the role is bound to"
    )
    for part in token.split("."):
        assert part not in caplog.text + repr(vars(error))


@pytest.mark.parametrize("token", ["opaque", "a.b.c", "a.W10.c", "a..c"])
def test_a_token_without_claims_is_not_described(load_text: Load, bao: OpenBao, filled: str, token: str) -> None:
    error = failure(load_text, file(bao, filled, JWT), {"JOB": token})
    assert not [hint for hint in error.hints if "the token of" in hint]


def test_a_name_that_is_no_vault_is_a_fault_and_the_text_is_not_shown(faults_of: Any, good: str) -> None:
    for text in (f"us://secret/{CANARY}#key", f"slack://{CANARY}/b/c#d", "eu://secret/x"):
        (fault,) = faults_of(good.replace("env:AUTH0_CLIENT_SECRET", text))
        assert fault.startswith("tenants.prod.client_secret: found a plain text (not shown), expected ")
        assert CANARY not in fault
    (fault,) = faults_of(good.replace("env:AUTH0_CLIENT_SECRET", "us://secret/x#key"))
    assert fault.endswith("or NAME://…#KEY with a NAME of [vaults]: eu, use1")


def test_a_vaults_own_login_cannot_be_read_from_a_vault_of_the_file(faults_of: Any, good: str) -> None:
    (fault,) = faults_of(good.replace("env:ROLE_ID", "eu://secret/bridge#role_id"))
    assert fault.startswith("vaults.eu.auth.role_id: found a plain text (not shown)")

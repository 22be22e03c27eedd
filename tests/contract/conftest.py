from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from bridge.sandbox.openbao import OpenBao
from sinks.vault import Auth, Settings
from tests.contract.harness import AwsHarness, Harness, MemoryHarness, VaultHarness, admin

POLICY = """
path "secret/data/apps/*" { capabilities = ["create", "read", "update"] }
path "secret/metadata/apps/*" { capabilities = ["read", "patch"] }
path "secret/destroy/apps/*" { capabilities = ["update"] }
path "secret/delete/apps/*" { capabilities = ["update"] }
path "secret/undelete/apps/*" { capabilities = ["update"] }
"""


def _memory(request: pytest.FixtureRequest, name: str) -> Harness:
    return MemoryHarness(name)


def _vault(request: pytest.FixtureRequest, name: str) -> Harness:
    return VaultHarness(request.getfixturevalue("bao"), name)


def _vault_tls(request: pytest.FixtureRequest, name: str) -> Harness:
    """Behind TLS, by AppRole, with no more rights than are needed."""
    server: OpenBao = request.getfixturevalue("bao_tls")
    root = admin(server)
    if "approle/" not in root.sys.list_auth_methods()["data"]:
        root.sys.enable_auth_method("approle")
        root.sys.create_or_update_policy("operator", POLICY)
        root.auth.approle.create_or_update_approle("operator", token_policies=["operator"], token_ttl="10m")
    role_id = root.auth.approle.read_role_id("operator")["data"]["role_id"]
    secret_id = root.auth.approle.generate_secret_id("operator")["data"]["secret_id"]
    auth = Auth(method="approle", role_id="env:ROLE_ID", secret_id="file:secret_id")
    settings = Settings(server.url, ca_file=str(server.ca_file), auth=auth)
    return VaultHarness(server, name, settings, **{"env:ROLE_ID": role_id, "file:secret_id": secret_id})


@pytest.fixture
def strict_aws(monkeypatch: pytest.MonkeyPatch, clean_environment: None) -> Iterator[None]:
    from tests.unit.sinks.aws.mocked import strict_aws

    with strict_aws(monkeypatch):
        yield


def _aws(request: pytest.FixtureRequest, name: str) -> Harness:
    request.getfixturevalue("strict_aws")
    return AwsHarness(name)


@pytest.fixture(params=[_memory, _vault, _vault_tls, _aws], ids=["memory", "vault", "vault-tls-approle", "aws"])
def place(request: pytest.FixtureRequest, unique: str) -> Harness:
    """An empty sink of one back end."""
    make: Callable[[pytest.FixtureRequest, str], Harness] = request.param
    return make(request, unique)

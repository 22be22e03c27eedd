"""References into vaults, against the servers of the sandbox."""

from __future__ import annotations

import boto3
import hvac
import pytest

from bridge.sandbox.aws import LocalAws
from bridge.sandbox.openbao import OpenBao
from sinks.errors import BadAddress
from sinks.references import resolve
from sinks.secret import Secret


def test_a_value_in_a_vault_is_read_by_its_key(bao: OpenBao, unique: str) -> None:
    hvac.Client(url=bao.url, token=bao.token).secrets.kv.v2.create_or_update_secret(
        unique, {"own": "hunter2", "client_secret": "other"}, mount_point="secret"
    )
    environ = {"VAULT_ADDR": bao.url, "VAULT_TOKEN": bao.token}
    assert resolve(f"vault://secret/{unique}#own", environ) == Secret("hunter2")
    assert resolve(f"vault://secret/{unique}", environ) == Secret("other")
    for missing in ("vault://secret/none", f"vault://secret/{unique}#none"):
        with pytest.raises(BadAddress, match=missing):
            resolve(missing, environ)


def test_a_value_in_aws_is_read_by_its_key(monkeypatch: pytest.MonkeyPatch) -> None:
    with LocalAws() as aws:
        environ = aws.environment()
        for name, value in environ.items():
            monkeypatch.setenv(name, value)
        client = boto3.client("secretsmanager", region_name="us-east-1")
        client.create_secret(Name="apps/bridge", SecretString='{"own": "hunter2"}')
        assert resolve("aws://us-east-1/apps/bridge#own", environ) == Secret("hunter2")
        with pytest.raises(BadAddress, match="aws://us-east-1/apps/none#own"):
            resolve("aws://us-east-1/apps/none#own", environ)

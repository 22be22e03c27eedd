"""Strict moto behind HTTP, for what happens on the way: variables, proxies, credentials, slow answers."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
import stamina

from tests.e2e.strict_server import strict_server
from tests.support.strict_moto import Controls, controls
from tests.unit.sinks.aws.factory import REGION

KEYS = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing"}
READ_BY_BOTO = ("AWS_", "BOTO")
TEXT = '{"client_secret": "old-value", "db": "theirs"}'


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    with strict_server() as url:
        yield url


@pytest.fixture(autouse=True)
def aws(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Controls]:
    """In place of the folder's own: nothing is answered within the process, and the environment says nothing."""
    for name in os.environ:
        if name.startswith(READ_BY_BOTO) or name.endswith(("CA_BUNDLE", "_PROXY", "_proxy")):
            monkeypatch.delenv(name)
    for name, value in {**KEYS, "HOME": str(tmp_path), "AWS_EC2_METADATA_DISABLED": "true"}.items():
        monkeypatch.setenv(name, value)
    stamina.set_testing(True, attempts=1)
    yield controls
    stamina.set_testing(False)
    controls.reset()


@pytest.fixture
def name(server: str, unique: str) -> Iterator[str]:
    """A secret of its own for each test, as its users made it."""
    client = boto3.client("secretsmanager", region_name=REGION, endpoint_url=server)
    made = f"apps/{unique}"
    client.create_secret(Name=made, SecretString=TEXT)
    yield made
    stamina.set_testing(False)
    client.delete_secret(SecretId=made, ForceDeleteWithoutRecovery=True)
    client.close()

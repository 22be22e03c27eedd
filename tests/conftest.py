"""What every test has: a clean environment, names of its own, and real servers, one of each per worker."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from bridge.sandbox.openbao import OpenBao
from tests.quick_aws import once_per_process

FOREIGN = ("VAULT_", "BAO_", "AUTH0_", "AWS_", "BRIDGE_")
TRUST = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR")


def pytest_configure() -> None:
    """Spare every test what each would do again."""
    once_per_process()


def pytest_xdist_auto_num_workers() -> int:
    """Run one worker more than there are cores: many tests wait for a clock, not for the processor."""
    return (os.cpu_count() or 1) + 1


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test sees the settings or the trust of the machine that it runs on."""
    for name in [name for name in os.environ if name.startswith(FOREIGN) or name in TRUST]:
        monkeypatch.delenv(name)


@pytest.fixture
def unique() -> str:
    """A word that no other test has: part of every name on a shared server."""
    return uuid.uuid4().hex[:12]


@pytest.fixture(scope="session")
def bao() -> Iterator[OpenBao]:
    """A real OpenBao with a KV version 2 mount at `secret/`."""
    with OpenBao.dev() as server:
        yield server


@pytest.fixture(scope="session")
def bao_tls(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenBao]:
    """The same behind TLS."""
    directory: Path = tmp_path_factory.mktemp("tls")
    with OpenBao.tls(directory) as server:
        yield server

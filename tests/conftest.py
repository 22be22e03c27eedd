"""What every test has: a clean environment, names of its own, and real servers, one of each per worker."""

from __future__ import annotations

import gc
import os
import uuid
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

from bridge.sandbox.openbao import OpenBao
from tests.proofs import choice
from tests.support.forks import Forks
from tests.support.order import slow_first
from tests.support.quick import once_per_process

FOREIGN = ("VAULT_", "BAO_", "AUTH0_", "AWS_", "BRIDGE_")
TRUST = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR")


def pytest_configure(config: pytest.Config) -> None:
    """Spare every test what each would do again; choose the same tests in every process of this run."""
    once_per_process()
    choice.commit()
    choice.left_out()
    if proof := getattr(config, "workerinput", {}).get("proof"):
        from tests.proofs.suites import Chooser, Wanted

        config.pluginmanager.register(Chooser(Wanted(**proof)))


def pytest_report_header() -> str:
    """Say what is not here."""
    return f"left to the proofs (`python -m tests.proofs.suites NAME`): {', '.join(choice.left_out())}"


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave out the suites that are proofs."""
    return choice.is_left_out(collection_path, config.args) or None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the tests that are proofs; begin with those that take long."""
    items[:], left = choice.ordinary(items, config.args)
    if workers := getattr(config, "workerinput", {}).get("workercount"):
        items[:] = slow_first(items, workers)
    config.hook.pytest_deselected(items=left)


def pytest_xdist_auto_num_workers() -> int:
    """Run more workers than there are cores: many tests wait for a clock, not for the processor."""
    return 2 * (os.cpu_count() or 1) + 1


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Let the garbage collector pass over what stays to the end anyway: modules, and the tests themselves."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.collect()
        gc.freeze()
        gc.enable()


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
def forks() -> Iterator[Forks]:
    """What runs commands in processes of their own, quickly."""
    with Forks() as running:
        yield running


@pytest.fixture(scope="session")
def bao_tls(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenBao]:
    """The same behind TLS."""
    directory: Path = tmp_path_factory.mktemp("tls")
    with OpenBao.tls(directory) as server:
        yield server

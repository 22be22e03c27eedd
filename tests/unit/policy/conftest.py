from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.e2e.conftest import make_live, servers
from tests.e2e.world import MakeWorld, Servers, World
from tests.unit.policy.iam import Guard, guarded

__all__ = ["make_live", "servers"]


@pytest.fixture(autouse=True)
def empty_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A working directory without anybody's configuration, token or profile."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def guard() -> Iterator[Guard]:
    """What stands before the local AWS, and lets everybody pass until it is told policies."""
    with guarded() as found:
        yield found


@pytest.fixture
def make(make_live: MakeWorld, servers: Servers) -> MakeWorld:
    """Make worlds in real time in which a change spreads soon. A lease is a third of that: the machine may be busy."""
    servers.auth0.tenant.settings.propagation = timedelta(seconds=4)
    return make_live


@pytest.fixture
def world(make: MakeWorld) -> World:
    return make()

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.e2e.clock import Real
from tests.e2e.conftest import servers
from tests.e2e.world import Servers, World
from tests.unit.agent.running import AUDIENCE, Place

__all__ = ["servers"]


@pytest.fixture(scope="module")
def place(servers: Servers) -> Iterator[Place]:
    """A client with a token for the API, its value in a real vault, and a short directory for sockets."""
    servers.auth0.tenant.settings.propagation = timedelta(seconds=2)
    servers.auth0.tenant.clear_faults()
    directory = Path(tempfile.mkdtemp(prefix="agent-"))
    with World(servers, directory.name, Real(), ends="vault") as world:
        world.fill()
        world.tenant.grant(world.client_id, AUDIENCE, ("read:x", "write:x"))
        with Place(world, directory) as found:
            yield found
    shutil.rmtree(directory)


@pytest.fixture(autouse=True)
def nothing_left(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Each test has its vault's token, and leaves no faults behind."""
    if "place" not in request.fixturenames:
        yield
        return
    found: Place = request.getfixturevalue("place")
    monkeypatch.setenv("VAULT_TOKEN", found.world.servers.bao.token)
    monkeypatch.setenv("CALLER", found.token)
    found.fresh()
    yield
    found.world.tenant.clear_faults()

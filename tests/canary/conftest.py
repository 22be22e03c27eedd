from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.canary.stage import SPREAD, Stage
from tests.e2e.clock import Real
from tests.e2e.conftest import servers
from tests.e2e.world import Servers, World
from tests.support.forks import Forks
from tests.support.strict_moto import controls

__all__ = ["servers"]

AN_HOUR = 3600.0  # seconds


@pytest.fixture
def stage(
    servers: Servers, forks: Forks, unique: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Stage]:
    """A client whose two sinks hold its value beside other people's secrets; nothing is adopted yet."""
    tenant = servers.auth0.tenant
    tenant.clear_faults()
    tenant.settings.propagation = SPREAD
    with World(servers, unique, Real()) as world:
        made = {name: f"{name}-{secrets.token_hex(16)}" for name in ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")}
        made["BRIDGE_AUDIT_KEY"] = secrets.token_hex(24)
        for name, text in world.environment.items():
            monkeypatch.setenv(name, text)
        sibling = secrets.token_hex(20)
        controls.clock = lambda: time.time() - AN_HOUR  # so that nobody has to wait for late calls of those who did it
        for place in world.sinks:
            place.fill(world.s0, db_url=f"postgres://u:{sibling}@db")
        controls.clock = time.time
        found = Stage(world, tmp_path, {**world.environment, **made, "BRIDGE_PROPAGATION": "3s"}, forks)
        found.secrets |= {sibling, *made.values()}
        yield found
    tenant.clear_faults()

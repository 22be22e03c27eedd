"""`watch`: what it tells and repairs, once, whatever becomes of the log, the checkpoint and other watchers."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.command import done, invoke
from tests.e2e.test_several_clients import write
from tests.e2e.world import SCOPES, MakeWorld, World

LOGS = (*SCOPES, "read:logs")


def in_dashboard(world: World) -> str:
    """Change a secret in the dashboard, which the tenant's log tells, and let the change spread."""
    value = world.tenant.set_in_dashboard(world.client_id)
    called(world, "/rotate-secret", "post", "Rotate a Client Secret")
    world.spread()
    return value


def called(world: World, path: str = "", method: str = "patch", description: str = "Update a Client") -> None:
    """Have the log tell of a call of the Management API about a client."""
    request = {"method": method, "path": f"/api/v2/clients/{world.client_id}{path}"}
    world.tenant.write_log("sapi", description=description, client_id="dashboard", details={"request": request})


@dataclass
class Watched:
    """Clients of one configuration that are watched: `billing` is told about, and `orders` repaired."""

    billing: World
    orders: World

    def watch(self, *options: str, status: int = 0) -> list[dict[str, Any]]:
        """Run `watch --once`, and return what it said."""
        return done(invoke("watch", "--once", "--json", *options), status).objects

    def told(self, *options: str, status: int = 0) -> list[tuple[str, str]]:
        return [(each["client"], each["seen"]) for each in self.watch(*options, status=status)]


@pytest.fixture
def watched(make_hasty: MakeWorld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Watched:
    """Two clients that were rotated, and looked at once."""
    monkeypatch.chdir(tmp_path)
    worlds = {name: make_hasty(scopes=LOGS) for name in ("billing", "orders")}
    write(tmp_path, worlds)
    file = tmp_path / "bridge.toml"
    file.write_text(f'{file.read_text()}on_drift = "sync"\n')
    for name, world in worlds.items():
        world.fill()
        done(invoke("rotate", name, "--adopt", "--no-wait"))
        world.spread()
    found = Watched(**worlds)
    assert found.told() == []
    return found


def test_a_change_in_the_dashboard_is_told_once_or_repaired(watched: Watched) -> None:
    in_dashboard(watched.billing)
    new = in_dashboard(watched.orders)
    assert sorted(watched.told(status=5)) == [("billing", "drift"), ("orders", "repaired")]
    assert {place.see().current for place in watched.orders.sinks} == {new}
    assert watched.told(status=5) == []

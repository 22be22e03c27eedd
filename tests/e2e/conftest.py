from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
import stamina

from bridge.sandbox.auth0 import LocalAuth0
from bridge.sandbox.openbao import OpenBao
from tests.e2e.clock import Real, Shifted
from tests.e2e.hasty import Written, hurry
from tests.e2e.strict_server import strict_server
from tests.e2e.world import MakeWorld, Servers, World
from tests.support.strict_moto import controls

PROPAGATION = timedelta(seconds=30)
QUICK = timedelta(seconds=2)


@pytest.fixture(scope="session")
def servers(bao: OpenBao) -> Iterator[Servers]:
    """A local Auth0, a real OpenBao and strict moto, one of each per worker."""
    clock = Shifted()
    with LocalAuth0(clock=clock) as auth0, strict_server() as aws:
        yield Servers(auth0, bao, aws, clock)


@pytest.fixture
def make_world(servers: Servers, unique: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[MakeWorld]:
    """Make worlds whose waits take no time: a propagation of 30 s, and everybody in the same shifted time."""
    yield from _worlds(servers, unique, monkeypatch, servers.clock, PROPAGATION)


@pytest.fixture
def world(make_world: MakeWorld) -> World:
    return make_world()


@pytest.fixture
def make_live(servers: Servers, unique: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[MakeWorld]:
    """Make worlds in real time with a short propagation: for the command line, which has the machine's clock."""
    yield from _worlds(servers, unique, monkeypatch, Real(), QUICK)


@pytest.fixture
def make_hasty(make_world: MakeWorld, servers: Servers, monkeypatch: pytest.MonkeyPatch) -> MakeWorld:
    """Make worlds for commands that are run in this process: they live in the shifted time as well."""
    written = Written(servers.clock.shift)
    hurry(monkeypatch, servers.clock, written)

    def make(**more: object) -> World:
        world = make_world(**more)
        world._written = written
        return world

    return make


@pytest.fixture
def hasty(make_hasty: MakeWorld) -> World:
    return make_hasty()


@pytest.fixture
def live(make_live: MakeWorld) -> World:
    return make_live()


def _worlds(
    servers: Servers, unique: str, monkeypatch: pytest.MonkeyPatch, clock: Shifted, propagation: timedelta
) -> Iterator[MakeWorld]:
    made: list[World] = []

    def make(**more: object) -> World:
        world = World(servers, f"{unique}-{len(made)}", clock, **more)  # type: ignore[arg-type]  # the world's own options
        made.append(world)
        for name, value in world.environment.items():
            monkeypatch.setenv(name, value)
        return world

    servers.auth0.tenant.settings.propagation = propagation
    controls.reset()
    controls.clock = lambda: clock.now().timestamp()
    yield make
    for world in made:
        world.close()
    servers.auth0.tenant.clear_faults()
    controls.reset()
    stamina.set_testing(False)

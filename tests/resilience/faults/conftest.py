from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest
import stamina

import sinks as product
from bridge.sandbox.openbao import OpenBao
from sinks.port import Sink
from tests.e2e.conftest import servers
from tests.e2e.taps import ShiftedKv
from tests.e2e.world import Servers
from tests.resilience.faults.between import Between
from tests.resilience.faults.run import Behind
from tests.resilience.races.operators import Operators
from tests.support.strict_moto import controls

__all__ = ["servers"]

PROPAGATION = timedelta(seconds=30)

MakeBehind = Callable[..., Behind]


@pytest.fixture(scope="session", autouse=True)
def one_tls_context() -> Iterator[None]:
    """All servers are on loopback: TLS settings, which nobody uses, are loaded once."""
    patch = pytest.MonkeyPatch()
    create: Any = httpx._transports.default.create_ssl_context  # type: ignore[attr-defined]  # not exported
    patch.setattr("httpx._transports.default.create_ssl_context", functools.cache(create))
    yield
    patch.undo()


@pytest.fixture(scope="session")
def sealable(servers: Servers) -> Iterator[Servers]:
    """The same servers with an OpenBao that nobody else needs."""
    with OpenBao.dev() as own:
        yield replace(servers, bao=own)


@pytest.fixture(scope="session")
def operators() -> Iterator[Operators]:
    with Operators() as running:
        yield running


@pytest.fixture
def make_behind(servers: Servers, unique: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[MakeBehind]:
    """Make a client behind proxies; commands that are run in this process live in the shifted time with the servers."""
    servers.auth0.tenant.settings.propagation = PROPAGATION
    controls.reset()
    controls.clock = lambda: servers.clock.now().timestamp()
    stamina.set_testing(True, attempts=99, cap=True)  # no pauses; as many attempts as are asked for
    monkeypatch.setattr("urllib3.util.retry.Retry.sleep", lambda *_: None)
    opened: list[Any] = []

    def make(some: Servers = servers, **more: Any) -> Behind:
        between = Between(some, servers.clock)
        between.__enter__()
        world = Behind(some, unique, between, **more)
        opened.append(world)
        for name, value in world.environment.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr("bridge.execution.open.SystemClock", lambda: servers.clock)
        monkeypatch.setattr("bridge.execution.open.open_sink", functools.partial(shifted_sink, world))
        return world

    yield make
    for world in opened:
        world.close()
        world.between.__exit__()
    stamina.set_testing(False)
    controls.reset()


def shifted_sink(world: Behind, uri: str, *told: Any, clock: Any, **more: Any) -> Sink:
    """Open a sink as the command line does; what it writes to Vault is dated in the shifted time."""
    sink: Any = product.open_sink(uri, *told, clock=clock, **more)
    if uri.startswith("vault"):
        kv = ShiftedKv(sink._kv, world.clock, world._written)
        sink._kv = sink._lock._kv = sink._publisher._kv = sink._retiring._kv = kv
        world._opened.callback(lambda connection: connection.adapter.close(), sink._kv._real._connection)
    else:
        api = sink._access.api
        world._opened.callback(lambda: api._known and api._known.close())
    found: Sink = sink
    return found

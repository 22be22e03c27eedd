from __future__ import annotations

import functools
from collections.abc import Iterator
from datetime import timedelta

import httpx
import pytest

from tests.e2e.conftest import make_world, servers, world
from tests.e2e.world import Servers
from tests.resilience.races.field import AWS_CREDENTIALS, SPREAD, Field, MakeField
from tests.resilience.races.operators import Operators

__all__ = ["make_world", "servers", "world"]


@pytest.fixture(scope="session", autouse=True)
def one_tls_context() -> Iterator[None]:
    """Hundreds of HTTP clients are opened here, all for loopback: their TLS settings are loaded once."""
    patch = pytest.MonkeyPatch()
    create = httpx._transports.default.create_ssl_context
    patch.setattr("httpx._transports.default.create_ssl_context", functools.cache(create))
    yield
    patch.undo()


@pytest.fixture(scope="session")
def operators() -> Iterator[Operators]:
    with Operators() as running:
        yield running


@pytest.fixture
def make_field(servers: Servers, unique: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[MakeField]:
    made: list[Field] = []
    for name, text in AWS_CREDENTIALS.items():
        monkeypatch.setenv(name, text)
    servers.auth0.tenant.settings.propagation = SPREAD

    def make(seconds: float = 7, **urls: str) -> Field:
        made.append(Field(servers, f"{unique}-{len(made)}", timedelta(seconds=seconds), urls))
        return made[-1]

    yield make
    for each in made:
        each.close()

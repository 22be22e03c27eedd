"""The servers for a machine, and the settings under which it runs."""

from __future__ import annotations

import functools
import itertools
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

import httpx
import pytest
import stamina

from bridge.sandbox.auth0 import LocalAuth0
from bridge.sandbox.openbao import OpenBao
from tests.e2e.clock import Shifted
from tests.e2e.strict_server import strict_server
from tests.e2e.world import Servers, World
from tests.support.strict_moto import controls

PROPAGATION = timedelta(seconds=30)


@contextmanager
def worlds(bao: OpenBao) -> Iterator[Callable[..., World]]:
    """Give a function that makes worlds, all on the same servers and in the same shifted time."""
    clock, patch = Shifted(), pytest.MonkeyPatch()
    create = httpx._transports.default.create_ssl_context
    patch.setattr("httpx._transports.default.create_ssl_context", functools.cache(create))
    patch.setattr("urllib3.util.retry.Retry.sleep", lambda *_: None)
    stamina.instrumentation.set_on_retry_hooks([])
    stamina.set_testing(True, attempts=99, cap=True)  # no pauses; as many attempts as are asked for
    controls.reset()
    controls.clock = lambda: clock.now().timestamp()
    numbers, name = itertools.count(), uuid.uuid4().hex[:8]
    with LocalAuth0(clock=clock) as auth0, strict_server() as aws:
        auth0.tenant.settings.propagation = PROPAGATION
        servers = Servers(auth0, bao, aws, clock)

        def make(**more: str) -> World:
            world = World(servers, f"{name}-{next(numbers)}", clock, **more)
            for variable, value in world.environment.items():
                patch.setenv(variable, value)
            return world

        try:
            yield make
        finally:
            controls.reset()
            stamina.set_testing(False)
            stamina.instrumentation.set_on_retry_hooks(None)
            patch.undo()

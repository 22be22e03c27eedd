"""The reader for Node in front of real servers: no acquisition is refused, whatever the bridge is doing."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bridge.operations.resume import resume
from bridge.operations.retire import retire
from bridge.operations.start import Options
from tests.e2e.taps import died
from tests.e2e.world import MakeWorld, World
from tests.unit.consumer.asking import AUDIENCE
from tests.unit.consumer.vectors import node


class Application:
    """A process that obtains tokens all the time."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def told(self) -> dict[str, Any]:
        """What it was answered since it was last asked, and at least once now."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        found: dict[str, Any] = json.loads(self._process.stdout.readline())
        return found

    def served(self) -> bool:
        """Whether each was a token, for the reader that remembers and for each new one."""
        told = self.told()
        return {*told["kept"], *told["fresh"]} == {200} and told["token"]


@contextmanager
def application(world: World, end: str, **told: Any) -> Iterator[Application]:
    told |= {"auth0": world.servers.auth0.url, "clientId": world.client_id, "audience": AUDIENCE}
    told |= {"path": world.vault.path} if end == "vault" else {"aws": world.servers.aws_url, "name": world.aws.name}
    environ = {"VAULT_ADDR": world.servers.bao.url, "VAULT_TOKEN": world.servers.bao.token}
    program = [node(), str(Path(__file__).with_name("node_application.mjs")), json.dumps(told)]
    with subprocess.Popen(program, env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield Application(process)
        finally:
            process.kill()


@pytest.mark.parametrize("end", ["vault", "aws"])
def test_it_has_a_token_before_during_and_after_a_rotation(make_live: MakeWorld, end: str) -> None:
    world = make_live(ends=end)
    world.tenant.grant(world.client_id, AUDIENCE, ())
    world.fill()
    world.adopt()
    with application(world, end) as node_application:
        assert node_application.served()
        died(world, "auth0.set_secret")
        assert node_application.served()
        world.spread()
        assert node_application.served()
        resume(world.session(), Options(takeover=True))
        assert node_application.served()
        retire(world.session(fallback_min_age=timedelta(0)), Options())
        assert node_application.served()
        assert world.live != world.s0


def test_after_a_leak_it_has_a_token_too(make_live: MakeWorld) -> None:
    world = make_live(ends="vault")
    world.tenant.grant(world.client_id, AUDIENCE, ())
    world.fill()
    world.adopt()
    with application(world, "vault") as node_application:
        assert node_application.served()
        world.rotate(compromised=True, reason="seen", settle=True)
        assert node_application.served()


def test_a_value_that_no_vault_holds_is_refused(make_live: MakeWorld) -> None:
    world = make_live(ends="vault")
    world.tenant.grant(world.client_id, AUDIENCE, ())
    world.fill()
    world.adopt()
    world.tenant.set_in_dashboard(world.client_id)
    world.spread()
    with application(world, "vault", patience=0) as node_application:
        assert not node_application.served()

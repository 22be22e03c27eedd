"""A Vault behind a standby that lags, and one behind a gateway that lets no PATCH through."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.e2e.clock import Shifted
from tests.e2e.command import execute, on, sinks
from tests.e2e.world import MakeWorld, World
from tests.support.proxy import Answer, Proxy

COMMANDS = (("adopt",), ("rotate", "--no-wait"), ("rollback", "--no-wait"))


class Standby:
    """Answers readings of a document's latest version as they were until `lag` seconds ago, by the world's clock."""

    def __init__(self, active: httpx.Client, clock: Shifted, lag: float) -> None:
        self._lag = lag
        self._clock = clock
        self._active = active
        self._former: dict[str, tuple[float, Answer]] = {}
        self.stale = 0

    def __call__(self, what: str, ask: Callable[[], Answer]) -> Answer:
        method, _, path = what.partition(" ")
        if method != "GET":
            document = path.partition("?")[0].split("/", 4)[-1]
            paths = [f"/v1/secret/{endpoint}/{document}" for endpoint in ("data", "metadata")]
            before = {path: self._read(path) for path in paths}
            answer = ask()
            self._former |= {path: (self._clock.monotonic() + self._lag, was) for path, was in before.items()}
            return answer
        until, was = self._former.get(path, (0.0, None))
        if was is not None and self._clock.monotonic() < until:
            self.stale += 1
            return was
        return ask()

    def _read(self, path: str) -> Answer:
        found = self._active.get(path)
        return Answer(found.status_code, found.reason_phrase, (("Content-Type", "application/json"),), found.content)


@contextmanager
def standby(world: World, lag: float) -> Iterator[Standby]:
    headers = {"X-Vault-Token": world.servers.bao.token}
    with httpx.Client(base_url=world.servers.bao.url, headers=headers, trust_env=False) as active:
        yield Standby(active, world.clock, lag)


def test_a_standby_that_lags_is_read_again(make_live: MakeWorld, tmp_path: Path) -> None:
    """In real time: where waits take none, nobody reads early."""
    world = make_live(ends="vault")
    world.fill()
    with standby(world, 2.0) as gate, Proxy(world.servers.bao.url, gate=gate) as proxy:
        for command, *options in COMMANDS:
            ended = execute(
                world, command, *options, world.client_id, *sinks(world), "--yes", home=tmp_path, VAULT_ADDR=proxy.url
            )
            assert (command, ended.status) == (command, 0), ended.told
            time.sleep(2.2)  # another process's write: who reads it too early is refused, and nothing is changed
    assert gate.stale
    assert world.vault.see().current == world.live


def test_one_that_never_catches_up_is_named(make_hasty: MakeWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    world = make_hasty(ends="vault")
    world.fill()
    world.rotate(adopt=True)
    with standby(world, 600) as gate, Proxy(world.servers.bao.url, gate=gate) as proxy:
        monkeypatch.setenv("VAULT_ADDR", proxy.url)
        ended = on(world, "rotate")
    monkeypatch.setenv("VAULT_ADDR", world.servers.bao.url)
    assert ended.status in (1, 3), ended.told
    assert "older state" in ended.told
    again = on(world, "rotate", "--no-wait")
    assert again.status == 0, again.told
    assert world.vault.see().current == world.live


@pytest.mark.parametrize("command", ["adopt", "rotate"])
def test_a_gateway_without_patch_is_named_and_nothing_is_left(
    make_hasty: MakeWorld, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    world = make_hasty(ends="vault")
    world.fill()
    if command == "rotate":
        world.rotate(adopt=True)
    before = (world.vault.see(), world.live)

    def gate(what: str, ask: Callable[[], Answer]) -> Answer:
        return Answer(405, "Method Not Allowed", (), b"") if what.startswith("PATCH") else ask()

    with Proxy(world.servers.bao.url, gate=gate) as proxy:
        monkeypatch.setenv("VAULT_ADDR", proxy.url)
        ended = on(world, command, "--yes")
    assert ended.status == 1, ended.told
    assert "does not take PATCH (405)" in ended.told
    assert "Vault 1.9" in ended.told
    after = (world.vault.see(), world.live)
    assert (after[0].current, after[0].fallback, after[1]) == (before[0].current, before[0].fallback, before[1])
    assert after[0].pending is None


TEXT = '{"x": 1.10, "y": 1E5, "z": 123456789012345678901234567890, "u": "\\u6f22<é>", "client_secret": "%s"}'


def test_what_the_user_wrote_beside_the_value_keeps_its_spelling(make_hasty: MakeWorld) -> None:
    world = make_hasty()
    world.fill()
    path = f"{world.servers.bao.url}/v1/secret/data/{world.vault.path}"
    with httpx.Client(headers={"X-Vault-Token": world.servers.bao.token}, trust_env=False) as http:
        http.post(path, content=f'{{"data": {TEXT % world.live}}}'.encode()).raise_for_status()
        # OpenBao itself spells numbers anew when they are written. From then on they stay.
        was = http.get(path).text.partition('"metadata"')[0].partition('"data":')[2].replace(world.live, "%s")
        world.aws.client.put_secret_value(SecretId=world.aws.name, SecretString=TEXT % world.live)
        for command in ("adopt", "rotate"):
            ended = on(world, command, "--yes")
            assert ended.status == 0, ended.told
        assert was % world.live in http.get(path).text
    assert world.aws.text() == TEXT % world.live

"""`bao proxy`, with the configuration of the documentation: a reader without a token of its own."""

from __future__ import annotations

import contextlib
import socket
from pathlib import Path
from types import ModuleType

import httpx
import hvac
import pytest

from bridge.sandbox.process import LOOPBACK, free_port
from tests.e2e.sinks import NO_TRUST
from tests.e2e.taps import Trace
from tests.e2e.world import MakeWorld, World
from tests.recipes.recipe import adopted, approle, asking, between_changes, may_read, module, recipe, running, until


def configured(world: World, directory: Path) -> str:
    """Write the proxy's files and return its address."""
    directory.mkdir()
    path, port = world.vault.path, free_port()
    mounted = approle(world, may_read(path, f"{path}/pending"), directory)
    told = {
        "https://vault.example:8200": world.servers.bao.url,
        "auth/approle": f"auth/{mounted}",
        "/etc/billing": str(directory),
        "127.0.0.1:8100": f"{LOOPBACK}:{port}",
    }
    (directory / "proxy.hcl").write_text(recipe("proxy.hcl", told))
    return f"http://{LOOPBACK}:{port}"


def answers(url: str) -> bool:
    with contextlib.suppress(OSError), socket.create_connection((LOOPBACK, int(url.rpartition(":")[2])), 1):
        return True
    return False


def logged_in(reader: ModuleType) -> bool:
    with contextlib.suppress(hvac.exceptions.VaultError):
        return bool(reader.read(reader.PATH)["data"])
    return False


def test_a_reader_without_a_token_is_refused_at_no_moment_of_a_rotation(
    make_world: MakeWorld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = adopted(make_world(ends="vault"))
    url = configured(world, tmp_path / "proxy")
    with running(tmp_path / "proxy", "proxy", "-config=proxy.hcl") as process:
        until(lambda: answers(url), ended=process)
        asking(world, monkeypatch)
        monkeypatch.delenv("VAULT_TOKEN")
        monkeypatch.setenv("VAULT_ADDR", url)
        reader = module("read_vault", {"apps/billing": world.vault.path})
        until(lambda: logged_in(reader), ended=process)
        world.rotate(Trace(world.clock, after=between_changes(reader.token)))
        assert list(reader.candidates())[-1] == world.s0
        with pytest.raises(hvac.exceptions.Forbidden):  # it may read, and nothing else
            reader.vault.secrets.kv.v2.create_or_update_secret(world.vault.path, {"client_secret": "x"})
        with httpx.Client(base_url=url, trust_env=False, verify=NO_TRUST) as http:  # no X-Vault-Request
            assert http.get(f"/v1/secret/data/{world.vault.path}").status_code == 412
        reader.vault.adapter.close()

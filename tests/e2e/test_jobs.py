"""Several clients at a time, by the installed command: each server is asked for one login, and none is mixed up."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import hvac
import pytest

from tests.e2e.command import MAIN, Ended, environ, execute
from tests.e2e.test_several_clients import write
from tests.e2e.world import MakeWorld, World
from tests.support.proxy import Proxy

CLIENTS = 8
POLICY = 'path "secret/*" { capabilities = ["create", "read", "update", "patch"] }'
LOGIN, TOKEN = "POST /v1/auth/approle-jobs/login", "management tokens"


@dataclass
class Fleet:
    """Clients with an AppRole whose secret id is good for one login, and what the servers were asked."""

    worlds: dict[str, World]
    home: Path
    variables: dict[str, str]
    asked: Counter[str] = field(default_factory=Counter)

    def run(self, *args: str, **more: str) -> Ended:
        """Run a command with a fresh secret id."""
        self.asked.clear()
        return execute(next(iter(self.worlds.values())), *args, home=self.home, **self.given(), **more)

    def given(self) -> dict[str, str]:
        world = next(iter(self.worlds.values()))
        root = hvac.Client(world.servers.bao.url, token=world.servers.bao.token)
        made = root.auth.approle.generate_secret_id("jobs", mount_point="approle-jobs")
        root.adapter.close()
        return {**self.variables, "SECRET_ID": made["data"]["secret_id"]}

    def is_whole(self) -> bool:
        return all({p.see().current for p in world.sinks} == {world.live} for world in self.worlds.values())


@pytest.fixture
def fleet(make_live: MakeWorld, tmp_path: Path) -> Iterator[Fleet]:
    worlds = {f"client-{number}": make_live() for number in range(CLIENTS)}
    first = worlds["client-0"]
    root = hvac.Client(first.servers.bao.url, token=first.servers.bao.token)
    root.sys.create_or_update_policy("jobs", POLICY)
    root.sys.enable_auth_method("approle", path="approle-jobs")
    role = root.auth.approle
    role.create_or_update_approle("jobs", token_policies=["jobs"], secret_id_num_uses=1, mount_point="approle-jobs")
    role_id = role.read_role_id("jobs", mount_point="approle-jobs")["data"]["role_id"]
    asked: Counter[str] = Counter()

    def watch(request: bytes, _answer: bytes) -> None:
        asked[TOKEN] += b'"audience"' in request and b'"client_credentials"' in request

    def gate(what: str, ask):  # type: ignore[no-untyped-def]
        asked[what] += 1
        return ask()

    for world in worlds.values():
        world.fill()
    write(tmp_path, worlds)
    with Proxy(first.servers.auth0.url, watch=watch) as auth0, Proxy(first.servers.bao.url, gate=gate) as vault:
        file = tmp_path / "bridge.toml"
        audience = f'[tenants.local]\naudience = "{first.servers.auth0.url}/api/v2/"'
        text = file.read_text().replace(first.servers.auth0.url, auth0.url).replace(first.servers.bao.url, vault.url)
        text = text.replace("[tenants.local]", audience)
        given = 'method = "approle", mount = "approle-jobs", role_id = "env:ROLE_ID", secret_id = "env:SECRET_ID"'
        file.write_text(text.replace('method = "token", token = "env:VAULT_TOKEN"', given))
        yield Fleet(worlds, tmp_path, {"ROLE_ID": role_id, "VAULT_TOKEN": ""}, asked)
    root.sys.disable_auth_method("approle-jobs")
    root.adapter.close()


def test_each_command_takes_one_token_and_one_login(fleet: Fleet) -> None:
    for command in (
        ("adopt", "--all", "--yes"), ("rotate", "--all"), ("verify",), ("status",), ("report", "--json"), ("doctor",),
        ("rotate", "--all", "--due"), ("evidence",), ("retire", "--all", "--yes"), ("resume", "--all"),
    ):  # fmt: skip
        ended = fleet.run(*command)
        assert ended.status in ((0,) if command[0] not in ("retire", "evidence") else (0, 4, 5)), ended.told
        asks_auth0 = (
            command[0] in ("adopt", "rotate", "verify", "doctor", "evidence", "retire", "resume")
            and "--due" not in command
        )
        assert fleet.asked[LOGIN] == 1, command
        assert fleet.asked[TOKEN] == asks_auth0, command
    assert fleet.is_whole()


def test_each_line_of_a_change_names_its_client(fleet: Fleet) -> None:
    assert fleet.run("adopt", "--all", "--yes").status == 0
    ended = fleet.run("rotate", "--all", "--no-wait")
    assert ended.status in (0, 3), ended.told
    steps = [line.split() for line in ended.err.splitlines() if line[:2].isdigit()]
    assert {words[1] for words in steps} == set(fleet.worlds)
    for name in fleet.worlds:
        assert [words[2] for words in steps if words[1] == name][:4] == ["check", "stage", "stage", "set"]
    results = [line for line in ended.out.splitlines() if line.startswith("result=")]
    assert sorted(line.split()[1] for line in results) == [f"client={name}" for name in fleet.worlds]


def test_what_only_looks_is_told_in_the_order_of_the_clients(fleet: Fleet) -> None:
    assert fleet.run("adopt", "--all", "--yes").status == 0
    for _ in range(3):
        ended = fleet.run("verify", "--json")
        assert [json.loads(line)["client"] for line in ended.out.splitlines()] == list(fleet.worlds)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_who_is_asked_to_stop_finishes_what_has_begun_and_says_what_was_not(fleet: Fleet, number: int) -> None:
    assert fleet.run("adopt", "--all", "--yes").status == 0
    variables = environ(fleet.worlds["client-0"], fleet.home) | fleet.given()
    command = [sys.executable, "-c", MAIN, "rotate", "--all", "--jobs", "2"]
    process = subprocess.Popen(
        command, env=variables, cwd=fleet.home, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    try:
        assert process.stderr
        next(line for line in process.stderr if " promote " in line)
        process.send_signal(number)
        out, err = process.communicate(timeout=60)
    finally:
        if process.poll() is None:
            process.kill()
        process.wait(10)
    results = dict(line.split()[1:] for line in out.splitlines() if line.startswith("result="))
    assert set(results) == {f"client={name}" for name in fleet.worlds}, out + err
    assert "stopped as asked, before it was begun" in err
    assert process.returncode in (1, 3), err
    assert fleet.is_whole()
    assert fleet.run("rotate", "--all", "--no-wait").status in (0, 3)
    assert fleet.is_whole()


def test_a_process_that_dies_leaves_what_the_next_command_settles(fleet: Fleet) -> None:
    assert fleet.run("adopt", "--all", "--yes").status == 0
    variables = environ(fleet.worlds["client-0"], fleet.home) | fleet.given()
    process = subprocess.Popen(
        [sys.executable, "-c", MAIN, "rotate", "--all"], env=variables, cwd=fleet.home, text=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stderr
    next(line for line in process.stderr if " set " in line)
    os.kill(process.pid, signal.SIGKILL)
    process.wait(10)
    process.stderr.close()
    end = time.monotonic() + 60
    while (ended := fleet.run("resume", "--all", "--takeover", "--no-wait")).status not in (0, 3):
        assert time.monotonic() < end, ended.told
    assert fleet.is_whole()

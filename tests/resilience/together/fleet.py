"""Eight clients of one tenant in a real OpenBao and strict moto, and commands about all of them at once."""

from __future__ import annotations

import json
import os
import time
import uuid
from collections import Counter
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self

import hvac

from tests.e2e.clock import Real
from tests.e2e.observe import values
from tests.e2e.test_several_clients import write
from tests.e2e.world import Servers, World
from tests.resilience.races.operators import Command, Ended, Operators, Spawned
from tests.resilience.together.moments import Trap
from tests.support.proxy import Answer, Proxy

CLIENTS = 8
SPREAD = timedelta(seconds=2)
PROPAGATION = timedelta(seconds=int(os.environ.get("TOGETHER_PROPAGATION", "4")))
"""What operators go by; Auth0's own is shorter. Each lease is a third of this: on a slow machine, set more."""
POLICY = 'path "secret/*" { capabilities = ["create", "read", "update", "patch"] }'
KEY = "a key for the chain of the record"
RECORD = "audit.jsonl"
SETTINGS = f"""
[audit]
to = "file:{{home}}/{RECORD}"
key = "env:AUDIT_KEY"

[defaults]
fallback_min_age = "0s"
"""


@dataclass
class Running:
    """A command in a process of its own, and how often it has logged in at the servers so far."""

    argv: tuple[str, ...]
    process: Spawned
    asked: Counter[str]


class Fleet:
    """The clients, their configuration with an audit record, and what stands between commands and the servers.

    Each command has an AppRole secret id that is good for one login.
    """

    def __init__(self, servers: Servers, operators: Operators, home: Path) -> None:
        self.servers, self.home = servers, home
        servers.auth0.tenant.settings.propagation = SPREAD
        self._operators = operators
        self._unique = uuid.uuid4().hex[:8]
        self.worlds = {f"client-{n}": World(servers, f"{self._unique}-{n}", Real()) for n in range(CLIENTS)}
        self.said: list[tuple[tuple[str, ...], Ended]] = []
        self._started: list[Spawned] = []
        self._trap: Trap | None = None
        self._asked: Counter[str] = Counter()
        self._opened = ExitStack()

    def __enter__(self) -> Self:
        bao = self.servers.bao
        for world in self.worlds.values():
            self._opened.enter_context(world)
            world.fill()
        self._root = hvac.Client(bao.url, token=bao.token)
        self._opened.callback(self._root.adapter.close)
        self._mount = f"approle-{self._unique}"
        self._role_id = self._make_role()
        enter = self._opened.enter_context
        auth0 = enter(Proxy(self.servers.auth0.url, watch=self._count_tokens, gate=self._gate))
        vault = enter(Proxy(bao.url, gate=self._gate))
        self._write_config(auth0.url, vault.url)
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._started:  # a test that failed leaves a frozen one
            process.kill()
            process.ended()
        self._root.sys.disable_auth_method(self._mount)
        self._opened.close()

    def command(self, *argv: str) -> Command:
        """Return what an operator types, with a fresh secret id."""
        made = self._root.auth.approle.generate_secret_id("together", mount_point=self._mount)
        variables = {
            **next(iter(self.worlds.values())).environment,
            "ROLE_ID": self._role_id,
            "SECRET_ID": made["data"]["secret_id"],
            "VAULT_TOKEN": "",
            "AUDIT_KEY": KEY,
            "HOME": f"{self.home}",
            "PATH": os.defpath,
        }
        return Command((*argv, "--config", f"{self.home / 'bridge.toml'}"), variables)

    def start(self, *argv: str, trap: Trap | None = None) -> Running:
        """Start a command, and do not wait for it. From now on logins count as its own, and `trap` waits for it."""
        self._asked, self._trap = Counter(), trap
        running = Running(argv, self._operators.spawn(self.command(*argv)), self._asked)
        self._started.append(running.process)
        if trap:
            trap.aim(running.process)
        return running

    def ended(self, running: Running) -> Ended:
        """Wait until a command has ended."""
        ended = running.process.ended()
        self._started.remove(running.process)
        self.said.append((running.argv, ended))
        return ended

    def run(self, *argv: str) -> tuple[Ended, Counter[str]]:
        """Run a command to its end. Returns how it ended, and how often it has logged in where."""
        running = self.start(*argv)
        return self.ended(running), running.asked

    def must(self, *argv: str) -> Ended:
        """Run a command that has to end well."""
        ended, _ = self.run(*argv)
        assert ended.status == 0, f"{' '.join(argv)} ended with {ended.status}: {ended.out}{ended.err}"
        return ended

    def rest(self) -> datetime:
        """Wait until nothing of what was done makes the next command wait; return the time, before it begins."""
        time.sleep(PROPAGATION.total_seconds() + 1)  # Vault's clock has whole seconds
        return datetime.now(UTC).replace(microsecond=0)

    def spread(self) -> None:
        """Wait until no change of Auth0 spreads any more."""
        time.sleep(SPREAD.total_seconds() + 0.1)

    def changes(self) -> dict[str, int]:
        """Return how often Auth0 was given another value of each client."""
        return {name: len(values(world)) - 1 for name, world in self.worlds.items()}

    def dump(self) -> dict[str, Any]:
        """Return all that the servers hold of each client, but for the tags on Vault's lock key.

        A process may stand still with the request on its lips that writes them. They name the version that they are
        about, so a late one is heeded by nobody.
        """
        return {name: _without_lock_tags(world) for name, world in self.worlds.items()}

    def record(self) -> list[dict[str, Any]]:
        """Return the lines of the audit record."""
        return [json.loads(line) for line in (self.home / RECORD).read_text("utf-8").splitlines()]

    def _make_role(self) -> str:
        self._root.sys.create_or_update_policy("together", POLICY)
        self._root.sys.enable_auth_method("approle", path=self._mount)
        role, mount = self._root.auth.approle, self._mount
        role.create_or_update_approle("together", token_policies=["together"], secret_id_num_uses=1, mount_point=mount)
        found: str = role.read_role_id("together", mount_point=mount)["data"]["role_id"]
        return found

    def _write_config(self, auth0: str, vault: str) -> None:
        write(self.home, self.worlds)
        file, tenant = self.home / "bridge.toml", "[tenants.local]"
        login = f'method = "approle", mount = "{self._mount}", role_id = "env:ROLE_ID", secret_id = "env:SECRET_ID"'
        changed: Mapping[str, str] = {
            self.servers.auth0.url: auth0,
            self.servers.bao.url: vault,
            tenant: f'{tenant}\naudience = "{self.servers.auth0.url}/api/v2/"',
            'method = "token", token = "env:VAULT_TOKEN"': login,
            f'propagation = "{SPREAD.seconds}s"': f'propagation = "{PROPAGATION.seconds}s"',
            'min_interval = "0s"\n': "",  # what was rotated just now is not rotated again
        }
        text = file.read_text("utf-8")
        for old, new in changed.items():
            assert old in text, old
            text = text.replace(old, new)
        file.write_text(text + SETTINGS.format(home=self.home), "utf-8")

    def _gate(self, what: str, ask: Any) -> Answer:
        asked, trap = self._asked, self._trap
        answer: Answer = ask()
        asked["login"] += what == f"POST /v1/auth/{self._mount}/login"
        if trap and answer.status < 300:
            trap.saw(what)
        return answer

    def _count_tokens(self, request: bytes, _answer: bytes) -> None:
        self._asked["token"] += b'"audience"' in request and b'"client_credentials"' in request


def _without_lock_tags(world: World) -> dict[str, Any]:
    told = world.dump()
    vault, lock = told[world.vault.uri], f"{world.vault.path}/pending"
    metadata, versions = vault[lock]
    vault[lock] = metadata.get("versions"), {number: (each or {}).get("data") for number, each in versions.items()}
    return told

"""What happens to the agent and its clients: the servers, a door before the vault, the commands, and one round each."""

from __future__ import annotations

import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import hvac
from hvac.exceptions import VaultError
from requests import RequestException

from tests.bench.agent_process import Agent, free_port
from tests.bench.consumer_operators import OUTAGE, SPREADING, Door
from tests.bench.fleet import Fleet, Member
from tests.bench.measure import spend
from tests.bench.population import AUDIENCE
from tests.bench.world import install

POLL, MAX_AGE, LITTLE, LIFETIME = 300.0, 60.0, 20.0, 100.0
"""Seconds of life: until a value is read again, by readers of the latest value and by the agent; what a rotation waits
longer than the latter; and how long a token lives."""
TOKEN = "a-token-that-callers-of-the-agent-send"
TRIES = 8  # until a command that met a vault that was away is done
LOOK = 0.02  # seconds from one look at Auth0 to the next
AGENT = """
[agent]
max_age = "{max_age}s"

[[agent.listen]]
address = "127.0.0.1:{port}"

[[agent.listen]]
socket = "{path}"
"""


@dataclass(frozen=True)
class Pace:
    """How many times faster than the machine's clock life goes. The properties are seconds of the machine."""

    scale: float

    @property
    def spreading(self) -> float:
        """How long a change spreads at Auth0."""
        return SPREADING / self.scale

    @property
    def max_age(self) -> int:
        """How long the agent uses what it has read: a configuration takes whole seconds."""
        return max(1, round(MAX_AGE / self.scale))

    @property
    def refresh(self) -> int:
        """How long a rotation waits until all candidates are read."""
        return self.max_age + max(1, round(LITTLE / self.scale))

    @property
    def poll(self) -> float:
        """How long readers of the latest value use it, and from one round to the next."""
        return POLL / self.scale

    @property
    def outage(self) -> float:
        """How long the vault is away."""
        return OUTAGE / self.scale


class AgentWorld:
    """A fleet with an agent before its vault. Use it as a context manager. `names` are the clients.

    `kinds` are the vaults in which each client has a sink. `lifetime` is how long a token lives, in seconds of life.
    """

    def __init__(self, names: Sequence[str], pace: Pace, *, kinds: Sequence[str] = ("vault",),
                 lifetime: float = LIFETIME) -> None:  # fmt: skip
        self.pace = pace
        self.names = names
        self.fleet = Fleet(kinds=kinds, propagation=max(1, round(pace.spreading + 0.5)))
        self._lifetime = lifetime
        self.members: dict[str, Member] = {}
        self._running = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as running:
            running.enter_context(self.fleet)
            directory = Path(running.enter_context(tempfile.TemporaryDirectory(prefix="bridge-agent-")))
            self.command = [sys.executable, str(install(directory))]
            self.door = running.enter_context(Door(self.fleet.bao.url))
            self.auth0 = self.fleet.tenants["local"].auth0
            added = self.fleet.add("agent", len(self.names))
            self.members = dict(zip(self.names, added, strict=True))
            self.auth0.ask("lifetime", self._lifetime / self.pace.scale)
            self.auth0.ask("grant", [each.client_id for each in added], AUDIENCE)
            self._configure(directory)
            self._repeated("rotate", "--all", "--adopt", "--no-wait")
            self.auth0.ask("spread", self.pace.spreading)
            self.agent = self._agent(directory)
            running.callback(self.agent.close)
            self.vault = hvac.Client(url=self.door.url, token=self.fleet.bao.token)
            running.callback(self.vault.adapter.close)
            self._running = running.pop_all()
        return self

    def __exit__(self, *error: object) -> None:
        self._running.close()

    def _configure(self, directory: Path) -> None:
        urls = [self.auth0.url, self.door.url, *self.fleet.urls[2:]]
        defaults = f'min_interval = "0s"\nconsumer_refresh = "{self.pace.refresh}s"'
        text = self.fleet.config([*self.members.values()], urls, defaults=defaults).read_text()
        self.port = free_port()
        path = directory / "agent.sock"
        text += AGENT.format(max_age=self.pace.max_age, port=self.port, path=path)
        for member in self.members.values():
            text += f'\n[agent.clients.{member.name}]\ntoken = "env:AGENT_TOKEN"\n'
        self.config = directory / "agent.toml"
        self.config.write_text(text)

    def _agent(self, directory: Path) -> Agent:
        environ = {**self.fleet.environment(), "AGENT_TOKEN": TOKEN, "HOME": str(directory)}
        command = [*self.command, "agent", "--config", str(self.config)]
        return Agent(command, environ, self.port, directory / "agent.sock", directory / "agent.log")

    def latest(self, name: str) -> str:
        """Return the latest value of a client as a reader of the vault sees it, or an empty text if that fails."""
        try:
            read = self.vault.secrets.kv.v2.read_secret_version(
                f"apps/{self.members[name].name}", raise_on_deleted_version=True
            )
        except (VaultError, RequestException):
            return ""
        return str(read["data"]["data"]["client_secret"])

    def changes(self) -> int:
        """Return how often a secret has changed at Auth0, of all clients together."""
        return sum(self.fleet.changes([*self.members.values()]))

    def rotate(self, *, when_set: Callable[[], None] | None = None) -> int:
        """Rotate all clients. `when_set` is called as soon as Auth0 has the first new value.

        Return how often the command was begun.
        """
        return self._during(lambda: self._repeated("rotate", "--all"), when_set)

    def roll_back(self) -> int:
        """Make each client's previous value live again."""
        return sum(self._repeated("rollback", member.name, "--no-wait") for member in self.members.values())

    def leak(self, name: str) -> int:
        """Rotate one client after a leak, and then the others."""
        leaked, *others = sorted((each.name for each in self.members.values()), key=lambda n: n != self._name(name))
        begun = self._repeated("rotate", leaked, "--compromised", "--reason", "it was seen in a log")
        return begun + (self._repeated("rotate", *others) if others else 0)

    def _name(self, name: str) -> str:
        return self.members[name].name

    def _during(self, work: Callable[[], int], when_set: Callable[[], None] | None) -> int:
        if when_set is None:
            return work()
        before = self.changes()
        with ThreadPoolExecutor(1) as threads:
            doing = threads.submit(work)
            while not doing.done() and self.changes() == before:
                time.sleep(LOOK)
            when_set()
            return doing.result()

    def _repeated(self, *words: str) -> int:
        """Run a command until it is done, and return how often it was begun.

        Raises:
            RuntimeError: it is never done.
        """
        argv = [*self.command, *words, "--yes", "--config", str(self.config)]
        environ = {**self.fleet.environment(), "AGENT_TOKEN": TOKEN}
        for begun in range(1, TRIES + 1):
            spent = spend(argv, environ)
            if spent.status == 0:
                return begun
            time.sleep(1.0)
        raise RuntimeError(f"{' '.join(words)} ended with {spent.status}:\n{spent.output[-3000:]}")


class Latest:
    """The latest value of a client, as an application has it that reads it every `poll` seconds. `part`: its phase."""

    def __init__(self, world: AgentWorld, name: str, part: float) -> None:
        self._read = lambda: world.latest(name)
        self._poll = world.pace.poll
        self._value = self._read()
        self._due = time.monotonic() + self._poll * part
        self._guard = threading.Lock()

    def value(self) -> str:
        """Return it."""
        with self._guard:
            if (now := time.monotonic()) >= self._due:
                self._value = self._read() or self._value
                self._due += ((now - self._due) // self._poll + 1) * self._poll
            return self._value

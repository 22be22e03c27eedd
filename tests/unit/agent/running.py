"""A running agent in a thread of this process: the real server on real sockets, with a local Auth0 and a real vault."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from bridge.agent import run, sockets
from bridge.agent.application import Application
from bridge.agent.endpoint import Endpoint
from bridge.agent.metrics import Metrics
from bridge.agent.server import server
from bridge.config.load import load
from bridge.config.settings import Settings
from tests.e2e.sinks import NO_TRUST
from tests.e2e.world import World
from tests.support.forks import Forks
from tests.support.proxy import Answer, Dropped, Proxy

AUDIENCE = "https://api.acme"
ENOUGH = 20.0
"""Seconds in which anything has happened."""
FILE = """
[tenants.prod]
domain = "{auth0}"

[vaults.eu]
type = "vault"
url = "{vault}"
auth = {{ method = "token", token = "env:VAULT_TOKEN" }}

[clients.billing]
tenant = "prod"
client_id = "{client_id}"
sinks = ["eu://secret/{path}"]
{clients}
[agent]
{agent}
{listen}
{served}
"""


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        port: int = found.getsockname()[1]
        return port


class Place:
    """Auth0 and a vault, each behind a proxy, and the configurations of agents between them.

    `asked` counts the token requests. `auth0` may answer one itself, and `vault_away` closes the vault's connections.
    """

    def __init__(self, world: World, directory: Path) -> None:
        self.world = world
        self.directory = directory
        self.token = f"caller-{'t' * 40}"
        self.asked = 0
        self.read = 0
        self.auth0: Callable[[int], Answer | None] = lambda _nth: None
        self.vault_away = False
        self._auth0 = Proxy(world.servers.auth0.url, gate=self._at_auth0)
        self._vault = Proxy(world.servers.bao.url, gate=self._at_vault)
        self._made = 0

    def __enter__(self) -> Self:
        self._auth0.__enter__()
        self._vault.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:  # fmt: skip
        self._vault.__exit__(kind, error, trace)
        self._auth0.__exit__(kind, error, trace)

    def fresh(self) -> None:
        """Forget what the last test did."""
        self.asked = self.read = 0
        self.auth0 = lambda _nth: None
        self.vault_away = False

    def _at_auth0(self, what: str, ask: Callable[[], Answer]) -> Answer:
        if not what.endswith("/oauth/token"):
            return ask()
        self.asked += 1
        return self.auth0(self.asked) or ask()

    def _at_vault(self, what: str, ask: Callable[[], Answer]) -> Answer:
        if self.vault_away:
            raise Dropped
        self.read += "/data/" in what and "pending" not in what
        return ask()

    def path(self) -> Path:
        """Return a free path for a socket."""
        self._made += 1
        return self.directory / f"{self._made}.sock"

    def text(self, *listen: str, agent: str = "", served: str = "", clients: str = "", **changed: str) -> str:
        """Return a configuration. Each of `listen` is the content of one `[[agent.listen]]`."""
        told = {
            "auth0": self._auth0.url, "vault": self._vault.url, "client_id": self.world.client_id,
            "path": self.world.vault.path, **changed,
        }  # fmt: skip
        tables = "\n".join(f"[[agent.listen]]\n{each}" for each in listen)
        return FILE.format(listen=tables, agent=agent, served=served, clients=clients, **told)

    def settings(self, *listen: str, **more: str) -> Settings:
        self._made += 1
        file = self.directory / f"{self._made}.toml"
        file.write_text(self.text(*listen, **more), "utf-8")
        return load(file, {})

    def ask(self, secret: str = "", **fields: str) -> dict[str, str]:
        """Return the fields of a token request. An empty one is left out."""
        told = {"grant_type": "client_credentials", "client_id": self.world.client_id, "audience": AUDIENCE}
        return {name: text for name, text in {**told, "client_secret": secret, **fields}.items() if text}


class Running:
    """An agent that serves in a thread, until the end of the `with`. `http` and `get`, `post` reach its first place."""

    def __init__(self, place: Place, *listen: str, **more: str) -> None:
        self.place = place
        self.path = place.path()
        self.settings = place.settings(*(listen or (f'socket = "{self.path}"',)), **more)
        assert self.settings.agent is not None
        self.agent = self.settings.agent
        metrics = Metrics()
        self.endpoint = Endpoint(run.serving(self.settings, metrics), metrics)

    def __enter__(self) -> Self:
        self._sockets = sockets.opened(self.agent.listen, {})
        self._server = server(self.endpoint, self.agent.listen, lambda: None, lambda: None)
        self._server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign,assignment]  # main thread only
        self._thread = threading.Thread(target=asyncio.run, args=(self._server.serve(self._sockets),))
        self._thread.start()
        first = self.agent.listen[0]
        transport = httpx.HTTPTransport(uds=first.socket, verify=NO_TRUST)
        self.http = httpx.Client(transport=transport, base_url=f"http://{first if first.address else 'agent'}",
                                 timeout=ENOUGH, trust_env=False)  # fmt: skip
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:  # fmt: skip
        self.http.close()
        self._server.should_exit = True
        self._thread.join()
        for listener in self.agent.listen:
            sockets.remove(listener)
        for each in self.endpoint.serving.applications.values():
            each.close()

    @property
    def application(self) -> Application:
        return self.endpoint.serving.applications[self.place.world.client_id]

    def ask(self, secret: str = "", headers: dict[str, str] | None = None, **fields: str) -> httpx.Response:
        """Ask for a token."""
        return self.http.post("/oauth/token", data=self.place.ask(secret, **fields), headers=headers)

    def refused(self, *args: Any, **fields: Any) -> tuple[int, str, str]:
        """Ask for a token, and return the refusal: its status, code and description."""
        answer = self.ask(*args, **fields)
        told = answer.json()
        assert "access_token" not in told
        assert answer.headers["cache-control"] == "no-store"
        return answer.status_code, told["error"], told["error_description"]

    def connect(self) -> socket.socket:
        """Return a bare connection to the first place."""
        first = self.agent.listen[0]
        if first.address is not None:
            return socket.create_connection(first.address, ENOUGH)
        found = socket.socket(socket.AF_UNIX)
        found.settimeout(ENOUGH)
        found.connect(str(first.socket))
        return found


def all_of(connection: socket.socket) -> bytes:
    """Return all that comes, until the other end closes."""
    found = bytearray()
    with contextlib.suppress(ConnectionError):
        while piece := connection.recv(65536):
            found += piece
    return bytes(found)


class Process:
    """The command `agent` in a process of its own. `lines` are what it printed; it has ended after the `with`."""

    def __init__(self, place: Place, forks: Forks, text: str, *argv: str, code: str = "", **environ: str) -> None:
        self.file = place.path().with_suffix(".toml")
        self.file.write_text(text, "utf-8")
        told = {"PATH": os.environ["PATH"], "HOME": str(place.directory), **environ}
        told |= {"VAULT_TOKEN": place.world.servers.bao.token, "CALLER": place.token}
        words = ("agent", "--config", str(self.file), *argv)
        self._process = forks.start(f"{code}\nfrom bridge.cli import main\nmain()", words, told, place.directory)
        self.pid = self._process.pid
        self.lines: list[str] = []
        self.status: int | None = None
        self._guard = threading.Condition()
        os.close(self._process._stdin)
        self._readers = [threading.Thread(target=self._follow, args=(each,)) for each in
                         (self._process._stdout, self._process._stderr)]  # fmt: skip
        for each in self._readers:
            each.start()

    def _follow(self, descriptor: int) -> None:
        with os.fdopen(descriptor, encoding="utf-8") as file:
            for line in file:
                with self._guard:
                    self.lines.append(line)
                    self._guard.notify_all()

    @property
    def text(self) -> str:
        return "".join(self.lines)

    def until(self, words: str, times: int = 1) -> Self:
        """Wait until it has printed these words, so often."""
        with self._guard:
            assert self._guard.wait_for(lambda: self.text.count(words) >= times, ENOUGH), self.text
        return self

    def signal(self, number: int) -> None:
        os.kill(self.pid, number)

    def ended(self) -> int:
        """Wait for its end, and return its exit status."""
        if self.status is None:
            for each in self._readers:
                each.join(60)
            self.status = self._process._forks.wait(self.pid)
        return self.status

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:  # fmt: skip
        if self.status is None:
            self.signal(signal.SIGKILL)
            self.ended()

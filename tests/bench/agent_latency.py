"""What an answer of the agent costs that it has already, and what many callers at once cause. Prints Markdown.

`python -m tests.bench.agent_latency [--runs N] [--answers N]`

A client with one kept connection sends the same bytes again and again: a token request, and `GET /healthz`, which the
same server answers without doing anything. They take turns. Beside them stands a cached read by AWS's own caching
client, which works in the application's process.
"""

from __future__ import annotations

import argparse
import asyncio
import resource
import socket
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from urllib.parse import urlencode

from aws_secretsmanager_caching import SecretCache

from tests.bench.agent_world import TOKEN, AgentWorld, Pace
from tests.bench.consumer_readers import AWS_CACHE
from tests.bench.measure import machine, table
from tests.bench.population import AUDIENCE

RUNS, ANSWERS, CALLERS = 5000, 100_000, 1000
WARM = 500  # answers that are not counted
SCALE, DAY = 20.0, 86400.0
END = b"\r\n\r\n"
PATIENCE = 60.0  # seconds for one answer


class Connection:
    """A kept connection to the agent."""

    def __init__(self, made: socket.socket) -> None:
        self._socket = made
        self._socket.settimeout(PATIENCE)

    @classmethod
    def by_address(cls, port: int) -> Connection:
        made = socket.create_connection(("127.0.0.1", port))
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return cls(made)

    @classmethod
    def by_socket(cls, path: str) -> Connection:
        made = socket.socket(socket.AF_UNIX)
        made.connect(path)
        return cls(made)

    def ask(self, request: bytes) -> bytes:
        """Send a request and return its answer's body.

        Raises:
            RuntimeError: the answer is no 200.
        """
        self._socket.sendall(request)
        told = b""
        while END not in told:
            told += self._socket.recv(65536)
        head, _, body = told.partition(END)
        if b" 200 " not in head.split(b"\r\n")[0]:
            raise RuntimeError(f"the agent answered {head.splitlines()[0]!r}")
        length = int(head.lower().partition(b"content-length:")[2].split()[0])
        while len(body) < length:
            body += self._socket.recv(65536)
        return body

    def close(self) -> None:
        self._socket.close()


@dataclass
class Timed:
    """Something that is called again and again, and how long each call took in seconds."""

    name: str
    work: Callable[[], object]
    took: list[float] = field(default_factory=list)

    def run(self) -> None:
        began = time.perf_counter()
        self.work()
        self.took.append(time.perf_counter() - began)

    @property
    def p99(self) -> float:
        return statistics.quantiles(self.took, n=100)[98]


def post(client_id: str, **more: str) -> bytes:
    """Return a token request."""
    asked = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": TOKEN, "audience": AUDIENCE}
    body = urlencode({**asked, **more}).encode()
    head = f"POST /oauth/token HTTP/1.1\r\nHost: {{host}}\r\nContent-Length: {len(body)}\r\n"
    return f"{head}Content-Type: application/x-www-form-urlencoded\r\n\r\n".encode() + body


def latency(world: AgentWorld, runs: int) -> str:
    """Return what an answer from the cache takes."""
    client_id = next(iter(world.members.values())).client_id
    host, health = f"127.0.0.1:{world.port}".encode(), b"GET /healthz HTTP/1.1\r\nHost: {host}\r\n\r\n"
    address, path = Connection.by_address(world.port), Connection.by_socket(str(world.agent.path))
    wanted = post(client_id).replace(b"{host}", host)
    health = health.replace(b"{host}", host)
    cache = SecretCache(client=world.fleet._secrets)
    name = f"apps/{next(iter(world.members.values())).name}"
    measured = [
        Timed("**token, Unix socket**", lambda: path.ask(wanted)),
        Timed("`GET /healthz`, Unix socket", lambda: path.ask(health)),
        Timed("**token, loopback address**", lambda: address.ask(wanted)),
        Timed("`GET /healthz`, loopback address", lambda: address.ask(health)),
        Timed(f"{AWS_CACHE}, in the process", lambda: cache.get_secret_string(name)),
    ]
    for each in measured:
        for _ in range(WARM):
            each.work()
    for _ in range(runs):
        for each in measured:
            each.run()
    for connection in (address, path):
        connection.close()
    return table(("a call", "median", "p99", "ratio of medians", "ratio of p99"), _rows(measured))


def _rows(measured: Sequence[Timed]) -> list[list[str]]:
    """Return the cells: each token beside its bare answer, and all beside AWS's cache."""
    rows = []
    for number, each in enumerate(measured):
        than = measured[number + 1] if number in (0, 2) else None
        middle = statistics.median(each.took)
        cells = [each.name, f"{middle * 1e6:,.0f} µs", f"{each.p99 * 1e6:,.0f} µs"]
        if than:
            cells += [f"{middle / statistics.median(than.took):.2f}", f"{each.p99 / than.p99:.2f}"]
        else:
            cells += ["", ""]
        rows.append(cells)
    ours, theirs = measured[0], measured[-1]
    rows[-1][3:] = [
        f"the first is {statistics.median(ours.took) / statistics.median(theirs.took):.1f} times it",
        f"{ours.p99 / theirs.p99:.1f} times it",
    ]
    return rows


async def at_once(path: str, request: bytes, count: int) -> int:
    """Let so many callers ask at the same moment, each by its own connection, and return how many got a token."""
    opened = await asyncio.gather(*(asyncio.open_unix_connection(path) for _ in range(count)))

    async def ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        writer.write(request)
        head = await reader.readuntil(END)
        writer.close()
        return b" 200 " in head.split(b"\r\n")[0]

    return sum(await asyncio.gather(*(ask(*each) for each in opened)))


def crowd(world: AgentWorld, callers: int) -> str:
    """Return what callers cause at Auth0 that all want a token at once which the agent does not have."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    client_id = next(iter(world.members.values())).client_id
    rows = []
    for number in range(3):
        world.auth0.ask("bought", AUDIENCE)
        request = post(client_id, organization=f"org_crowd_{number}")
        got = asyncio.run(at_once(str(world.agent.path), request, callers))
        bought, _, refused = world.auth0.ask("bought", AUDIENCE).get(client_id, [0, 0, 0])
        rows.append([f"{callers:,} callers at once", f"{got:,}", str(bought + refused)])
    return table(("", "got a token", "requests at Auth0"), rows)


def memory(world: AgentWorld, answers: int) -> str:
    """Return how much of the agent is in memory before, amid and after so many answers."""
    client_id = next(iter(world.members.values())).client_id
    connection = Connection.by_socket(str(world.agent.path))
    wanted, told, began = post(client_id), [], time.monotonic()
    for number in range(answers + 1):
        if number % max(1, answers // 4) == 0:
            told.append((number, world.agent.memory))
        connection.ask(wanted)
    connection.close()
    rate = answers / (time.monotonic() - began)
    rows = [[f"{number:,}", f"{each:.1f} MiB"] for number, each in told]
    return f"{table(('answers', 'in memory'), rows)}\n\n{rate:,.0f} answers a second by one connection."


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=RUNS, help=f"calls of each kind, in turns ({RUNS})")
    parser.add_argument("--answers", type=int, default=ANSWERS, help=f"before memory is read again ({ANSWERS:,})")
    parser.add_argument("--callers", type=int, default=CALLERS, help=f"at once ({CALLERS:,}); a listener takes 1,024")
    given = parser.parse_args(arguments)
    with AgentWorld(["latency"], Pace(SCALE), kinds=("vault", "aws"), lifetime=DAY * SCALE) as world:
        world.agent.start(keep=False)
        told = [latency(world, given.runs), crowd(world, given.callers), memory(world, given.answers)]
    print(f"{machine()}, {AWS_CACHE} {version(AWS_CACHE)}; {given.runs} calls of each kind, in turns.")
    print("", *told, sep="\n\n")


if __name__ == "__main__":
    main()

"""What a cached value and a cached token cost, how often a vault is asked, and what importing costs. Prints Markdown.

`python -m tests.bench.cached [--runs N]`
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from importlib.metadata import version
from itertools import repeat
from pathlib import Path

import hvac
from aws_secretsmanager_caching import SecretCache

from bridge.consumer import ClientCredentials, ClientSecret
from tests.bench.consumer_readers import AWS_CACHE
from tests.bench.measure import machine, table
from tests.bench.population import AUDIENCE
from tests.bench.world import Application, World, install
from tests.e2e.clock import Shifted
from tests.support.proxy import Answer, Proxy

RUNS = 15
THREADS, REFRESHES = 1000, 3
MAX_AGE = timedelta(minutes=5)
MODULES = ("httpx", "bridge.consumer", "bridge.consumer.client_credentials", "hvac", "boto3")
TIMED = """import time
began, used = time.perf_counter(), time.process_time()
import {}
print(time.perf_counter() - began, time.process_time() - used)"""


@dataclass
class Call:
    """Something that is called `loops` times in a row. `wall` and `cpu` are the seconds of one call, of each run."""

    name: str
    work: Callable[[], object]
    loops: int
    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)

    def run(self) -> None:
        """Call it, and note what one call took; the loop's own share is some nanoseconds."""
        began, used = time.perf_counter(), time.thread_time()
        for _ in repeat(None, self.loops):
            self.work()
        self.cpu.append((time.thread_time() - used) / self.loops)
        self.wall.append((time.perf_counter() - began) / self.loops)


class Counting(Proxy):
    """A proxy before Vault; `reads` counts the documents that were read."""

    def __init__(self, upstream: str) -> None:
        self.reads = 0
        super().__init__(upstream, gate=self._note)

    def _note(self, what: str, ask: Callable[[], Answer]) -> Answer:
        self.reads += "/data/" in what
        return ask()


def calls(world: World, running: ExitStack) -> list[Call]:
    """Return what is compared: ours first."""
    application = world.add("cached", "vault", "aws")
    world.auth0.tenant.grant(application.client_id, AUDIENCE, ())
    world.adopt(application)
    secret = _secret(application, world.environment())
    auth = ClientCredentials(world.auth0.url, secret, audience=AUDIENCE)
    vault = hvac.Client(url=world.bao.url, token=world.bao.token)
    aws = world.aws_client()
    cache = SecretCache(client=aws)
    for close in (auth.close, secret.close, vault.adapter.close, aws.close):
        running.callback(close)
    read, path = vault.secrets.kv.v2.read_secret_version, "apps/cached"
    return [
        Call("**`candidates()`**, its first value", lambda: next(iter(secret.candidates())).reveal(), 10_000),
        Call("**`ClientCredentials.token()`**", auth.token, 10_000),
        Call(AWS_CACHE, lambda: cache.get_secret_string(path), 500),
        Call("hvac, a read of OpenBao", lambda: read(path, raise_on_deleted_version=True), 10),
        Call("boto3, a read of moto", lambda: aws.get_secret_value(SecretId=path), 10),
    ]


def _secret(application: Application, environ: dict[str, str], clock: Shifted | None = None) -> ClientSecret:
    uri = next(uri for uri in application.uris if uri.startswith("vault"))
    return ClientSecret(application.client_id, uri, environ=environ, clock=clock, max_age=MAX_AGE)


def measure(measured: Sequence[Call], runs: int) -> str:
    """Run them in turns, and return what one call takes once everything is cached."""
    for call in measured:
        call.work()
    for _ in range(runs):
        for call in measured:
            call.run()
    ours = measured[0]

    def row(call: Call) -> list[str]:
        told = statistics.median(call.wall), min(call.wall), statistics.median(call.cpu)
        than = statistics.median(ours.wall), min(ours.wall), statistics.median(ours.cpu)
        ratios = (one / other for one, other in zip(told, than, strict=True))
        return [call.name, *(f"{seconds * 1e6:,.2f} µs" for seconds in told), *(f"{ratio:,.1f}" for ratio in ratios)]

    head = ("a call", "median", "least", "CPU", "ratio of medians", "ratio of the least", "ratio of CPU")
    return table(head, map(row, measured))


def asked(world: World) -> str:
    """Return how often Vault and Auth0 are asked when a thousand threads want the same at once."""
    application = world.add("crowd", "vault")
    world.auth0.tenant.grant(application.client_id, AUDIENCE, ())
    world.adopt(application)
    clock, rows = Shifted(), []
    with Counting(world.bao.url) as proxy, ExitStack() as running:
        secret = _secret(application, {**world.environment(), "VAULT_ADDR": proxy.url}, clock)
        auth = ClientCredentials(world.auth0.url, secret, audience=AUDIENCE, clock=clock.monotonic)
        for close in (secret.close, auth.close):
            running.callback(close)

        def note(what: str, work: Callable[[], object]) -> None:
            before = proxy.reads, _tokens(world)
            _crowd(work)
            rows.append([what, str(proxy.reads - before[0]), str(_tokens(world) - before[1])])

        note("a value, the first time", lambda: next(iter(secret.candidates())))
        for _ in range(REFRESHES):
            clock.advance(MAX_AGE)
            note("a value that is too old", lambda: next(iter(secret.candidates())))
        note("a token, the first time", auth.token)
        clock.advance(world.auth0.tenant.settings.token_lifetime)
        note("a token when value and token are too old", auth.token)
    return table((f"{THREADS:,} threads want", "reads of Vault", "token requests"), rows)


def _tokens(world: World) -> int:
    return sum(request.path == "/oauth/token" for request in world.auth0.tenant.requests)


def _crowd(work: Callable[[], object]) -> None:
    gate = threading.Barrier(THREADS)

    def once() -> None:
        gate.wait()
        work()

    threads = [threading.Thread(target=once) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def imports(directory: Path, runs: int) -> str:
    """Return what importing takes, each time in a fresh interpreter, all modules in turns; the first only warms up."""
    install(directory)
    costs: dict[str, list[list[float]]] = {name: [] for name in MODULES}
    environ = {**os.environ, "PYTHONPATH": str(directory)}
    for turn in range(runs + 1):
        for name, found in costs.items():
            command = [sys.executable, "-c", TIMED.format(name)]
            told = subprocess.run(command, env=environ, cwd=directory, stdout=subprocess.PIPE, check=True).stdout
            if turn:
                found.append([float(seconds) * 1000 for seconds in told.split()])
    medians = {
        name: [statistics.median(column) for column in zip(*found, strict=True)] for name, found in costs.items()
    }

    def row(name: str) -> list[str]:
        (wall, cpu), (than, cpu_than) = medians[name], medians["httpx"]
        return [f"`import {name}`", f"{wall:.0f} ms", f"{cpu:.0f} ms", f"{wall / than:.2f}", f"{cpu / cpu_than:.2f}"]

    return table(("", "median", "CPU", "ratio of medians", "ratio of CPU"), map(row, MODULES))


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=RUNS)
    runs = parser.parse_args(arguments).runs
    with tempfile.TemporaryDirectory() as directory, World() as world, ExitStack() as running:
        told = [measure(calls(world, running), runs), asked(world), imports(Path(directory), runs)]
    print(f"{machine()}, {AWS_CACHE} {version(AWS_CACHE)}; {runs} runs in turns.", *told, sep="\n\n")


if __name__ == "__main__":
    main()

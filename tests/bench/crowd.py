"""Applications of many clients that are all rotated at once: which token requests are refused. Prints Markdown.

`python -m tests.bench.crowd [--clients N] [--rotations N] [--scale N] [--rate N]`

Each client has an application that tries the candidates (`bridge.consumer`) and one that reads the latest value every
five minutes. They ask for tokens all the time, while `rotate --all` with its default jobs rotates all clients, again
and again. Life goes `--scale` times faster than the machine's clock, as in `tests.bench.consumers`. The servers, the
applications and the command share the machine, so its processors are busy throughout.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.bench.consumer_operators import SPREADING
from tests.bench.fleet import A_SECOND, Fleet, Member
from tests.bench.measure import Spent, machine, spend, table
from tests.bench.population import AUDIENCE, Population, Signals, Told, live
from tests.bench.world import install

POLL = 300.0  # seconds of life from one reading to the next
READERS = {"candidates": "`bridge.consumer`", "latest": "latest value, read every 5 min"}
PATIENCE = 300.0  # seconds until all applications have begun, or have ended
HEAD = ("", "acquisitions", "**refused**", "more than one request", "slowest of those")


def populations(fleet: Fleet, members: Sequence[Member], scale: float, rate: float) -> list[Population]:
    """Return one application of each client for each way to read."""
    auth0 = fleet.tenants["local"].auth0
    auth0.ask("grant", [member.client_id for member in members], AUDIENCE)
    return [
        Population(
            f"{reader}/{member.name}", member.client_id, f"vault://secret/apps/{member.name}", reader, POLL, 1, rate,
            scale, auth0.url,
        )
        for member in members
        for reader in READERS
    ]  # fmt: skip


@contextmanager
def asking(fleet: Fleet, found: Sequence[Population]) -> Iterator[dict[str, Told]]:
    """Have the applications ask in processes of their own; the dictionary is filled at the end.

    Raises:
        RuntimeError: one of them could not start.
    """
    context = multiprocessing.get_context("spawn")
    signals = Signals(context.Semaphore(0), context.Event(), context.Event(), context.Queue())
    environ = {"VAULT_ADDR": fleet.bao.url, "VAULT_TOKEN": fleet.bao.token}
    parts = [found[number :: os.cpu_count() or 1] for number in range(os.cpu_count() or 1)]
    processes = [context.Process(target=live, args=(part, environ, signals)) for part in parts if part]
    told: dict[str, Told] = {}
    for process in processes:
        process.start()
    try:
        for _ in found:
            if not signals.ready.acquire(timeout=PATIENCE):
                raise RuntimeError("not every application could start")
        signals.go.set()
        yield told
    finally:
        signals.go.set()
        signals.ended.set()
    told.update(signals.results.get(timeout=PATIENCE) for _ in found)
    for process in processes:
        process.join()


def rotated(fleet: Fleet, members: Sequence[Member], command: Sequence[str], *more: str) -> Spent:
    """Rotate all clients by one command.

    Raises:
        RuntimeError: it did not end with 0.
    """
    config = fleet.config(members, defaults='min_interval = "0s"')
    done = spend([*command, "rotate", "--all", "--yes", "--config", str(config), *more], fleet.environment())
    if done.status != 0:
        raise RuntimeError(f"the rotation ended with {done.status}:\n{done.output[-3000:]}")
    return done


def rows(told: dict[str, Told], scale: float) -> list[list[str]]:
    """Return the cells of each way to read."""
    found = []
    for reader, title in READERS.items():
        total = Told()
        for name, each in told.items():
            if name.startswith(f"{reader}/"):
                total.add(each)
        slowest = f"{total.slowest / scale:.1f} s" if total.more else "-"
        found.append([title, f"{total.acquisitions:,}", f"**{total.refused:,}**", f"{total.more:,}", slowest])
    return found


def main(arguments: Sequence[str] | None = None) -> None:
    """Run, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--rotations", type=int, default=4, help="of each client")
    parser.add_argument("--scale", type=int, default=10)
    parser.add_argument("--rate", type=float, default=0.5, help="requests of an application a second")
    given = parser.parse_args(arguments)
    spreading = SPREADING / given.scale
    with tempfile.TemporaryDirectory() as directory, Fleet(propagation=round(spreading)) as fleet:
        command = [sys.executable, str(install(Path(directory)))]
        members = fleet.add("crowd", given.clients)
        rotated(fleet, members, command, "--adopt", "--no-wait")
        fleet.tenants["local"].auth0.ask("spread", spreading)
        lasted = []
        with asking(fleet, populations(fleet, members, given.scale, given.rate)) as told:
            for _ in range(given.rotations):
                # A reader of the latest value reads again in between, as it would in life.
                time.sleep(POLL / given.scale + A_SECOND)
                began = time.monotonic()
                rotated(fleet, members, command)
                lasted.append(time.monotonic() - began)
            time.sleep(POLL / given.scale)
        changed = fleet.changes(members)
    print(
        f"{machine()}; {given.clients} clients, each rotated {min(changed) - 1} to {max(changed) - 1} times by "
        f"`rotate --all`, which took {statistics.median(lasted):.0f} s. Life is {given.scale} times faster; a change "
        f"takes {spreading:g} s of the machine's time to spread. Seconds are the machine's."
    )
    print(f"\n{table(HEAD, rows(told, given.scale))}")


if __name__ == "__main__":
    main()

"""Rotations of many clients: what each costs, and how many a second. Prints Markdown.

`python -m tests.bench.many [--clients N]... [--only ROW]... [--round-trip MS]... [--journal FILE]`

`before` is `rotate --all` of the commit `BEFORE`, which works on one client after the other. It and `xargs` run up to
`--old-clients` clients. Every side has clients of its own, each with an open fallback, and waits with `--no-wait`.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

from tests.bench.delay import Network
from tests.bench.fleet import Fleet, Member
from tests.bench.journal import Figures, Journal, add_option
from tests.bench.looks import LOOKS, looked, looking
from tests.bench.measure import Spent, machine, spend, table
from tests.bench.world import BENCH, install

BEFORE = "7f97217"
CLIENTS, OLD_CLIENTS = (10, 50, 200, 1000), 200
JOBS = 8
LEASE = re.compile(r"within its lease|into the lease|lease had ended|; a lease is")
"""How the bridge says that a lease ran out."""
ROWS = {
    "before": ("before", f"`rotate --all`, {BEFORE}"),
    "xargs": ("before", f"`xargs -P {JOBS}`, {BEFORE}"),
    "now": ("now", f"**`rotate --all --jobs {JOBS}`**"),
    "audit": ("now", "**the same, with the audit record**"),
    "script": ("script", "threaded script, no safety"),
}
"""What is compared: whose clients it has, and its title."""
HEAD = ("clients", "", "CPU a rotation", "rotations/s", "Auth0", "Vault", "AWS", "management tokens", "Vault logins",
        "peak memory", "failed", "lease ran out")  # fmt: skip


class Sides:
    """The installed commands, and each side's clients, which grow as they are needed."""

    def __init__(self, fleet: Fleet, network: Network, directory: Path, wait: bool) -> None:
        self.fleet = fleet
        self.network = network
        self._directory = directory
        self._wait = [] if wait else ["--no-wait"]
        self._members: dict[str, list[Member]] = {}
        self._commands: dict[str, list[str]] = {}

    def command(self, side: str) -> list[str]:
        """Return what runs a side's bridge, and install it the first time."""
        if side not in self._commands:
            home = self._directory / side
            home.mkdir()
            self._commands[side] = [sys.executable, str(install(home, BEFORE if side == "before" else ""))]
        return self._commands[side]

    def members(self, side: str, count: int, *, rotated: bool = True) -> list[Member]:
        """Return so many clients of a side, with an open fallback. `rotated`: False adopts them only."""
        had = self._members.setdefault(side, [])
        if len(had) < count:
            new = self.fleet.add(side, count - len(had), after=len(had))
            if side != "script":
                self._seed(side, new, ["rotate", "--all", "--adopt", "--no-wait"] if rotated else ["adopt", "--all"])
            had += new
        return had[:count]

    def _seed(self, side: str, members: Sequence[Member], words: Sequence[str]) -> None:
        urls = self.network.at(0)
        config = str(self.fleet.config(members, urls))
        with self.fleet.apart(side):
            done = spend([*self.command(side), *words, "--yes", "--config", config], self.fleet.environment(urls))
        if done.status != 0:
            raise RuntimeError(f"{side}: {words} exited with {done.status}:\n{done.output[-2000:]}")

    def rotate(self, row: str, members: Sequence[Member], urls: Sequence[str]) -> Spent:
        """Rotate these clients once, in the way of a row."""
        side, _ = ROWS[row]
        config = str(self.fleet.config(members, urls, audit=row == "audit", defaults=_again(side)))
        environment = self.fleet.environment(urls)
        with self.fleet.apart(side):
            if row == "script":
                return spend(*self._script(members, urls))
            rotate = [*self.command(side), "rotate", "--config", config, *self._wait]
            if row == "xargs":
                names = self.fleet.home / "names"
                names.write_text("\n".join(member.name for member in members))
                return spend(["xargs", "-a", str(names), "-P", str(JOBS), "-n", "1", *rotate], environment)
            return spend([*rotate, "--all", *(["--jobs", str(JOBS)] if side == "now" else [])], environment)

    def _script(self, members: Sequence[Member], urls: Sequence[str]) -> tuple[list[str], dict[str, str]]:
        file = self.fleet.home / "clients.json"
        file.write_text(json.dumps([(member.client_id, member.name) for member in members]))
        (tenant,) = self.fleet.tenants.values()
        more = {
            "AUTH0_DOMAIN": urls[0], "AUTH0_AUDIENCE": tenant.audience, "AUTH0_CLIENT_ID": tenant.client_id,
            "AUTH0_CLIENT_SECRET": tenant.client_secret, "VAULT_ADDR": urls[1],
        }  # fmt: skip
        return [sys.executable, str(BENCH / "threaded.py"), str(file)], {**self.fleet.environment(urls), **more}


def _again(side: str) -> str:
    """Return the settings with which a client is rotated again at once. The old command needs none."""
    return 'min_interval = "0s"' if side == "now" else ""


def rotations(sides: Sides, row: str, count: int, trip: float) -> Figures:
    """Rotate so many clients once and return the figures, per rotation where that makes sense. `trip`: seconds."""
    fleet = sides.fleet
    members = sides.members(ROWS[row][0], count)
    before = fleet.changes(members)
    fleet.taken()
    spent = sides.rotate(row, members, sides.network.at(trip))
    taken = fleet.taken()
    changed = [now - then for now, then in zip(fleet.changes(members), before, strict=True)]
    done = sum(each == 1 for each in changed)
    if not done:
        raise RuntimeError(f"{row} rotated nothing and exited with {spent.status}:\n{spent.output[-2000:]}")
    lost = [line for line in spent.output.splitlines() if LEASE.search(line)]
    return {
        "cpu": 1000 * spent.cost.cpu / done, "rate": done / spent.cost.wall, "memory": spent.cost.memory,
        **{end: taken[end] / done for end in ("auth0", "vault", "aws")},
        "tokens": taken["tokens"], "logins": taken["logins"], "failed": count - done, "lease": len(lost),
        "status": spent.status,
    }  # fmt: skip


def cells(figures: Figures) -> list[str]:
    """Return the cells of a row behind its name."""
    return [
        f"{figures['cpu']:.0f} ms", f"{figures['rate']:.2f}",
        *(f"{figures[end]:.1f}" for end in ("auth0", "vault", "aws")),
        str(figures["tokens"]), str(figures["logins"]), f"{figures['memory']:.0f} MiB",
        str(figures["failed"]), str(figures["lease"]),
    ]  # fmt: skip


def tables(journal: Journal, given: argparse.Namespace) -> Iterator[str]:
    """Yield what there is to print: a table for each round trip, and those of the commands that only look."""
    for trip in given.round_trip:
        rows = []
        for count in given.clients:
            for row, (_, title) in ROWS.items():
                figures = journal.get(key(row, count, trip))
                rows += [[f"{count:,}", title, *cells(figures)]] if figures else []
        if rows:
            yield f"{f'Round trip {trip} ms.' if trip else 'On loopback.'}\n\n{table(HEAD, rows)}"
    if found := looked(journal):
        yield found


def key(row: str, count: int, trip: int) -> str:
    """Return a row's name in the journal."""
    return f"{row} {count} at {trip} ms"


def measure(journal: Journal, given: argparse.Namespace) -> None:
    """Measure the rows that are not in the journal."""
    wanted = [
        (trip, count, row) for trip in given.round_trip for count in given.clients for row in given.only
        if row in ROWS and (ROWS[row][0] != "before" or count <= given.old_clients)
        and not journal.has(key(row, count, trip))
    ]  # fmt: skip
    with ExitStack() as running:
        directory = Path(running.enter_context(tempfile.TemporaryDirectory()))
        fleet = running.enter_context(Fleet(propagation=given.propagation))
        network = running.enter_context(Network(fleet.urls))
        sides = Sides(fleet, network, directory, given.wait)
        for trip, count, row in wanted:
            journal.once(key(row, count, trip), lambda r=row, c=count, t=trip: rotations(sides, r, c, t / 1000))
        looking(journal, sides, given)


def options(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Return what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clients", type=int, action="append", help=f"how many; default {CLIENTS}")
    parser.add_argument("--old-clients", type=int, default=OLD_CLIENTS, help="the most of before and xargs")
    parser.add_argument("--round-trip", type=int, action="append", help="ms; default 0 and 30")
    parser.add_argument("--only", choices=[*ROWS, *LOOKS], action="append")
    parser.add_argument("--propagation", type=int, default=30, help="seconds; a lease is a third of it")
    parser.add_argument("--looks", choices=["before", "now"], action="append", help="whose commands that only look")
    parser.add_argument("--most-looks", type=int, default=5000, help="the most clients of such a command")
    parser.add_argument("--wait", action="store_true", help="let each rotation wait until its change has spread")
    parser.add_argument("--print", action="store_true", help="measure nothing, and print what the journal has")
    add_option(parser)
    given = parser.parse_args(arguments)
    given.clients = given.clients or CLIENTS
    given.round_trip = given.round_trip if given.round_trip is not None else (0, 30)
    given.looks = given.looks or ["before", "now"]
    given.only = given.only or [*ROWS, *LOOKS]
    return given


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    given = options(arguments)
    journal = Journal(given.journal)
    if not given.print:
        measure(journal, given)
    said = f"{machine()}; propagation {given.propagation} s{'' if given.wait else ', which no rotation waits for'}."
    print("\n\n".join([said, *tables(journal, given)]))


if __name__ == "__main__":
    main()

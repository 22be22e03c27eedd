"""The commands that only look, over many clients: what each client costs, and the memory of `report`."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from tests.bench.journal import Figures, Journal
from tests.bench.measure import spend, table

if TYPE_CHECKING:
    from tests.bench.many import Sides

LOOKS = ("status", "verify", "doctor", "report", "evidence")
AT, REPORTS = 200, (1000, 5000)
HEAD = ("", "clients", "CPU a client", "wall", "Auth0", "Vault", "AWS", "peak memory", "exit")
TITLES = {"before": "", "now": "**"}


def look(sides: Sides, side: str, command: str, count: int) -> Figures:
    """Run a command over so many clients and return the figures, requests and CPU for each client."""
    fleet = sides.fleet
    members = sides.members(side, count, rotated=count <= AT)
    urls = sides.network.at(0)
    config = str(fleet.config(members, urls))
    fleet.taken()
    with fleet.apart(side):
        spent = spend([*sides.command(side), command, "--config", config], fleet.environment(urls))
    taken = fleet.taken()
    return {
        "cpu": 1000 * spent.cost.cpu / count, "wall": spent.cost.wall, "memory": spent.cost.memory,
        **{end: taken[end] / count for end in ("auth0", "vault", "aws")}, "status": spent.status,
    }  # fmt: skip


def looking(journal: Journal, sides: Sides, given: argparse.Namespace) -> None:
    """Measure the rows that are not in the journal: both sides at `AT` clients, and now `report` with more."""
    few = min(given.most_looks, AT)
    wanted = [(side, command, few) for side in TITLES for command in LOOKS if side in given.looks]
    wanted += [("now", "report", count) for count in REPORTS if count <= given.most_looks and "now" in given.looks]
    for side, command, count in wanted:
        if command in given.only:
            journal.once(f"{command} {side} {count}", lambda s=side, c=command, n=count: look(sides, s, c, n))


def looked(journal: Journal) -> str:
    """Return the table; empty where nothing was measured."""
    rows = []
    for name, figures in journal.rows():
        command, _, rest = name.partition(" ")
        if command in LOOKS:
            side, count = rest.split()
            mark = TITLES[side]
            cells = [f"{figures['cpu']:.1f} ms", f"{figures['wall']:.1f} s"]
            cells += [f"{figures[end]:.2f}" for end in ("auth0", "vault", "aws")]
            cells += [f"{figures['memory']:.0f} MiB", str(figures["status"])]
            rows.append([f"{mark}{command}, {side}{mark}", f"{int(count):,}", *cells])
    return table(HEAD, rows) if rows else ""

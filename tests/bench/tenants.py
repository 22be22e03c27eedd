"""Two tenants in one run, one of which answers 429 and 503 to everything: what that costs the other. Prints Markdown.

`python -m tests.bench.tenants [--clients N] [--runs N] [--both-limited PLAN] [--whole] [--journal FILE]`

In turns: the good tenant's clients alone (`--tenant`), beside the same number of a good tenant, and beside those of the
failing one (`--keep-going`). Each tenant is a local Auth0 in a process of its own. A rate is that of the good tenant's
clients: how many were done, by the time from the command's start to the last of their lines. Beside a failing tenant
the process is killed then, unless `--whole` is given. Sinks in OpenBao only.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from bridge.sandbox.auth0.limits import PLANS
from tests.bench.fleet import A_SECOND, Fleet, Member
from tests.bench.journal import Figures, Journal, add_option
from tests.bench.measure import machine, spend, table
from tests.bench.world import install

GOOD, OTHER = "good", "other"
WAYS = {"alone": "alone", "beside": "beside a good tenant", "failing": "**beside a failing tenant**"}
HEAD = ("the good tenant", "done", "rate (median)", "least", "most", "of alone", "until its last is done",
        "the whole run", "failed in the other")  # fmt: skip
KILLED = "killed"


class Two:
    """Two tenants with as many clients each, and the command that rotates them."""

    def __init__(self, fleet: Fleet, command: Sequence[str], count: int, *, whole: bool) -> None:
        self.fleet = fleet
        self._whole = whole
        self._command = command
        self.members = fleet.add("two", 2 * count)
        self._good = [member for member in self.members if member.tenant == GOOD]
        done = spend([*self._rotate(self.members), "--all", "--adopt", "--yes", "--no-wait"], fleet.environment())
        if done.status != 0:
            raise RuntimeError(f"seeding failed:\n{done.output[-2000:]}")

    def _rotate(self, members: Sequence[Member]) -> list[str]:
        config = str(self.fleet.config(members, defaults='min_interval = "0s"'))
        return [*self._command, "rotate", "--config", config]

    def once(self, way: str) -> Figures:
        """Rotate once in one of the ways, and return the figures."""
        time.sleep(self.fleet.propagation + A_SECOND)  # the fence of the last rotation
        other = self.fleet.tenants[OTHER].auth0
        if way == "failing":
            other.ask("fail")
        rotate = self._rotate(self.members)
        which = ["--tenant", GOOD] if way == "alone" else ["--all"]
        before = sum(self.fleet.changes(self._good))
        began = time.monotonic()
        words = [*rotate, *which, "--keep-going", "--json", "--no-wait"]
        told = self._lines(words, cut=(cut := way == "failing" and not self._whole))
        whole = time.monotonic() - began
        other.ask("mend")
        if way == "failing":
            self._tidy_up()
        names = {member.name for member in self._good}
        done = [at - began for at, client, result in told if client in names and result == "done"]
        failed = sum(client not in names and result != "done" for _, client, result in told)
        changed = sum(self.fleet.changes(self._good)) - before
        if not done or changed != len(done):
            raise RuntimeError(f"{way}: {changed} values changed in the good tenant, and its clients ended with {told}")
        return {"done": len(done), "rate": len(done) / done[-1], "last": done[-1], "whole": whole, "failed": failed,
                "killed": cut}  # fmt: skip

    def _lines(self, words: Sequence[str], *, cut: bool) -> list[tuple[float, str, str]]:
        """Run a command and return when it told which client's result. `cut`: kill it when the good ones are done."""
        found: list[tuple[float, str, str]] = []
        left = {member.name for member in self._good}
        with (self.fleet.home / "errors").open("w") as errors, subprocess.Popen(
            words, env={**self.fleet.environment(), "HOME": str(self.fleet.home), "PYTHONUNBUFFERED": "1"},
            cwd=self.fleet.home, stdout=subprocess.PIPE, stderr=errors, text=True,
        ) as process:  # fmt: skip
            assert process.stdout
            for line in process.stdout:
                told = json.loads(line)
                if "client" in told:
                    found.append((time.monotonic(), told["client"], str(told.get("result", told.get("error")))))
                    left.discard(told["client"])
                if cut and not left:
                    process.kill()
                    break
        return found

    def _tidy_up(self) -> None:
        """Settle what the failing tenant left behind, so that the next turn begins as this one did."""
        config = str(self.fleet.config(self.members))
        words = ["resume", "--all", "--takeover", "--yes", "--no-wait", "--config", config]
        for _ in range(3):
            if spend([*self._command, *words], self.fleet.environment()).status in (0, 5):
                return
            time.sleep(self.fleet.propagation)


def rows(turns: Sequence[dict[str, Figures]]) -> list[list[str]]:
    """Return the cells of all rows."""
    alone = statistics.median(turn["alone"]["rate"] for turn in turns)
    found = []
    for way, title in WAYS.items():
        figures = [turn[way] for turn in turns]
        rates = [one["rate"] for one in figures]
        middle = statistics.median(rates)
        last, whole = (statistics.median(one[name] for one in figures) for name in ("last", "whole"))
        found.append([
            title, str(min(one["done"] for one in figures)), f"{middle:.2f}/s", f"{min(rates):.2f}",
            f"{max(rates):.2f}", f"{middle / alone:.0%}", f"{last:.1f} s",
            KILLED if any(one["killed"] for one in figures) else f"{whole:.1f} s",
            str(max(one["failed"] for one in figures)),
        ])  # fmt: skip
    return found


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clients", type=int, default=40, help="of each tenant")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--both-limited", choices=list(PLANS), help="both tenants have the limits of this plan")
    parser.add_argument("--whole", action="store_true", help="let runs end: a failing tenant's clients take minutes")
    parser.add_argument("--propagation", type=int, default=3, help="seconds")
    add_option(parser)
    given = parser.parse_args(arguments)
    journal, plan = Journal(given.journal), given.both_limited or "no"
    names = {(n, way): f"{way} {given.clients} {plan} limit, turn {n}" for n in range(given.runs) for way in WAYS}
    with ExitStack() as running:
        if not all(map(journal.has, names.values())):
            directory = Path(running.enter_context(tempfile.TemporaryDirectory()))
            command = [sys.executable, str(install(directory))]
            fleet = running.enter_context(Fleet((GOOD, OTHER), kinds=("vault",), propagation=given.propagation))
            two = Two(fleet, command, given.clients, whole=given.whole)
            for tenant in fleet.tenants.values() if given.both_limited else ():
                tenant.auth0.ask("plan", given.both_limited)
            for (_, way), name in names.items():
                journal.once(name, lambda way=way: two.once(way))
    turns = [{way: journal.get(names[n, way]) or {} for way in WAYS} for n in range(given.runs)]
    said = f"{machine()}; {given.clients} clients of each tenant, {plan} limit, {given.runs} turns."
    print(f"{said}\n\n{table(HEAD, rows(turns))}")


if __name__ == "__main__":
    main()

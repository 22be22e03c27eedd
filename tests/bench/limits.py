"""Many clients of one tenant within its rate limits, killed at random moments if asked. Prints Markdown.

`python -m tests.bench.limits [--clients N]... [--plan PLAN | --limit N]... [--kill N]... [--tokens N] [--no-wait]
[--aws] [--journal FILE]`

The local Auth0 has the limits of an Auth0 plan, or the Management API's that `--limit` says, in real time (factor 1),
and counts what arrives. A rotation is proven by probes at the token endpoint, which has a limit of its own: `--tokens`
sets another one, and `--no-wait` sends no probes. Clients have a sink in OpenBao only, unless `--aws` is given, because
moto is slower than the limit. With `--kill` the process gets SIGKILL so often, and the same command goes on, with
`--not-since` the time at which the first one began. *A while later* is after the time for which a dead operation counts
as live, and one more run of the command.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache, partial
from itertools import pairwise
from pathlib import Path
from typing import Any

from bridge.auth0.pace import SUSTAINED, UNKNOWN
from bridge.sandbox.auth0.limits import PLANS, Rate
from tests.bench.fleet import A_SECOND, Fleet, Member
from tests.bench.journal import Figures, Journal, add_option
from tests.bench.measure import machine, table
from tests.bench.world import install

PLAN_NAMES = [name for name, groups in PLANS.items() if "management" in groups]
DEFAULT = ("enterprise", "enterprise-nonproduction")
CEILING = 0.8
TRIES = 12  # runs after the last kill: an operation that died counts as live for a while
POLL = 0.02
MARGINS = 2  # propagation times after which an operation counts as dead
EACH = 0.1  # seconds of this machine that a rotation may take
HEAD = ("clients, limit", "sinks", "killed", "runs", "rotated once", "current value works", "left pending",
        "and a while later", "Management calls a rotation", "calls/s", "of the ceiling", "most in a second", "429",
        "seconds")  # fmt: skip


def limit_of(per_second: float) -> Rate:
    """Return the limit of a plan that has this rate, or one whose burst lets a client expect it from the start."""
    plans = (groups["management"] for groups in PLANS.values() if "management" in groups)
    known = {rate.per_second: rate for rate in plans if rate.burst > rate.per_second}
    burst = max(3, round(per_second * UNKNOWN))
    # What the bridge knows of a plan must not be wrong here.
    return known.get(per_second) or Rate(burst + (SUSTAINED.get(burst, per_second) != per_second), per_second)


@dataclass
class Runs:
    """One command that is given again and again, and what Auth0 counted during all of its runs."""

    fleet: Fleet
    argv: Sequence[str]
    environment: Mapping[str, str]
    words: list[Counter[str]] = field(default_factory=list)
    counted: Counter[str] = field(default_factory=Counter)
    most: int = 0
    seconds: float = 0.0
    """Between the first and the last Management call of each run, in all."""
    pauses: int = 0
    """Those between two Management calls of one run, which are what a rate is made of."""
    killed: int = 0
    last: str = ""

    def once(self, *, kill: float | None = None) -> int:
        """Run it to its end, or kill it so many seconds after its first request. Return its exit status."""
        with (self.fleet.home / "out").open("w+") as out:
            process = subprocess.Popen(self.argv, env=self.environment, cwd=self.fleet.home, text=True,
                                       stdout=out, stderr=subprocess.STDOUT)  # fmt: skip
            try:
                if kill is not None:
                    self._begun(process)
                status = process.wait(kill)
            except subprocess.TimeoutExpired:
                process.kill()
                status = process.wait()
                self.killed += 1
            out.seek(0)
            self.last = out.read()
        (taken,) = self.fleet.taken()["tenants"].values()
        self.counted.update({name: taken[name] for name in ("calls", "limited", "tokens")})
        self.pauses += max(0, taken["calls"] - 1)
        self.most, self.seconds = max(self.most, taken["most"]), self.seconds + taken["seconds"]
        self.words.append(results(self.last))
        return status

    def figures(self) -> dict[str, Any]:
        """Return what there is to journal of the runs so far."""
        odd = self.words[-1].keys() - {"done", "nothing"}
        return {
            "calls": self.counted["calls"], "limited": self.counted["limited"], "most": self.most,
            "seconds": self.seconds, "pauses": self.pauses, "runs": len(self.words), "killed": self.killed,
            "words": [dict(words) for words in self.words], "tail": self.last[-1500:] * bool(odd),
        }  # fmt: skip

    def _begun(self, process: subprocess.Popen[str]) -> None:
        """Wait until the first request. On a busy machine Python alone starts for seconds."""
        (tenant,) = self.fleet.tenants.values()
        while process.poll() is None and not tenant.auth0.ask("arrived"):
            time.sleep(POLL)


def results(text: str) -> Counter[str]:
    """Count the results in the JSON lines of a command. What else it says is left out."""
    found: Counter[str] = Counter()
    for line in text.splitlines():
        try:
            told = json.loads(line)
        except ValueError:  # a line of stderr, or the last one before a kill
            continue
        if isinstance(told, dict) and "client" in told:
            found[str(told.get("result", told.get("error")))] += 1
    return found


@dataclass(frozen=True)
class Case:
    """One row."""

    plan: str
    """The plan whose limits hold, or what `--limit` says: then the rest is that of the plan "enterprise"."""
    clients: int
    kills: int
    kinds: tuple[str, ...]
    tokens: float | None = None
    """What `--tokens` says."""
    proven: bool = True
    """Whether the command waits until each change has spread."""

    @property
    def key(self) -> str:
        tokens = f" {self.tokens:g} tokens/s" if self.tokens else ""
        return (f"{self.plan} {self.clients} clients {self.kills} kills {'+'.join(self.kinds)}{tokens}"
                f"{'' if self.proven else ' no wait'}")  # fmt: skip

    @property
    def limit(self) -> Rate:
        """The Management API's limit."""
        return PLANS[self.plan]["management"] if self.plan in PLANS else limit_of(float(self.plan))


@dataclass(frozen=True)
class Seeded:
    """The clients of some rows, each with a value in every sink, and the command that works on them."""

    fleet: Fleet
    members: Sequence[Member]
    command: Sequence[str]
    propagation: int

    def runs(self, *words: str) -> Runs:
        """Return runs of a command over all clients."""
        given = ["--config", str(self.fleet.config(self.members, defaults='min_interval = "0s"'))]
        environment = {**self.fleet.environment(), "HOME": str(self.fleet.home)}
        return Runs(self.fleet, [*self.command, *words, *given], environment)


@contextmanager
def seeded(clients: int, kinds: Sequence[str], command: Sequence[str], propagation: int) -> Iterator[Seeded]:
    """Start servers, and publish a first value for so many clients."""
    with Fleet(kinds=kinds, propagation=propagation, scans=True) as fleet:
        found = Seeded(fleet, fleet.add("limited", clients), command, propagation)
        seeding = found.runs("rotate", "--all", "--adopt", "--yes", "--no-wait")
        if seeding.once() != 0:
            raise RuntimeError(f"seeding failed:\n{seeding.last[-2000:]}")
        yield found


def case(asked: Case, servers: Callable[[], Seeded], seed: int) -> Figures:
    """Rotate the clients of a row, and return the figures."""
    world = servers()
    fleet, members = world.fleet, world.members
    (tenant,) = fleet.tenants.values()
    time.sleep(world.propagation + A_SECOND)
    versions, changes = {one.name: fleet.stored(one) for one in members}, fleet.changes(members)
    tenant.auth0.ask("plan", asked.plan if asked.plan in PLANS else DEFAULT[0])
    tenant.auth0.ask("limit", asked.limit.burst, asked.limit.per_second)
    if asked.tokens:
        tenant.auth0.ask("limit", round(asked.tokens), asked.tokens, "token")
    since = datetime.now(UTC).isoformat(timespec="seconds")
    words = () if asked.proven else ("--no-wait",)
    runs = world.runs("rotate", "--all", "--json", "--not-since", since, *words)
    began = time.monotonic()
    _to_the_end(runs, asked, random.Random(seed), world.propagation)
    found = {"wall": time.monotonic() - began, **runs.figures()}
    look = world.runs("resume", "--all", "--dry-run", "--json")
    left = _left(look)
    if left:
        time.sleep(MARGINS * world.propagation + A_SECOND)
        runs.once()
    outcome = _outcome(fleet, members, versions, changes)
    return {**found, **outcome, "left": len(left), "what": left, "later": len(_left(look))}


def _left(look: Runs) -> list[str]:
    """Return what there is to settle, or why that cannot be done: a line for each such client."""
    look.once()
    return [line[:500] for line in look.last.splitlines() if '"client"' in line and '"result": "nothing"' not in line]


def _to_the_end(runs: Runs, asked: Case, chance: random.Random, propagation: int) -> None:
    """Kill it as often as asked, and then give the command until nothing is left to do, or too often."""
    # The moments are spread over the least time that the whole work takes, so none of them comes after its end.
    work = asked.clients * max(1 / (CEILING * asked.limit.per_second), EACH)
    moments = sorted(chance.uniform(0, work) for _ in range(asked.kills))
    for before, moment in pairwise((0.0, *moments)):
        runs.once(kill=moment - before)
    for _ in range(TRIES):
        if runs.once() == 0:
            return
        time.sleep(propagation)


def _outcome(fleet: Fleet, members: Sequence[Member], versions: Mapping[str, dict[str, tuple[str, int]]],
             changes: Sequence[int]) -> dict[str, Any]:  # fmt: skip
    """Count the clients that were rotated once, by Auth0 and by Vault's versions, and whose stored value is live."""
    live, now = fleet.values(members), fleet.changes(members)
    stored = {member.name: fleet.stored(member) for member in members}
    once = [
        after == before + 1 and stored[member.name]["vault"][1] == versions[member.name]["vault"][1] + 1
        for member, before, after in zip(members, changes, now, strict=True)
    ]
    works = [all(value == live[name] for value, _ in vaults.values()) for name, vaults in stored.items()]
    return {"once": sum(once), "works": sum(works), "changes": sum(now) - sum(changes)}


def row(asked: Case, found: Figures) -> list[str]:
    """Return the cells of a row."""
    rate, burst = asked.limit.per_second, asked.limit.burst
    pace = found["pauses"] / found["seconds"] if found["seconds"] else 0.0
    return [
        f"{asked.clients:,}, {rate:g}/s, {burst} at once" + ", no wait" * (not asked.proven)
        + (f", {asked.tokens:g} tokens/s" if asked.tokens else ""), " and ".join(asked.kinds),
        str(found.get("killed", asked.kills)), str(found["runs"]), str(found["once"]),
        str(found["works"]), str(found["left"]), str(found["later"]),
        f"{found['calls'] / asked.clients:.2f}", f"{pace:.2f}", f"{pace / (CEILING * rate):.0%}",
        str(found["most"]), str(found["limited"]), f"{found['wall']:.0f} s",
    ]  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clients", type=int, action="append", help="how many; default 100")
    parser.add_argument("--plan", choices=PLAN_NAMES, action="append", help=f"default {DEFAULT}")
    parser.add_argument("--limit", type=float, action="append", help="requests/s, in place of a plan's")
    parser.add_argument("--kill", type=int, action="append", help="how many times; default 0 and 10")
    parser.add_argument("--tokens", type=float, help="requests/s at the token endpoint, in place of a plan's")
    parser.add_argument("--no-wait", action="store_true", help="wait for no change to spread")
    parser.add_argument("--aws", action="store_true", help="with a sink in moto, too")
    parser.add_argument("--propagation", type=int, default=3, help="seconds; a dead operation counts as live for twice")
    parser.add_argument("--seed", type=int, default=1, help="of the moments of the kills")
    add_option(parser)
    given = parser.parse_args(arguments)
    kinds = ("vault", "aws") if given.aws else ("vault",)
    limits = [*(given.plan or ()), *(f"{rate:g}" for rate in given.limit or ())] or DEFAULT
    kills = given.kill if given.kill is not None else (0, 10)
    journal, rows = Journal(given.journal), []
    with ExitStack() as running:
        directory = Path(running.enter_context(tempfile.TemporaryDirectory()))
        command = [sys.executable, str(install(directory))]
        for clients in given.clients or (100,):
            cases = [
                Case(plan, clients, killed, kinds, given.tokens, not given.no_wait)
                for plan in limits
                for killed in kills
            ]
            with ExitStack() as servers:
                world = cache(partial(servers.enter_context, seeded(clients, kinds, command, given.propagation)))
                for asked in cases:
                    journal.once(asked.key, partial(case, asked, world, given.seed))
            rows += [row(asked, journal.get(asked.key) or {}) for asked in cases]
    print(f"{machine()}; propagation {given.propagation} s, time as it is.\n\n{table(HEAD, rows)}")


if __name__ == "__main__":
    main()

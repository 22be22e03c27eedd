"""The same due clients for one machine, for shares without an engine, and for workers on Postgres. Prints Markdown.

`python -m tests.bench.machines [--tenants N] [--clients N] [--workers N]... [--limit N]... [--journal FILE]`

Every tenant is a local Auth0 with a limit in real time: in turns 16/s and 2/s, or what `--limit` says. Below 1/s they
are too rough for the bridge to measure, so a share says little there.
Every client has a sink in OpenBao, and is due once in each row. Rows: `rotate --due --jobs 8`, once for all tenants and
with `--in-turn` for some of them after the others, `worker --once --shard` processes, and processes of `worker` on a
Postgres. A row ends when every value was changed and no sink is locked. In
rows that are killed, a random worker gets SIGKILL all the time and starts again at once, the Postgres is restarted, its
database dropped and made again, and a worker stopped for longer than its lease.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from tests.bench.journal import Figures, Journal, add_option
from tests.bench.machines_faults import Faults
from tests.bench.machines_run import Machines, Process, words
from tests.bench.measure import machine, table
from tests.bench.world import install
from tests.support.postgres import Postgres, name_of

JOBS = "8"
TICK = 1.0
AFTER = 30.0
"""Seconds for which workers are watched that were killed, after nothing was left to do."""
SHARDS, WORKERS = (2, 4), (1, 2, 4)
LIMITS = (16.0, 2.0)
TITLES = {
    "jobs": "`rotate --due --jobs 8`", "shards": "{} x `worker --once --shard`", "workers": "{} x `worker`, Postgres",
    "killed": "**{} x `worker`, killed**",
}  # fmt: skip
HEAD = ("", "clients", "seconds", "rotations/s", "of the ceiling", "least tenant",
        "Management calls a rotation", "fullest second, limit", "429", "peak memory of a process", "later growth",
        "rotated once", "current value works", "left pending")  # fmt: skip
FAULTS = ("", "killed", "ended by themselves", "what else happened", "sweeps until nothing was pending", "seconds")
ENDED = "select 'count=' || count(*) from dbos.workflow_status where name = 'sweep' and status = 'SUCCESS'"


@dataclass(frozen=True)
class Case:
    """One row."""

    way: str
    processes: int
    tenants: int
    clients: int
    """Of each tenant."""
    limits: tuple[float, ...]
    """Requests per second, of the tenants in turns."""
    beside: str = ""
    """The commit whose program every other worker is, if that is not the present one."""
    in_turn: bool = False
    """Whether a process starts when the one before has ended."""

    @property
    def key(self) -> str:
        """Its name in the journal."""
        limits = "+".join(f"{limit:g}" for limit in self.limits)
        beside = f" beside {self.beside}" if self.beside else ""
        in_turn = " in turn" if self.in_turn else ""
        return f"{self.way} {self.processes} {self.tenants} tenants {self.clients} clients {limits}/s{beside}{in_turn}"


def processes(asked: Case, machines: Machines, url: str, given: argparse.Namespace) -> list[Process]:
    """Return the processes of a row, which are not started yet."""
    jobs = ("--jobs", JOBS, "--json")
    share = ("--tenants", str(max(1, given.at_once // asked.processes)))
    names = range(1, asked.processes + 1)
    if asked.way == "jobs":
        return [
            machines.run(f"rotate{n}", "rotate", "--due", *jobs, *of)
            for n, of in enumerate(turns(list(machines.limits), asked.processes), 1)
        ]
    if asked.way == "shards":
        once = ("worker", "--once", *jobs)
        return [machines.run(f"share{n}", *once, "--shard", f"{n}/{asked.processes}") for n in names]
    return [
        machines.run(f"worker{n}", "worker", "--name", f"worker{n}", *share, *jobs, FLEET_DATABASE=url,
                     command=() if n % 2 else given.other)
        for n in names
    ]  # fmt: skip


def turns(tenants: Sequence[str], count: int) -> list[list[str]]:
    """Return the options of `count` runs that together have all of these tenants, each one once."""
    size = -(-len(tenants) // count)
    starts = range(0, len(tenants), size)
    return [[f"--tenant={name}" for name in tenants[at : at + size]] for at in starts]


def case(asked: Case, machines: Machines, given: argparse.Namespace) -> Figures:
    """Rotate the clients of a row, and return the figures."""
    machines.due()
    with ExitStack() as running:
        directory = Path(running.enter_context(tempfile.TemporaryDirectory(prefix="bridge-postgres-")))
        postgres = running.enter_context(Postgres(directory))
        url = postgres.make()
        workers = processes(asked, machines, url, given)
        chance = random.Random(given.seed)
        faults = Faults(workers, postgres, url, chance, given.every) if asked.way == "killed" else None
        try:
            found = _to_the_end(machines, workers, faults, given.most, asked)
        finally:
            statuses = [worker.end() for worker in workers if worker.starts]
        said, others = words([worker for worker in workers if worker.starts])
        if faults:
            found |= {"kills": faults.kills, "ended": faults.ended, "happened": faults.happened,
                      "sweeps": found["sweeps"] and _sweeps(postgres, url, *found["sweeps"])}  # fmt: skip
        return {
            **asdict(asked), **found, **machines.outcome(), "statuses": statuses, "words": dict(said),
            "others": others[-40:], "memory": max(worker.peak for worker in workers),
            "grown": max(grown(worker.memory) for worker in workers),
        }  # fmt: skip


def _to_the_end(machines: Machines, workers: Sequence[Process], faults: Faults | None, most: float,
                asked: Case) -> dict[str, Any]:  # fmt: skip
    """Let processes work until there is nothing left to do, or for too long."""
    began, settled = time.monotonic(), 0.0
    pending: tuple[float, float] | None = None
    ends, waiting, started = asked.way in ("jobs", "shards"), list(workers), list[Process]()
    while time.monotonic() - began < most:
        while waiting and not (asked.in_turn and started and started[-1].status is None):
            started.append(waiting.pop(0))
            started[-1].start()
        time.sleep(TICK)
        for worker in started:
            worker.sample()
        changed = machines.changed()
        done = sum(count > 0 for count in changed) / len(changed)
        if faults:
            faults.tick(done)
        if done == 1 and not settled and (faults is None or faults.over) and machines.free():
            settled = time.monotonic()
            pending = (max(faults.last, began), time.time()) if faults else None
        has_ended = not waiting and all(worker.status is not None for worker in started)
        if has_ended if ends else settled and (not faults or time.monotonic() - settled >= AFTER):
            break
    return {"seconds": (settled or time.monotonic()) - began, "settled": bool(settled), "sweeps": pending}


def _sweeps(postgres: Postgres, url: str, since: float, until: float) -> tuple[int, float]:
    """Return how many sweeps have ended between two moments, and the seconds between them."""
    within = f" and completed_at between {int(since * 1000)} and {int(until * 1000)}"
    told = postgres.say(ENDED + within, name_of(url))
    return int(told.partition("count=")[2].split()[0]), until - since


def grown(memory: Sequence[float]) -> float:
    """Return by how many MiB a process was larger at most in the last half of its time than in the half before."""
    half = len(memory) // 2
    return max(memory[half:], default=0.0) - max(memory[:half], default=0.0) if half else 0.0


def title(found: Figures) -> str:
    """Return the name of a row."""
    beside = f", every other one of {found['beside']}" if found.get("beside") else ""
    in_turn = f", {found['processes']} in turn" if found.get("in_turn") else ""
    return TITLES[found["way"]].format(found["processes"]) + beside + in_turn


def row(found: Figures) -> list[str]:
    """Return the cells of a row."""
    (most, limit), count = found["most"], found["count"]
    return [
        title(found), f"{found['tenants']} x {found['clients']}",
        f"{found['seconds']:.0f} s" if found["settled"] else f"not within {found['seconds']:.0f} s",
        f"{found['once'] / found['seconds']:.2f}", f"{found['share']:.0%}", f"{found['least']:.0%}",
        f"{found['calls'] / count:.2f}", f"{most}, {limit:g}", str(found["limited"]), f"{found['memory']:.0f} MiB",
        f"{found['grown']:+.0f} MiB", str(found["once"]), str(found["works"]), str(found["left"]),
    ]  # fmt: skip


def fault(found: Figures) -> list[str]:
    """Return the cells of a row about what happened to the workers."""
    sweeps, seconds = found["sweeps"] or ("never", 0.0)
    return [title(found), str(found["kills"]), str(found["ended"]), ", ".join(found["happened"]), str(sweeps),
            f"{seconds:.0f} s"]  # fmt: skip


def tables(found: Sequence[Figures]) -> str:
    """Return what there is to print of these rows."""
    killed = [fault(one) for one in found if one["way"] == "killed"]
    return table(HEAD, map(row, found)) + (f"\n\n{table(FAULTS, killed)}" if killed else "")


def cases(given: argparse.Namespace) -> list[Case]:
    """Return the rows that are asked for."""
    runs = -(-given.tenants // given.at_once) if given.in_turn else 1
    counts = {"jobs": (runs,), "shards": given.shards, "workers": given.workers, "killed": (max(given.workers),)}
    ways = given.only or ["jobs", "shards", "workers", "killed"]
    return [
        Case(way, count, given.tenants, given.clients, tuple(given.limit), given.beside, way == "jobs" and count > 1)
        for way in ways for count in counts[way]
    ]  # fmt: skip


def options(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Return what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tenants", type=int, default=20)
    parser.add_argument("--clients", type=int, default=100, help="of each tenant; default 100")
    parser.add_argument("--workers", type=int, action="append", help=f"how many; default {WORKERS}")
    parser.add_argument("--at-once", type=int, default=4, help="tenants that workers have at a time, in all; default 4")
    parser.add_argument("--in-turn", action="store_true", help="`rotate` has that many at a time too, in several runs")
    parser.add_argument("--shards", type=int, action="append", help=f"how many; default {SHARDS}")
    parser.add_argument("--only", choices=["jobs", "shards", "workers", "killed"], action="append")
    parser.add_argument(
        "--limit", type=float, action="append", help=f"requests/s of tenants in turns; default {LIMITS}"
    )
    parser.add_argument("--every", type=float, default=8.0, help="seconds between kills, on average; default 8")
    parser.add_argument("--beside", default="", metavar="COMMIT", help="let every other worker be of this commit")
    parser.add_argument("--sweep", default="5s", help="time between sweeps, such as 30s; default 5s")
    parser.add_argument("--most", type=float, default=3600.0, help="seconds after which a row is given up")
    parser.add_argument("--propagation", type=int, default=9, help="seconds; a dead operation counts as live for twice")
    parser.add_argument("--seed", type=int, default=1, help="of the kills")
    parser.add_argument("--print", action="store_true", help="measure nothing, and print what the journal has")
    add_option(parser)
    given = parser.parse_args(arguments)
    given.workers, given.shards = given.workers or WORKERS, given.shards or SHARDS
    given.limit = given.limit or LIMITS
    return given


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    given = options(arguments)
    journal, wanted = Journal(given.journal), [] if given.print else cases(given)
    with tempfile.TemporaryDirectory() as directory:
        command = [sys.executable, str(install(Path(directory)))]
        left = [asked for asked in wanted if not journal.has(asked.key)]
        given.other = (sys.executable, str(install(Path(directory, "other"), given.beside))) if given.beside else ()
        if left:
            made = Machines(command, tenants=given.tenants, clients=given.clients, limits=given.limit,
                            propagation=given.propagation, sweep=given.sweep)  # fmt: skip
            with made as machines:
                for asked in left:
                    journal.once(asked.key, partial(case, asked, machines, given))
    found = [figures for key, figures in journal.rows() if given.print or key in {asked.key for asked in wanted}]
    print(f"{machine()}; propagation {given.propagation} s, time as it is.\n\n{tables(found)}")
    for one in found:
        for line in one["others"]:
            print(f"{title(one)}: {line}", file=sys.stderr)


if __name__ == "__main__":
    main()

"""Token requests across rotations: readers that try the candidates, and readers of the latest value. Prints Markdown.

`python -m tests.bench.consumers [--variants | --with NAME ...] [--only LETTERS] [--rotations N] [--scale N] [--poll N]`

Life goes `--scale` times faster than the machine's clock: Auth0's 30 s of spreading, caches, polls, patience, the times
between rotations. What the bridge and the servers do is as slow as ever, so a rotation lasts longer than in life. All
populations of a table ask at the same time, each of a client and with an operator of its own. AWS's caching client,
whose interval is an hour, has an Auth0 of its own in which life is as much faster again as an hour is than a poll.
"""

from __future__ import annotations

import argparse
import multiprocessing
import statistics
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from importlib.metadata import version
from typing import Any

from bridge.model.operation import Strategy
from bridge.sandbox.auth0 import LocalAuth0
from tests.bench.consumer_operators import SPREADING, Door, Keeper, Tool, part
from tests.bench.consumer_readers import AWS_CACHE, Faster
from tests.bench.measure import machine, table
from tests.bench.population import AUDIENCE, Population, Signals, Told, live
from tests.bench.world import World

SCALE, POLL, CACHE = 20.0, 300.0, 3600.0  # the last two in seconds of life
BETWEEN = 4 / 3  # polls from one rotation to the next
LITTLE = 20.0  # seconds of life that the bridge waits longer than what caches every candidate is old
GOLDEN = 0.6180339887  # spreads the moments of the rotations evenly over those of the polls
ROTATIONS, IN_VARIANTS = 20, 5
PATIENCE = 60.0  # seconds until all processes have started, or have ended


@dataclass(frozen=True)
class Row:
    """One population: `how` its secret is changed, what its applications read, how many there are, how often they ask.

    `rate` is by the machine's clock. `hours`: its cache's interval is AWS's, not `--poll`.
    """

    name: str
    how: str
    reader: str
    count: int = 6
    rate: float = 5.0
    hours: bool = False


OURS = Row("(a) staged, `bridge.consumer`", "staged", "candidates", 12, 16.0)
AHEAD = Row("(a) the same, read ahead, with `consumer_refresh`", "refreshed", "ahead", 6, 10.0)
DOCUMENT = Row("(c) staged, sibling keys, one document read every 5 min", "sibling_keys", "sibling_keys", 8, 10.0)
STORED = Row("(e) rotated, then stored; latest value, read every 5 min", "tool", "latest", 6, 10.0)
ROWS = (
    OURS,
    Row("(b) staged; latest value, read every 5 min", "staged", "latest"),
    DOCUMENT,
    Row("(d) auth0-generated, `bridge.consumer`", "generated", "candidates"),
    STORED,
    Row("(f) rotated, then stored; AWS's caching client, its defaults", "tool", "aws cache", hours=True),
)
VARIANTS = {
    "outage": ("The vault is down for 60 s from the moment in which Auth0 has the new value", (AHEAD, STORED)),
    "rollback": ("Every second time a rollback instead of a rotation", (STORED,)),
    "compromised": ("Every rotation with `--compromised`", ()),
    "retire": ("150 s after each rotation its fallback is retired", ()),
    "killed": ("The operator is killed when Auth0 has the new value; 120 s later somebody finishes it", (STORED,)),
}
"""What happens, and who is asked beside (a) and (c)."""


@dataclass(frozen=True)
class Run:
    """What the user asked for: `rotations` of each client, `scale`, `poll` in seconds of life, and which variant."""

    rotations: int
    scale: float
    poll: float
    variant: str = "plain"

    def refresh(self, row: Row) -> float:
        """Return how old a value may be, in seconds of life."""
        return CACHE if row.hours else self.poll

    def scale_of(self, row: Row) -> float:
        """Return how much faster than the machine's clock a population lives."""
        return self.scale * self.refresh(row) / self.poll

    def moment(self, number: int) -> float:
        """Return when a rotation is, in polls since the beginning."""
        return BETWEEN * (number + 0.2 + 0.1 * (number * GOLDEN % 1))


@dataclass(frozen=True)
class Scene:
    """A population and who changes its secret."""

    row: Row
    population: Population
    operator: Keeper | Tool
    environ: dict[str, str]


@contextmanager
def scenes(world: World, rows: Sequence[Row], run: Run) -> Iterator[list[Scene]]:
    """Set the populations up, with the servers that they need of their own."""
    with ExitStack() as running:
        made = []
        for number, row in enumerate(rows):
            door, auth0 = running.enter_context(Door(world.bao.url)), world.auth0
            if row.hours:
                auth0 = running.enter_context(LocalAuth0())
            auth0.tenant.settings.propagation = timedelta(seconds=SPREADING / run.scale_of(row))
            made.append(_scene(part(world, auth0, door), door, row, run, f"{run.variant}-{number}"))
        yield made


def _scene(world: World, door: Door, row: Row, run: Run, name: str) -> Scene:
    application = world.add(name, "aws" if row.hours else "vault")
    world.auth0.tenant.grant(application.client_id, AUDIENCE, ())
    scale = run.scale_of(row)
    operator = _operator(world, application, door, row, run)
    if isinstance(operator, Keeper):
        operator.adopt()
    population = Population(
        row.name, application.client_id, application.uris[0], row.reader, run.refresh(row), row.count, row.rate, scale,
        world.auth0.url,
    )  # fmt: skip
    return Scene(row, population, operator, world.environment(tapped=True))


def _operator(world: World, application: Any, door: Door, row: Row, run: Run) -> Keeper | Tool:
    clock, refresh = Faster(run.scale_of(row)), run.poll + LITTLE
    match row.how:
        case "staged":
            return Keeper(world, application, door, clock)
        case "generated":
            return Keeper(world, application, door, clock, strategy=Strategy.AUTH0_GENERATED)
        case "refreshed":
            return Keeper(world, application, door, clock, refresh=refresh)
        case "sibling_keys":
            return Keeper(world, application, door, clock, refresh=refresh, sibling_keys=True)
    return Tool(world, application, door, clock)


def perform(made: Sequence[Scene], run: Run) -> list[Told]:
    """Let all ask while their secrets are changed; return what happened to each population.

    Raises:
        RuntimeError: one of the processes failed.
    """
    context = multiprocessing.get_context("spawn")
    signals = Signals(context.Semaphore(0), context.Event(), context.Event(), context.Queue())
    processes = [context.Process(target=live, args=([each.population], each.environ, signals)) for each in made]
    for process in processes:
        process.start()
    try:
        for _ in range(sum(each.row.count for each in made)):
            if not signals.ready.acquire(timeout=PATIENCE):
                raise RuntimeError("not every application could start")
        signals.go.set()
        began = time.monotonic()
        with ThreadPoolExecutor(len(made)) as operators:
            list(operators.map(lambda each: _change(each.operator, run, began), made))
        time.sleep((run.poll + SPREADING) / run.scale)
    finally:
        signals.go.set()
        signals.ended.set()
    told: dict[str, Told] = dict(signals.results.get(timeout=PATIENCE) for _ in processes)
    for process in processes:
        process.join()
    return [told[each.population.name] for each in made]


def _change(operator: Keeper | Tool, run: Run, began: float) -> None:
    """Change a secret as often as wanted, at its moments or as soon after them as the one before is done."""
    turn = getattr(operator, run.variant)
    for number in range(run.rotations):
        moment = began + run.moment(number) * run.poll / run.scale
        time.sleep(max(0.0, moment - time.monotonic()))
        turn(number)


def report(made: Sequence[Scene], told: Sequence[Told], run: Run) -> str:
    """Return the table, and how exact it is."""
    head = (
        "", "acquisitions", "**refused**", "more than one request", "slowest of those", "longest outage",
        "extra requests of an application for each rotation",
    )  # fmt: skip
    rows = [_cells(each, found, run) for each, found in zip(made, told, strict=True)]
    return f"{table(head, rows)}\n\n{_resolution(made, told)}"


def _cells(scene: Scene, found: Told, run: Run) -> list[str]:
    extra = (found.requests - found.acquisitions) / run.rotations / scene.row.count
    return [
        scene.row.name,
        f"{found.acquisitions:,}",
        f"**{found.refused:,}**",
        f"{found.more:,}",
        f"{found.slowest:.1f} s" if found.more else "-",
        f"{found.outage:.0f} s" if found.refused else "none",
        f"{extra:.1f}",
    ]


def _resolution(made: Sequence[Scene], told: Sequence[Told]) -> str:
    """Say how much of the times is the machine's doing: what a request takes, and the pause between two of them."""
    lines = []
    for hours in sorted({each.row.hours for each in made}):
        those = [(each, found) for each, found in zip(made, told, strict=True) if each.row.hours is hours]
        single = sorted(time for _, found in those for time in found.single)
        pause = max(each.population.scale / each.population.rate for each, _ in those)
        scale = those[0][0].population.scale
        lines.append(
            f"{'(f)' if hours else 'All but (f)'}: life is {scale:g} times faster. An acquisition by one request took "
            f"{statistics.median(single):.2f} s of it at the median and {single[-1]:.1f} s at the most, and an "
            f"application asks every {pause:.0f} s or more often: no time is more exact than that."
        )
    return "\n\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run, and print a table for each variant."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--with", choices=VARIANTS, action="append", dest="named", help="this variant only")
    parser.add_argument("--variants", action="store_true", help="all variants")
    parser.add_argument("--only", help="the letters of the populations, as in `ae`")
    parser.add_argument("--rotations", type=int, help=f"of each client ({ROTATIONS}; in variants {IN_VARIANTS})")
    parser.add_argument("--scale", type=float, default=SCALE)
    parser.add_argument("--poll", type=float, default=POLL, help="seconds of life from one reading to the next")
    given = parser.parse_args(arguments)
    variants = given.named or (list(VARIANTS) if given.variants else ["plain"])
    print(
        f"{machine()}, {AWS_CACHE} {version(AWS_CACHE)}; {given.scale:g} times faster than life, all times in life's."
    )
    with World() as world:
        for variant in variants:
            title, beside = VARIANTS.get(variant, ("", ()))
            rows = (replace(OURS, count=6), replace(DOCUMENT, count=6), *beside) if title else ROWS
            rows = tuple(row for row in rows if not given.only or row.name[1] in given.only)
            times = given.rotations or (IN_VARIANTS if title else ROTATIONS)
            run = Run(times, given.scale, given.poll, variant)
            with scenes(world, rows, run) as made:
                told = perform(made, run)
            print(
                f"\n{title or 'Nothing but rotations'}; {times} for each client.\n\n{report(made, told, run)}",
                flush=True,
            )


if __name__ == "__main__":
    main()

"""Token requests across rotations: readers that try the candidates, and readers of the latest value. Prints Markdown.

`python -m tests.bench.consumers [--rotations N] [--scale N]`

Everything is `--scale` times faster than life: Auth0's 30 s of spreading, caches, polling. All populations ask at the
same time, each client rotated `--rotations` times; the AWS cache, whose default is an hour, sees a rotation each hour.
"""

from __future__ import annotations

import argparse
import multiprocessing
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import hvac

from bridge.plan import Strategy
from bridge.rotate import RotateOptions, rotate
from bridge.timing import Timing
from sinks.clock import SystemClock
from tests.bench.measure import machine, table
from tests.bench.population import AUDIENCE, Population, Told, live
from tests.bench.world import Application, World

SPREADING, POLL, CACHE, BETWEEN = 30.0, 300.0, 3600.0, 400.0  # seconds of life
Turn = Callable[[], None]


def staged(world: World, application: Application, timing: Timing, strategy: Strategy = Strategy.STAGED) -> Turn:
    def turn() -> None:
        with world.credentials():
            rotate(world.job(application, timing=timing), RotateOptions(strategy=strategy, settle=False))

    return turn


def rotated_then_stored(world: World, application: Application) -> Turn:
    """Return what other tools do: have Auth0 make a value, then store it."""
    kv = hvac.Client(url=world.bao.url, token=world.bao.token).secrets.kv.v2
    aws = world.aws_client()
    path = f"apps/{application.name}"

    def turn() -> None:
        tenant = world.auth0.tenant
        tenant.rotate(application.client_id, "tool")
        document = {"client_secret": tenant.secret(application.client_id), "db_url": "postgres://db/billing"}
        if application.place("vault"):
            kv.create_or_update_secret(path, document)
        else:
            import json

            aws.put_secret_value(SecretId=path, SecretString=json.dumps(document))

    return turn


def main(arguments: Sequence[str] | None = None) -> None:
    """Run all populations at once, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rotations", type=int, default=20)
    parser.add_argument("--scale", type=float, default=20.0)
    given = parser.parse_args(arguments)
    scale = given.scale
    with World() as world:
        world.clock = SystemClock()  # type: ignore[assignment]  # here time passes
        spreading = timedelta(seconds=SPREADING / scale)
        timing = Timing(spreading)
        world.auth0.tenant.settings.propagation = spreading
        rows = {
            "(a) staged, `bridge.consumer`": ("staged", "vault", "candidates", POLL, 10, 13.0),
            "(b) staged, latest value, read every 5 min": ("staged", "vault", "latest", POLL, 5, 5.0),
            "(d) auth0-generated, `bridge.consumer`": ("generated", "vault", "candidates", POLL, 5, 5.0),
            "(e) rotated, then stored; latest value, read every 5 min": ("tool", "vault", "latest", POLL, 5, 5.0),
            "(f) rotated, then stored; AWS's cache, 1 h": ("tool", "aws", "latest", CACHE, 5, 5.0),
        }
        made: dict[str, tuple[Population, Turn, float]] = {}
        for number, (name, (how, kind, reader, refresh, count, rate)) in enumerate(rows.items()):
            application = world.add(f"population-{number}", kind)
            world.auth0.tenant.grant(application.client_id, AUDIENCE, ())
            if how != "tool":
                world.adopt(application)
            turn = {
                "staged": lambda a: staged(world, a, timing),
                "generated": lambda a: staged(world, a, timing, Strategy.AUTH0_GENERATED),
                "tool": lambda a: rotated_then_stored(world, a),
            }[how](application)
            population = Population(name, application.client_id, application.uris[0], reader, refresh, count, rate)
            made[name] = population, turn, max(BETWEEN, refresh * 1.1)
        told, rotations = _run(world, made, given.rotations, scale)
    print(_table(told, rotations, scale, given.rotations))


def _run(
    world: World, made: dict[str, tuple[Population, Turn, float]], count: int, scale: float
) -> tuple[dict[str, Told], dict[str, int]]:
    context = multiprocessing.get_context("spawn")
    ended, results = context.Event(), context.Queue()
    environ = world.environment()
    processes = [
        context.Process(target=live, args=(population, world.auth0.url, environ, scale, ended, results))
        for population, _, _ in made.values()
    ]
    for process in processes:
        process.start()
    time.sleep(5)
    began, rotations = time.monotonic(), dict.fromkeys(made, 0)
    while min(rotations[name] for name in made if made[name][2] == BETWEEN) < count:
        for name, (_, turn, between) in made.items():
            if (time.monotonic() - began) * scale >= rotations[name] * between and rotations[name] < count:
                turn()
                rotations[name] += 1
        time.sleep(0.05)
    time.sleep((BETWEEN + SPREADING) / scale)
    ended.set()
    told: dict[str, Told] = dict(results.get(timeout=60) for _ in processes)
    for process in processes:
        process.join()
    return told, rotations


def _table(told: dict[str, Told], rotations: dict[str, int], scale: float, count: int) -> str:
    def row(name: str) -> list[str]:
        found = told[name]
        extra = (found.requests - found.acquisitions) / max(1, rotations[name])
        return [
            name,
            str(rotations[name]),
            f"{found.acquisitions:,}",
            f"{found.refused:,}",
            f"{found.more:,}",
            f"{found.slowest:.1f} s",
            f"{found.outage:.0f} s" if found.refused else "none",
            f"{extra:.1f}",
        ]

    head: tuple[Any, ...] = (
        "", "rotations", "acquisitions", "**refused**", "more than one request", "slowest", "longest outage",
        "extra requests a rotation",
    )  # fmt: skip
    names = sorted(told)
    return f"{machine()}; {scale:g} times faster than life, times in life's.\n\n{table(head, map(row, names))}"


if __name__ == "__main__":
    main()

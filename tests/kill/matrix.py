"""All cases, spread over worker processes: each with servers of its own, and several cases at a time."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from tests.kill.bench import Bench
from tests.kill.case import Rehearsal, Result, judged, points, rehearse
from tests.kill.scenarios import SCENARIOS
from tests.kill.wire import Blow, Point

Queue = Any
"""A `multiprocessing.Queue`."""


@dataclass(frozen=True)
class Rehearse:
    """A task: run a scenario undisturbed."""

    name: str

    def run(self, bench: Bench) -> tuple[str, Rehearsal | str]:
        try:
            return self.name, rehearse(bench, self.name)
        except Exception as error:  # noqa: BLE001  # told in the table
            return self.name, f"{type(error).__name__}: {error}"


@dataclass(frozen=True)
class Strike:
    """A task: one case."""

    name: str
    point: Point
    blow: Blow
    rehearsal: Rehearsal

    def run(self, bench: Bench) -> Result:
        return judged(bench, SCENARIOS[self.name], self.point, self.blow, lambda: self.rehearsal)


@dataclass
class Row:
    """One scenario of the table."""

    name: str
    calls: int = 0
    cases: int = 0
    recovered: int = 0
    rerun: int = 0
    """How many of these were run again: they had died before they had begun."""
    ended: int = 0
    """How often the command had ended before the point came: settling takes a probe more or less."""
    unjudged: list[str] = field(default_factory=list)
    """The cases that the machine was too slow for, each time."""
    repeats: int = 0
    """How often a case had to be repeated, because the machine was too slow."""
    seconds: float = 0.0
    failures: list[str] = field(default_factory=list)

    def add(self, result: Result) -> None:
        self.seconds += result.seconds
        self.repeats += result.repeats
        if not result.reached and not result.faults:
            self.ended += 1
            return
        if result.disturbed:
            self.unjudged.append(f"{result}")
            return
        self.cases += 1
        self.rerun += result.rerun
        if result.faults:
            self.failures.append(f"{result}")
        else:
            self.recovered += 1

    @property
    def good(self) -> bool:
        return self.cases > 0 and self.recovered == self.cases and not self.failures and not self.unjudged


@dataclass(frozen=True)
class Pool:
    """Worker processes: `jobs` of them, each with `threads` cases at a time, most of which wait for time to pass."""

    jobs: int
    threads: int
    propagation: timedelta

    def run(self, rounds: Callable[[Callable[[Sequence[Any]], Iterator[Any]]], None]) -> None:
        """Start the workers, and have `rounds` given a function that maps tasks to results, in no order."""
        context = multiprocessing.get_context("spawn")
        tasks, results = context.Queue(), context.Queue()
        told = (tasks, results, self.threads, self.propagation)
        workers = [context.Process(target=_work, args=told) for _ in range(self.jobs)]
        for worker in workers:
            worker.start()

        def spread(some: Sequence[Any]) -> Iterator[Any]:
            for task in some:
                tasks.put(task)
            for _ in some:
                yield results.get()

        try:
            rounds(spread)
        finally:
            for _ in range(self.jobs * self.threads):
                tasks.put(None)
            for worker in workers:
                worker.join()


def _work(tasks: Queue, results: Queue, threads: int, propagation: timedelta) -> None:
    threading.Thread(target=_end_with_the_parent, daemon=True).start()
    with Bench(propagation) as bench, ThreadPoolExecutor(threads) as pool:

        def loop() -> None:
            for task in iter(tasks.get, None):
                results.put(task.run(bench))

        for ended in [pool.submit(loop) for _ in range(threads)]:
            ended.result()


def _end_with_the_parent() -> None:
    """Servers and operators end with this process."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os.kill(os.getpid(), signal.SIGKILL)


def run(names: Iterable[str], blow: Blow, every: int, pool: Pool) -> list[Row]:
    """Run every case of some scenarios, or with `every` each so-manieth only; say on stderr how far it is."""
    rows = {name: Row(name) for name in names}
    began = time.monotonic()

    def rounds(spread: Callable[[Sequence[Any]], Iterator[Any]]) -> None:
        todo: list[Strike] = []
        rehearsals = dict(spread([Rehearse(name) for name in rows]))
        for name, row in rows.items():
            rehearsal = rehearsals[name]
            if isinstance(rehearsal, str):
                row.failures.append(f"{name}, undisturbed: {rehearsal}")
                continue
            row.calls = len(rehearsal.calls)
            todo += [Strike(name, point, blow, rehearsal) for point in points(rehearsal)[::every]]
        for number, result in enumerate(spread(todo), 1):
            rows[result.scenario].add(result)
            for_now = f"{number}/{len(todo)} after {time.monotonic() - began:.0f} s"
            failed = result.faults and not result.disturbed
            if failed or number % 50 == 0 or number == len(todo):
                print(f"{for_now}{f'  {result}' if failed else ''}", file=sys.stderr, flush=True)

    pool.run(rounds)
    return list(rows.values())

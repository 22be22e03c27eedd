"""Scenarios spread over worker processes: each has servers of its own, and all write into one journal."""

from __future__ import annotations

import multiprocessing
import os
import queue
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from tests.proofs.journal import Journal, Result
from tests.proofs.options import Budget, Shard
from tests.resilience.deaths.explore import WHOLE, Exploration, Tally


@dataclass(frozen=True)
class Work:
    """What workers do: `bench` makes the servers of each, `threads` is how many cases it plays at a time.

    `seconds` is how long they may begin cases, `share` the share of first blows.
    """

    bench: Callable[[], AbstractContextManager[Any]]
    journal: Journal
    jobs: int
    threads: int = 1
    seconds: float | None = None
    share: Shard = WHOLE


def explore(names: Sequence[str], work: Work) -> list[Tally]:
    """Play scenarios: those in which something failed come first, then the large ones."""
    failed = {s for (s, _), entry in work.journal.latest().items() if entry.result is not Result.PASSED}
    order = sorted(names, key=lambda name: (name not in failed, "both" not in name))
    context = multiprocessing.get_context("spawn")
    tasks, results = context.Queue(), context.Queue()
    until = work.seconds and time.time() + work.seconds
    workers = [
        context.Process(target=_run, args=(tasks, results, work, until)) for _ in range(min(work.jobs, len(names)))
    ]
    for name in (*order, *[None] * (len(workers) * work.threads)):
        tasks.put(name)
    for worker in workers:
        worker.start()
    found: list[Tally] = []
    while len(found) < len(order):
        found.append(_next(results, workers))
        print(f"{len(found)}/{len(order)} {found[-1].name}: {found[-1].passed} of {found[-1].cases}", file=sys.stderr)
    for worker in workers:
        worker.join()
    return found


def _next(results: Any, workers: Sequence[Any]) -> Tally:
    while True:
        try:
            tally: Tally = results.get(timeout=1)
        except queue.Empty:
            broken = [worker.exitcode for worker in workers if worker.exitcode]
            assert not broken, f"a worker ended with {broken[0]}"
        else:
            return tally


def _run(tasks: Any, results: Any, work: Work, until: float | None) -> None:
    threading.Thread(target=_end_with_the_parent, daemon=True).start()
    known = work.journal.latest()
    budget = Budget(until and until - time.time())
    with work.bench() as bench, ThreadPoolExecutor(work.threads) as pool:

        def loop() -> None:
            for name in iter(tasks.get, None):
                exploration = Exploration(bench, name, work.journal, known)
                results.put(exploration.run(budget, work.share, _tell))

        loops = [loop] if work.threads == 1 else []
        for one in loops:
            one()
        for ended in [pool.submit(loop) for _ in range(work.threads if work.threads > 1 else 0)]:
            ended.result()


def _tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _end_with_the_parent() -> None:
    """Servers end with this process."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os.kill(os.getpid(), signal.SIGKILL)

"""Scenarios spread over worker processes: each has servers of its own, and its results end in one journal."""

from __future__ import annotations

import multiprocessing
import os
import queue
import signal
import sys
import threading
import time
from collections.abc import Sequence
from typing import Any

from tests.deaths.bench import Bench
from tests.deaths.explore import Exploration, Tally
from tests.proofs.journal import Journal, Result
from tests.proofs.options import Budget, Shard


def explore(names: Sequence[str], journal: Journal, jobs: int, seconds: float | None, share: Shard) -> list[Tally]:
    """Spread scenarios over processes: those in which something failed come first, then the large ones."""
    failed = {s for (s, _), entry in journal.latest().items() if entry.result is not Result.PASSED}
    order = sorted(names, key=lambda name: (name not in failed, "both" not in name))
    context = multiprocessing.get_context("spawn")
    tasks, results = context.Queue(), context.Queue()
    for name in order:
        tasks.put(name)
    until = seconds and time.time() + seconds
    jobs = min(jobs, len(names))
    workers = [context.Process(target=_work, args=(tasks, results, journal, share, until)) for _ in range(jobs)]
    for worker in workers:
        tasks.put(None)
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
            return results.get(timeout=1)
        except queue.Empty:
            broken = [worker.exitcode for worker in workers if worker.exitcode]
            assert not broken, f"a worker ended with {broken[0]}"


def _work(tasks: Any, results: Any, journal: Journal, share: Shard, until: float | None) -> None:
    threading.Thread(target=_end_with_the_parent, daemon=True).start()
    known = {} if share.of > 1 else journal.latest()
    budget = Budget(until and until - time.time())
    with Bench() as bench:
        for name in iter(tasks.get, None):
            exploration = Exploration(bench, name, journal, known)
            results.put(exploration.run(budget, share, lambda text: print(text, file=sys.stderr, flush=True)))


def _end_with_the_parent() -> None:
    """Servers end with this process."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os.kill(os.getpid(), signal.SIGKILL)

"""Some cases in a process of their own, with servers of their own."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from tests.proofs.journal import Journal, Result
from tests.proofs.options import Budget
from tests.resilience.deaths.bench import Bench
from tests.resilience.trust.play import Playing


@dataclass(frozen=True)
class Chunk:
    """Cases that share their servers; `until` is when no further one begins, as `time.time()` tells it."""

    cases: tuple[str, ...]
    journal: Journal
    until: float | None


def play(chunk: Chunk) -> int:
    """Play them, and note each as it ends; return how many were played."""
    threading.Thread(target=_end_with_the_parent, daemon=True).start()
    budget, played = Budget(chunk.until and chunk.until - time.time()), 0
    if budget.over:
        return 0
    with Bench() as bench:
        for case in chunk.cases:
            if budget.over:
                break
            began, playing = time.monotonic(), Playing(bench, int(case.split()[1]))
            faults, took = playing.play(), 0.0
            took = time.monotonic() - began
            result = Result.FAILED if faults else Result.PASSED
            chunk.journal.append("trust", case, result, took, "; ".join(faults), [playing.right])
            played += 1
            if faults:
                print(f"{case} ({playing.name}): {faults[0]}", file=sys.stderr, flush=True)
    return played


def play_really(cases: Iterable[str], journal: Journal, until: float | None, jobs: int) -> None:
    """Play some by real processes in real time, several at once: most of it is waiting."""
    from tests.resilience.kill.bench import Bench as RealBench

    budget = Budget(until and until - time.time())

    def one(bench: RealBench, case: str) -> None:
        if budget.over:
            return
        began, playing = time.monotonic(), Playing(bench, int(case.split()[1]), real=True)
        faults = playing.play()
        result = Result.FAILED if faults else Result.PASSED
        journal.append("trust", case, result, time.monotonic() - began, "; ".join(faults), [playing.right])
        if faults:
            print(f"{case} ({playing.name}): {faults[0]}", file=sys.stderr, flush=True)

    with RealBench() as bench, ThreadPoolExecutor(jobs) as pool:
        for done in [pool.submit(one, bench, case) for case in cases]:
            done.result()


def _end_with_the_parent() -> None:
    """Servers end with this process."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os.kill(os.getpid(), signal.SIGKILL)

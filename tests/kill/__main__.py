"""The whole matrix: `python -m tests.kill`, and `python -m tests.kill --frozen`. Ends with 0 when all recovered."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence
from datetime import timedelta

from tests.kill.bench import PROPAGATION
from tests.kill.matrix import Pool, Row, run
from tests.kill.scenarios import SCENARIOS
from tests.kill.wire import Blow


def table(rows: Sequence[Row], seconds: float) -> str:
    """Return the table; `seconds` is how long all of it took, a row's how long its cases did, one after the other."""
    width = max(len(row.name) for row in rows)
    lines = [f"{'scenario':<{width}}  calls  cases  recovered  run again  seconds"]
    lines += [
        f"{row.name:<{width}}  {row.calls:>5}  {row.cases:>5}  {row.recovered:>9}  {row.rerun:>9}  {row.seconds:>7.0f}"
        for row in rows
    ]
    counted = ("calls", "cases", "recovered", "rerun", "ended")
    calls, cases, recovered, rerun, missed = (sum(getattr(row, what) for row in rows) for what in counted)
    lines += [f"{'all':<{width}}  {calls:>5}  {cases:>5}  {recovered:>9}  {rerun:>9}  {seconds:>7.0f} in all"]
    if missed:
        lines += [f"{missed} more had ended before their point came: settling takes a probe more or less."]
    repeats, unjudged = sum(row.repeats for row in rows), sum(len(row.unjudged) for row in rows)
    if repeats:
        lines += [f"{repeats} times a case was repeated: the machine was too slow for its leases (see --propagation)."]
    if unjudged:
        lines += [f"{unjudged} cases could not be judged, because it was too slow each time."]
    return "\n".join(lines)


def main(argv: Sequence[str] | None = None) -> int:
    """Run what is asked for, print the table, and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.kill", description=__doc__)
    parser.add_argument("--only", action="append", default=[], metavar="TEXT", help="only scenarios with this in them")
    parser.add_argument("--frozen", action="store_true", help="stop the process and wake it later, instead of killing")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="only every N-th case")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, metavar="N", help="worker processes")
    parser.add_argument("--threads", type=int, default=10, metavar="N", help="cases at a time in each of them")
    parser.add_argument("--propagation", type=int, default=PROPAGATION.seconds, metavar="SECONDS",
                        help="on a slow machine: more (a lease is a third of it)")  # fmt: skip
    parser.add_argument("--list", action="store_true", help="print the scenarios")
    told = parser.parse_args(argv)
    names = [name for name in SCENARIOS if not told.only or any(text in name for text in told.only)]
    if told.list or not names:
        print("\n".join(names) or "no scenario has that in its name")
        return 0 if names else 2
    began = time.monotonic()
    pool = Pool(told.jobs, told.threads, timedelta(seconds=told.propagation))
    rows = run(names, Blow.FREEZE if told.frozen else Blow.KILL, told.every, pool)
    print(table(rows, time.monotonic() - began))
    for text in (text for row in rows for text in (*row.failures, *row.unjudged)):
        print(text, file=sys.stderr)
    return 0 if all(row.good for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())

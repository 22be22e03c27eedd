"""Forged tags, labels and lock documents before, within and after every command: `python -m tests.resilience.trust`.

On a real OpenBao, strict moto and the local Auth0, in a virtual time. Each case follows from its number alone, and is
written to a journal as it ends: stopped anywhere, it goes on where it was. Ends with 0 when all has passed, with 1 when
something is wrong, and with 3 when something is left to play.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import sys
import time
from collections import Counter
from collections.abc import Sequence

from tests.proofs import ledger
from tests.proofs.journal import Journal, Result, left
from tests.proofs.options import add
from tests.proofs.registry import PROOFS
from tests.resilience.random.__main__ import seeds
from tests.resilience.trust.worker import Chunk, play, play_really

PROOF = "trust"
CASES = range(1, 3001)
LEFT = 3
EACH = 50  # cases of one worker's servers


def main(argv: Sequence[str] | None = None) -> int:
    """Play what has not passed yet, and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.resilience.trust", description=__doc__)
    parser.add_argument("--cases", type=seeds, default=CASES, metavar="A-B")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, metavar="N", help="worker processes")
    parser.add_argument("--real", action="store_true", help="by real processes in real time, with short propagation")
    add(parser)
    told = parser.parse_args(argv)
    journal = Journal.of(f"{PROOF}-real" if told.real else PROOF, ledger.of(PROOFS[PROOF]), told.journals)
    cases = told.shard.share(("trust", f"case {number}") for number in told.cases)
    todo = [case for _, case in left(cases, journal.latest())]
    until = told.seconds and time.time() + told.seconds
    chunks = [Chunk(tuple(todo[at : at + EACH]), journal, until) for at in range(0, len(todo), EACH)]
    if told.real:
        play_really(todo, journal, until, told.jobs)
    elif chunks:
        with multiprocessing.get_context("spawn").Pool(min(told.jobs, len(chunks)), maxtasksperchild=1) as pool:
            for number, _ in enumerate(pool.imap_unordered(play, chunks), 1):
                print(f"{number} of {len(chunks)} parts", file=sys.stderr, flush=True)
    latest = journal.latest()
    entries = [latest[case] for case in cases if case in latest]
    passed = sum(entry.result is Result.PASSED for entry in entries)
    seconds = sum(entry.seconds for entry in entries)
    print(f"{passed} of {len(cases)} cases have passed on this code, {seconds:.0f} s")
    for what, count in Counter(entry.found[0] for entry in entries if entry.found).most_common():
        print(f"  {count:>5} {what}")
    if not told.real and told.cases == CASES and told.shard.of == 1 and len(entries) == len(cases):
        ledger.record(PROOF, cases=len(cases), passed=passed, seconds=seconds)
    return 1 if passed < len(entries) else 0 if len(entries) == len(cases) else LEFT


if __name__ == "__main__":
    sys.exit(main())

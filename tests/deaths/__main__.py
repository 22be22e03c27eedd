"""Deaths, freezes and late requests, complete over server states: `python -m tests.deaths`.

The real operations, sinks and client libraries run in one process on a real OpenBao, strict moto and the local Auth0,
in a virtual time. Each case is written to a journal as it ends: stopped anywhere, it goes on where it was. Ends with 0
when all has passed, and with 3 when something is left to do.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence

from tests.deaths.cases import scenarios
from tests.deaths.explore import Tally
from tests.deaths.spread import explore
from tests.proofs import ledger
from tests.proofs.journal import Journal
from tests.proofs.options import Shard, add, slice_of
from tests.proofs.registry import PROOFS

PROOF = "deaths"
SLICES = 300
"""Into how many slices commits share the first blows."""


def main(argv: Sequence[str] | None = None) -> int:
    """Play what is asked for, print a table, and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.deaths", description=__doc__)
    parser.add_argument("--only", action="append", default=[], metavar="TEXT", help="only scenarios with this in them")
    parser.add_argument("--slice", metavar="COMMIT", help=f"only a commit's share, one of {SLICES}; keeps no journal")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, metavar="N", help="worker processes")
    parser.add_argument("--list", action="store_true", help="print the scenarios")
    add(parser)
    told = parser.parse_args(argv)
    names = [name for name in scenarios() if not told.only or any(text in name for text in told.only)]
    names = names[told.shard.number - 1 :: told.shard.of]
    if told.list or not names:
        print("\n".join(names) or "no scenario has that in its name")
        return 0 if names else 2
    journal = Journal.of(PROOF, ledger.of(PROOFS[PROOF]), told.journals)
    if told.slice:
        journal.path = journal.path.with_name(f"slice-{os.getpid()}.jsonl")
    began = time.monotonic()
    tallies = explore(names, journal, told.jobs, told.seconds, slice_of(told.slice, SLICES) if told.slice else Shard())
    print(table(tallies, time.monotonic() - began), flush=True)
    if told.slice:
        journal.path.unlink(missing_ok=True)
        return 0 if all(tally.passed == tally.cases for tally in tallies) else 1
    whole = all(tally.whole for tally in tallies) and len(names) == len(scenarios())
    cases, passed = sum(t.cases for t in tallies), sum(t.passed for t in tallies)
    if whole:
        ledger.record(PROOF, cases=cases, passed=passed, seconds=sum(t.seconds for t in tallies))
    if passed < cases:
        return 1
    return 0 if whole or (not all(not tally.whole for tally in tallies) and told.shard.of > 1) else 3


def table(tallies: Sequence[Tally], seconds: float) -> str:
    """Return a row for each scenario and the sums; a row's seconds are those of its cases, whenever played."""
    width = max(len(tally.name) for tally in tallies)
    lines = [f"{'scenario':<{width}}  cases  passed  played now  seconds"]
    for tally in sorted(tallies, key=lambda tally: tally.name):
        counts = f"{tally.cases:>5}  {tally.passed:>6}  {tally.played:>10}  {tally.seconds:>7.0f}"
        lines.append(f"{tally.name:<{width}}  {counts}{'' if tally.whole else '  more are left'}")
    cases, passed, played = (sum(getattr(t, what) for t in tallies) for what in ("cases", "passed", "played"))
    spent = sum(tally.seconds for tally in tallies)
    lines.append(f"{'all':<{width}}  {cases:>5}  {passed:>6}  {played:>10}  {spent:>7.0f}, {seconds:.0f} s in all")
    if synced := sum(tally.synced for tally in tallies):
        lines.append(f"in {synced} of them a late request had written over tags, and it took a sync to go on")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())

"""Searches everything and prints the numbers: `python -m tests.resilience.model [GROUP …]`.

The real sinks and operations run over models of their servers. What bounds the search, beside `limit` ("CUT" in the
table) and what a scenario's name says (stalls, losses, preemptions, foreign writes): calls take no time, a listing has
one page, all of a foreign write is one step, and while a change spreads the probes of one operator meet another edge
of Auth0 than before at most once (twice where it is alone).

A search is deterministic: one that passed on the same code is not repeated. Ends with 1 if any invariant was violated,
and with 3 when something is left to search.
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path
from typing import Any

from tests.proofs import ledger
from tests.proofs.journal import Entry, Journal, Result
from tests.proofs.options import add
from tests.proofs.registry import PROOFS
from tests.resilience.model.scenarios import GROUPS
from tests.resilience.model.spread import NUMBERS, case_of, named, search

PROOF = "model"
HEAD = f"{'scenario':<78}{'states':>9}{'steps':>9}{'worlds':>8}{'quiet':>7}{'resumed':>8}  cut   seconds"
LEFT = 3


def row(entry: Entry) -> str:
    """Return a scenario's row."""
    states, steps, worlds, quiet, resumed, cut = entry.found
    numbers = f"{states:>9}{steps:>9}{worlds:>8}{quiet:>7}{resumed:>8}"
    return f"{entry.scenario:<78}{numbers}  {cut:<4}{entry.seconds:>9.1f}{'' if entry.why == '' else '  FAULT'}"


def main() -> int:
    """Search what has not been searched, print all, and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.resilience.model", description=__doc__)
    parser.add_argument("groups", nargs="*", default=list(GROUPS), help=f"of {', '.join(GROUPS)}")
    parser.add_argument("--traces", type=Path, help="a file for the steps that lead to each fault")
    parser.add_argument("--limit", type=int, default=10**9, help="states after which any search is cut")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, metavar="N", help="worker processes")
    add(parser)
    told = parser.parse_args()
    journal = Journal.of(PROOF, ledger.of(PROOFS[PROOF]), told.journals)
    known, began = journal.latest(), time.monotonic()
    wanted = [(name, case_of(told.limit)) for name in named(told.groups)]
    shared = told.shard.share(dict.fromkeys(wanted))
    todo = [key for key in shared if key not in known or known[key].result is not Result.PASSED]
    print(HEAD, flush=True)
    for key in shared:
        if key not in todo:
            print(row(known[key]), flush=True)
    for entry in search([name for name, _ in todo], told, journal):
        known[entry.scenario, entry.case] = entry
        print(row(entry), flush=True)
        if entry.why:
            print(f"    {entry.why.splitlines()[0]}", flush=True)
        if entry.why and told.traces:
            with told.traces.open("a") as file:
                file.write(f"{entry.scenario}: {entry.why}\n\n")
    return _end(told, [known[key] for key in shared if key in known], len(shared), time.monotonic() - began)


def _end(told: Any, entries: list[Entry], wanted: int, seconds: float) -> int:
    states, steps, _, _, resumed = (sum(int(entry.found[i]) for entry in entries) for i in range(len(NUMBERS)))
    cut = [entry.scenario for entry in entries if entry.found[5] == "CUT"]
    faulty = sum(entry.result is Result.FAILED for entry in entries)
    print(
        f"{len(entries)} of {wanted} scenarios, {states} states, {steps} steps, {resumed} worlds resumed from; "
        f"{faulty} with faults, {len(cut)} cut by their bound; {seconds:.0f} s"
    )
    complete = sorted(told.groups) == sorted(GROUPS) and told.limit >= 10**9 and told.shard.of == 1
    if complete and len(entries) == wanted:
        spent = sum(entry.seconds for entry in entries)
        ledger.record(PROOF, cases=wanted, passed=wanted - faulty, seconds=spent)
    return 1 if faulty else 0 if len(entries) == wanted else LEFT


if __name__ == "__main__":
    raise SystemExit(main())

"""Searches everything and prints the numbers: `python -m tests.model [GROUP …] [--traces FILE] [--limit N]`.

The real sinks and operations run over models of their servers. What bounds the search, beside `limit` ("CUT" in the
table) and what a scenario's name says (stalls, losses, preemptions, foreign writes): calls take no time, a listing has
one page, all of a foreign write is one step, and while a change spreads the probes of one operator meet another edge
of Auth0 than before at most once (twice where it is alone).
"""

from __future__ import annotations

import argparse
import gc
import time
from dataclasses import replace
from pathlib import Path

from tests.model.program import deterministic
from tests.model.scenarios import GROUPS
from tests.model.search import Search
from tests.model.states import Found

HEAD = f"{'scenario':<78}{'states':>9}{'steps':>9}{'worlds':>8}{'quiet':>7}{'resumed':>8}{'faults':>7}  cut   seconds"


def line(found: Found) -> str:
    """Return a scenario's row."""
    numbers = f"{found.states:>9}{found.transitions:>9}{found.worlds:>8}{found.quiescent:>7}{found.resumed:>8}"
    cut = "CUT" if found.cut else "no"
    return f"{found.scenario:<78}{numbers}{len(found.violations):>7}  {cut:<4}{found.seconds:>9.1f}"


def main() -> int:
    """Search, print, and return 1 if any invariant was violated."""
    parser = argparse.ArgumentParser(prog="python -m tests.model", description=main.__doc__)
    parser.add_argument("groups", nargs="*", default=list(GROUPS), help=f"of {', '.join(GROUPS)}")
    parser.add_argument("--traces", type=Path, help="a file for the steps that lead to each fault")
    parser.add_argument("--limit", type=int, default=10**9, help="states after which any search is cut")
    given = parser.parse_args()
    began, all_found = time.perf_counter(), list[Found]()
    print(HEAD, flush=True)
    for group in given.groups:
        for scenario in GROUPS[group]():
            with deterministic():
                search = Search(replace(scenario, limit=min(scenario.limit, given.limit)))
                found = search.run()
            all_found.append(found)
            print(line(found), flush=True)
            for steps in found.violations.values():
                print(f"    {steps[0]}", flush=True)
                if given.traces:
                    with given.traces.open("a") as file:
                        file.write("\n    ".join([f"{found.scenario}: {steps[0]}", *steps[1:]]) + "\n\n")
            del search
            gc.collect()
    print(_summary(all_found, time.perf_counter() - began))
    return 1 if any(found.violations for found in all_found) else 0


def _summary(all_found: list[Found], seconds: float) -> str:
    states, steps = sum(f.states for f in all_found), sum(f.transitions for f in all_found)
    resumed, cut = sum(f.resumed for f in all_found), sum(f.cut for f in all_found)
    faulty = sum(bool(f.violations) for f in all_found)
    return (
        f"{len(all_found)} scenarios, {states} states, {steps} steps, {resumed} worlds resumed from; "
        f"{faulty} with faults, {cut} cut by their bound; {seconds:.0f} s"
    )


if __name__ == "__main__":
    raise SystemExit(main())

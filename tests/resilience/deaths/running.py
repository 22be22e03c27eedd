"""What the commands `tests.resilience.deaths` and `.kill` have in common: options, table, ledger, exit status."""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from tests.proofs import ledger
from tests.proofs.journal import Journal
from tests.proofs.options import Shard, add, slice_of
from tests.proofs.registry import PROOFS
from tests.resilience.deaths.explore import WHOLE, Tally
from tests.resilience.deaths.spread import Work, explore
from tests.resilience.kill.scenarios import SCENARIOS

LEFT = 3
"""The exit status when all that was played has passed, and something is left to play."""


@dataclass(frozen=True)
class Slices:
    """How commits divide the cases: into groups of scenarios, and these into shares of first blows."""

    groups: int
    shares: int

    def of(self, commit: str, names: Sequence[str]) -> tuple[list[str], Shard]:
        """Return a commit's scenarios, and its share of each."""
        number = slice_of(commit, self.groups * self.shares).number - 1
        group = Shard(number % self.groups + 1, self.groups)
        found = [name for name in names if group.takes(name)]
        return found or list(names[:1]), Shard(number // self.groups + 1, self.shares)


def parser(proof: str, about: str | None, slices: Slices) -> argparse.ArgumentParser:
    """Return the options of a proof."""
    found = argparse.ArgumentParser(prog=PROOFS[proof].command, description=about)
    found.add_argument("--only", action="append", default=[], metavar="TEXT", help="only scenarios with this in them")
    found.add_argument(
        "--slice", metavar="COMMIT", help=f"only a commit's share of the cases, one of {slices.groups * slices.shares}"
    )
    found.add_argument("--jobs", type=int, default=os.cpu_count() or 1, metavar="N", help="worker processes")
    found.add_argument("--list", action="store_true", help="print the scenarios")
    add(found)
    return found


def run(proof: str, told: argparse.Namespace, bench: Callable[[], AbstractContextManager[Any]], slices: Slices,
        threads: int = 1) -> int:  # fmt: skip
    """Play what was asked for, print a table, record a complete run, and return the exit status."""
    names = [name for name in SCENARIOS if not told.only or any(text in name for text in told.only)]
    names = names[told.shard.number - 1 :: told.shard.of]
    if told.list or not names:
        print("\n".join(names) or "no scenario has that in its name")
        return 0 if names else 2
    began = time.monotonic()
    journal = Journal.of(proof, ledger.of(PROOFS[proof]), told.journals)
    names, share = slices.of(told.slice, names) if told.slice else (names, WHOLE)
    # A commit's share, and what was asked for by its name, is played in any case.
    done = [] if told.slice or told.only else _done(proof, names)
    left = [name for name in names if name not in {tally.name for tally in done}]
    tallies = done + explore(left, Work(bench, journal, told.jobs, threads, told.seconds, share))
    print(table(tallies, time.monotonic() - began), flush=True)
    cases, passed = sum(tally.cases for tally in tallies), sum(tally.passed for tally in tallies)
    whole = all(tally.whole for tally in tallies)
    if share is WHOLE and not told.only:
        _record(proof, tallies)
    if passed < cases:
        return 1
    if told.slice and not whole:
        print("the time was over before all of this commit's share was played; other commits play others")
    return 0 if whole or told.slice else LEFT


def _done(proof: str, names: Sequence[str]) -> list[Tally]:
    """Return the scenarios that have passed elsewhere, by the ledger."""
    kept = ledger.kept(proof)
    if kept is None:
        return []
    found = [name for name in names if name in kept.cases]
    return [Tally(name, kept.cases[name], kept.cases[name], seconds=kept.seconds[name]) for name in found]


def _record(proof: str, tallies: Sequence[Tally]) -> None:
    kept, now = ledger.kept(proof), ledger.of(PROOFS[proof])
    cases, seconds = (dict(kept.cases), dict(kept.seconds)) if kept else ({}, {})
    for tally in tallies:
        if tally.whole and tally.passed == tally.cases:
            cases[tally.name], seconds[tally.name] = tally.cases, round(tally.seconds)
    if len(cases) == len(SCENARIOS):
        found = sum(cases.values())
        ledger.record(proof, cases=found, passed=found, seconds=sum(seconds.values()))
    elif cases:
        ledger.keep(proof, ledger.Parts(now, len(SCENARIOS), cases, seconds, ledger.libraries()))


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
        lines.append(
            f"in {synced} of them a late request had written over something: it took sync, adopt --repair or a rotation"
        )
    return "\n".join(lines)

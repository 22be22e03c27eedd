"""All cases of a scenario, journaled: what has passed on this code is not played again, but what it found is known."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from tests.proofs.journal import Entry, Journal, Result
from tests.proofs.options import Budget, Shard
from tests.resilience.deaths.cases import Case, Rehearsal, first_cases
from tests.resilience.deaths.play import play, rehearse
from tests.resilience.kill.scenarios import SCENARIOS, Scenario

WHOLE = Shard()
SYNCED = "a late request had written over something: it took what the message says to go on"


@dataclass
class Tally:
    """One scenario: how many cases there are, as far as they are known, and how many of them passed."""

    name: str
    cases: int = 0
    passed: int = 0
    played: int = 0
    synced: int = 0
    seconds: float = 0.0
    whole: bool = True
    """Whether every case is known, and was played."""

    def add(self, entry: Entry, *, played: bool) -> None:
        self.cases += 1
        self.passed += entry.result is Result.PASSED
        self.played += played
        self.synced += entry.why == SYNCED
        self.seconds += entry.seconds


class Exploration:
    """One scenario on one bench."""

    def __init__(self, bench: Any, name: str, journal: Journal, known: dict[tuple[str, str], Entry]) -> None:
        self._bench = bench
        self._scenario: Scenario = SCENARIOS[name]
        self._journal = journal
        self._known = known
        self.tally = Tally(name)

    def run(self, budget: Budget, share: Shard = WHOLE, tell: Callable[[str], None] = print) -> Tally:
        """Play all cases until the budget is over; of a share, its first blows and what follows from them."""
        tally, name = self.tally, self._scenario.name
        try:
            rehearsal = rehearse(self._bench, self._scenario)
        except AssertionError as error:
            self._journal.append(name, "undisturbed", Result.FAILED, 0.0, str(error))
            tell(f"{name}, undisturbed: {error}")
            tally.whole, tally.cases = False, 1
            return tally
        seen = set(rehearsal.states)
        for case in self._cases(rehearsal, seen, share):
            key = name, str(case)
            entry, played = self._known.get(key), False
            if entry is None or entry.result is not Result.PASSED:
                if budget.over:
                    tally.whole = False
                    break
                entry, played = self._play(case, rehearsal, tell), True
                self._known[key] = entry
            tally.add(entry, played=played)
        return tally

    def _cases(self, rehearsal: Rehearsal, seen: set[str], share: Shard) -> Iterator[Case]:
        """Yield first blows, then what follows from what they found; failed ones first."""
        name = self._scenario.name
        first = [case for case in first_cases(self._scenario, rehearsal) if share.takes(name, str(case))]
        failed = [case for case in first if (e := self._known.get((name, str(case)))) and e.result is not Result.PASSED]
        yield from failed
        yield from (case for case in first if case not in failed)
        for case in first:
            if entry := self._known.get((name, str(case))):
                yield from case.children(self._scenario, entry.found, seen)

    def _play(self, case: Case, rehearsal: Rehearsal, tell: Callable[[str], None]) -> Entry:
        began = time.monotonic()
        played = play(self._bench, self._scenario, case, rehearsal)
        took, name = time.monotonic() - began, self._scenario.name
        result = Result.FAILED if played.faults else Result.PASSED
        why = SYNCED if played.synced else ""
        if played.faults:
            why = f"({played.call}) " + "; ".join(played.faults)
            tell(f"{name}: {case} {why}")
        return self._journal.append(name, str(case), result, took, why, played.found)

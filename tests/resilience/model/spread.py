"""Searches spread over processes: each ends as one line of the journal."""

from __future__ import annotations

import gc
import multiprocessing
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from tests.proofs.journal import Entry, Journal, Result
from tests.proofs.options import Budget
from tests.resilience.model.program import deterministic
from tests.resilience.model.scenarios import GROUPS
from tests.resilience.model.search import Search
from tests.resilience.model.states import Found, Scenario

NUMBERS = ("states", "transitions", "worlds", "quiescent", "resumed")


def case_of(limit: int) -> str:
    """Return how a search of a scenario is named: by the bound that was typed."""
    return "whole" if limit >= 10**9 else f"up to {limit} states"


def named(groups: Sequence[str]) -> dict[str, Scenario]:
    """Return the scenarios of some groups by their names."""
    return {scenario.name: scenario for group in groups for scenario in GROUPS[group]()}


def search(names: list[str], told: Any, journal: Journal) -> Iterator[Entry]:
    """Yield what became of each scenario, in the order in which workers end."""
    until = told.seconds and time.time() + told.seconds
    tasks = [(name, told.groups, told.limit, journal, until) for name in names]
    if not tasks:
        return
    workers = min(told.jobs, len(tasks))
    with multiprocessing.get_context("spawn").Pool(workers, maxtasksperchild=40) as pool:
        for entry in pool.imap_unordered(searched, tasks):
            if entry is not None:
                yield entry


def searched(task: tuple[str, list[str], int, Journal, float | None]) -> Entry | None:
    """Search one scenario; None when the time is over."""
    name, groups, limit, journal, until = task
    if Budget(until and until - time.time()).over:
        return None
    scenario = named(groups)[name]
    with deterministic():
        found = Search(replace(scenario, limit=min(scenario.limit, limit))).run()
    gc.collect()
    result = Result.FAILED if found.violations else Result.PASSED
    return journal.append(name, case_of(limit), result, found.seconds, _why(found), _numbers(found))


def _why(found: Found) -> str:
    return "\n\n".join("\n    ".join(steps) for steps in found.violations.values())


def _numbers(found: Found) -> list[str]:
    return [*(str(getattr(found, name)) for name in NUMBERS), "CUT" if found.cut else "no"]

"""Does the quick form find what the slow one finds? `python -m tests.resilience.deaths.planted`, and `--compare`.

A guard of the protocol is removed. The cases in one process are played until one of them fails. Then real processes,
whose code lacks the same guard, play that very case: it has to fail there as well. `--compare` reads both journals, and
tells of how many cases that both have played the verdicts agree.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.proofs import ledger
from tests.proofs.journal import FOLDER, Journal
from tests.proofs.registry import PROOFS
from tests.resilience.deaths.cases import Case, Rehearsal, first_cases
from tests.resilience.deaths.play import play, rehearse
from tests.resilience.kill.scenarios import SCENARIOS, Scenario
from tests.resilience.model import removed, removed_sinks

VARIABLE = "SECRET_BRIDGE_TESTS_PLANTED"
"""Names the fault for processes."""
Patch = pytest.MonkeyPatch

PLANTED: dict[str, tuple[Callable[[Patch], None], str]] = {
    "no look (Vault)": (removed_sinks.no_look_vault, "rotate/staged/vault/open"),
    "no look (AWS)": (removed_sinks.no_look_aws, "rotate/staged/aws/open"),
    "tags after the write": (removed_sinks.tag_after_write, "rotate/staged/vault/first"),
    "Auth0 is changed before all sinks are claimed": (removed.set_before_all_claims, "rotate/staged/both/first"),
    "AWS: the fallback has no label of its own": (removed_sinks.no_pin, "rotate/staged/aws/first"),
    "a soft retirement deletes before it says what": (removed_sinks.deleted_before_named, "retire softly/vault"),
    "sibling keys: nothing is announced": (removed.nothing_announced, "companions/rotate/open/vault"),
    "settling gives back though what is pending is accepted": (
        removed.given_back_though_pending_is_accepted,
        "rotate/staged/vault/open",
    ),
    "settling publishes what is pending, accepted or not": (removed.a_lock_is_an_order, "rotate/staged/vault/open"),
}


def plant(name: str) -> Patch:
    """Remove a guard in this process; undo what is returned."""
    patch = pytest.MonkeyPatch()
    PLANTED[name][0](patch)
    return patch


def main() -> int:
    """Plant each fault, print what finds it, and return 1 where the forms differ."""
    parser = argparse.ArgumentParser(prog="python -m tests.resilience.deaths.planted", description=__doc__)
    parser.add_argument("--only", default="", metavar="TEXT")
    parser.add_argument("--compare", action="store_true", help="compare the two journals instead")
    told = parser.parse_args()
    if told.compare:
        return compare()
    differ = 0
    for name in PLANTED:
        if told.only in name:
            began = time.monotonic()
            found = quickly(name)
            slow = found is not None and slowly(name, *found)
            differ += not slow
            where = f"{SCENARIOS[PLANTED[name][1]].name}: {found[0]}" if found else "by no case"
            print(f"{name}\n    in one process: {where}\n    by processes: {slow}  {time.monotonic() - began:.0f} s")
    return 1 if differ else 0


def quickly(name: str) -> tuple[Case, Rehearsal] | None:
    """Return the first case in one process that fails with the fault, of those that pass without it."""
    from tests.resilience.deaths.bench import Bench

    scenario = SCENARIOS[PLANTED[name][1]]
    with Bench() as bench:
        rehearsal = rehearse(bench, scenario)
        patch = plant(name)
        try:
            case = _failing(bench, scenario, rehearsal)
        finally:
            patch.undo()
        return (case, rehearsal) if case and not play(bench, scenario, case, rehearsal).faults else None


def _failing(bench: Any, scenario: Scenario, rehearsal: Rehearsal) -> Case | None:
    seen = set(rehearsal.states)
    later: list[Case] = []
    for case in first_cases(scenario, rehearsal):
        played = play(bench, scenario, case, rehearsal)
        if played.faults:
            return case
        later += case.children(scenario, played.found, seen)
    return next((case for case in later if play(bench, scenario, case, rehearsal).faults), None)


def slowly(name: str, case: Case, _rehearsal: Rehearsal) -> bool:
    """Tell whether real processes with the fault fail in a case as well, and without it do not."""
    from tests.resilience.kill.bench import Bench

    scenario = SCENARIOS[PLANTED[name][1]]
    verdicts = []
    with Bench() as sound:
        rehearsal = rehearse(sound, scenario)
        verdicts.append(bool(play(sound, scenario, case, rehearsal).faults))
    os.environ[VARIABLE] = name
    try:
        with Bench() as faulty:
            verdicts.append(bool(play(faulty, scenario, case, rehearsal).faults))
    finally:
        del os.environ[VARIABLE]
    return verdicts == [False, True]


def compare(folder: Path = FOLDER) -> int:
    """Print how often both forms have played the same case on this code, and where their verdicts differ."""
    quick, slow = (Journal.of(proof, ledger.of(PROOFS[proof]), folder).latest() for proof in ("deaths", "kill"))
    both = quick.keys() & slow.keys()
    differ = [key for key in both if quick[key].result is not slow[key].result]
    print(f"{len(both)} cases by both forms, {len(both) - len(differ)} with the same verdict")
    for scenario, case in sorted(differ):
        one, other = quick[scenario, case], slow[scenario, case]
        print(f"{scenario}: {case}")
        print(f"    in one process: {one.result} {one.why}\n    by processes: {other.result} {other.why}")
    return 1 if differ else 0


if __name__ == "__main__":
    sys.exit(main())

"""The long run: `python -m tests.resilience.random --seeds 1-80`.

Each seed is some sequences of 60 steps, a new client each, on real servers. A step is a command, with whatever happens
to it, another person's write, a jump of the clock, or a change of rights. It prints the commands, what they ended with,
what happened to them, and the seconds. A broken invariant is shown with all that led to it; the run goes on with other
seeds, and ends with exit status 1. A seed that passed on the same code is not repeated. `--tell` prints each step,
`--shrink` has Hypothesis look for the shortest sequence that breaks the same invariant.
"""

from __future__ import annotations

import argparse
import re
import sys
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from bridge.sandbox.openbao import OpenBao
from tests.e2e.world import World
from tests.proofs import ledger
from tests.proofs.journal import Journal, Result, left
from tests.proofs.options import Budget, add
from tests.proofs.registry import PROOFS
from tests.resilience.random.machine import Machine, Tally
from tests.resilience.random.servers import worlds

PROOF = "random"
STEPS_EACH = 60
EXAMPLES = 4  # of one seed
SEEDS = range(1, 41)
"""The seeds of the whole proof: more than 5,000 steps."""
LEFT = 3


def told_by(make: Callable[..., World], tally: Tally, *, aloud: bool) -> type[Machine]:
    """Return a machine that remembers what it did, for whoever wants to know how it came to break."""

    class Told(Machine):
        story: list[str] = []  # noqa: RUF012  # of the latest run that broke

        def __init__(self) -> None:
            super().__init__(make, tally)
            self._story: list[str] = []

        def teardown(self) -> None:
            try:
                super().teardown()
            finally:
                if not self._whole:
                    Told.story = self._story

        def _say(self, told: str) -> None:
            self._story.append(told)
            if aloud:
                print(told, flush=True)

    return Told


def seeds(text: str) -> range:
    """Read `A-B`."""
    found = re.fullmatch(r"(\d+)(?:-(\d+))?", text)
    if not found or int(found[2] or found[1]) < int(found[1]):
        raise argparse.ArgumentTypeError(f"found {text!r}, expected A-B, for example 1-40")
    return range(int(found[1]), int(found[2] or found[1]) + 1)


def main() -> int:
    """Run what has not passed yet, tell it, and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.resilience.random", description=__doc__)
    parser.add_argument("--seeds", type=seeds, default=SEEDS, metavar="A-B")
    parser.add_argument("--each", type=int, default=STEPS_EACH, help="steps of a sequence")
    parser.add_argument("--tell", action="store_true")
    parser.add_argument("--shrink", action="store_true")
    add(parser)
    given = parser.parse_args()
    journal = Journal.of(PROOF, ledger.of(PROOFS[PROOF]), given.journals)
    known, began, tally = journal.latest(), time.monotonic(), Tally()
    cases = given.shard.share((f"seed {number}", f"{given.each} steps") for number in given.seeds)
    budget = Budget(given.seconds)
    with OpenBao.dev() as bao, worlds(bao) as make:
        for scenario, case in left(cases, known):
            if budget.over:
                break
            before, started = tally.steps, time.monotonic()
            why = _run(int(scenario.split()[1]), make, tally, given)
            took, steps = time.monotonic() - started, tally.steps - before
            result = Result.FAILED if why else Result.PASSED
            known[scenario, case] = journal.append(scenario, case, result, took, why, [str(steps)])
            print(f"{scenario}: {tally.steps} steps, {time.monotonic() - began:.0f} s {result}", flush=True)
    tell(tally, time.monotonic() - began)
    return _end(cases, known, whole=given.seeds == SEEDS and given.each == STEPS_EACH)


def _run(number: int, make: Callable[..., World], tally: Tally, given: Any) -> str:
    """Run one seed; return what broke with all that led to it, or nothing."""
    how = settings(
        max_examples=EXAMPLES, stateful_step_count=given.each, deadline=None, database=None, print_blob=False,
        phases=(Phase.generate, Phase.shrink) if given.shrink else (Phase.generate,), report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    machine: Any = told_by(make, tally, aloud=given.tell)
    try:
        run_state_machine_as_test(seed(number)(machine), settings=how)
    except Exception as error:  # noqa: BLE001  # told, and the next one is tried
        why = "\n".join([f"seed {number}: {type(error).__name__}: {error}", *machine.story])
        print(f"=== {why}")
        return why
    return ""


def _end(cases: list[tuple[str, str]], known: Any, *, whole: bool) -> int:
    entries = [known[case] for case in cases if case in known]
    passed = [entry for entry in entries if entry.result is Result.PASSED]
    steps = sum(int(entry.found[0]) for entry in entries)
    print(f"{len(passed)} of {len(cases)} seeds have passed on this code, {steps} steps")
    if whole and len(entries) == len(cases):
        ledger.record(PROOF, cases=len(cases), passed=len(passed), seconds=sum(entry.seconds for entry in entries))
    return 1 if len(passed) < len(entries) else 0 if len(entries) == len(cases) else LEFT


def tell(tally: Tally, seconds: float) -> None:
    """Print what happened in this run."""
    print(f"{tally.steps} steps in {seconds:.0f} s")
    found: dict[str, Counter[str]] = {
        "commands": tally.commands, "outcomes": tally.outcomes, "mishaps": tally.mishaps, "others": tally.others,
    }  # fmt: skip
    for told, counted in found.items():
        print(f"{told}: {', '.join(f'{name} {count}' for name, count in counted.most_common())}")


if __name__ == "__main__":
    sys.exit(main())

"""The long run: `python -m tests.random --steps 5000`.

It runs sequences of 60 steps, a new client each, on real servers until so many steps were taken. A step is a command,
with whatever happens to it, another person's write, a jump of the clock, or a change of rights. It prints the commands,
what they ended with, what happened to them, and the seconds. A broken invariant is shown with all that led to it; the
run goes on with other sequences, and ends with exit status 1. `--seed` chooses the sequences, `--tell` prints each
step, `--shrink` has Hypothesis look for the shortest sequence that breaks the same invariant.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from bridge.sandbox.openbao import OpenBao
from tests.e2e.world import World
from tests.random.machine import Machine, Tally
from tests.random.servers import worlds

STEPS_EACH = 60
EXAMPLES = 4  # of one seed


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


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.random", description=__doc__)
    parser.add_argument("--steps", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--each", type=int, default=STEPS_EACH)
    parser.add_argument("--tell", action="store_true")
    parser.add_argument("--shrink", action="store_true")
    given = parser.parse_args()
    tally, began, number, broken = Tally(), time.monotonic(), given.seed, 0
    how = settings(
        max_examples=EXAMPLES, stateful_step_count=given.each, deadline=None, database=None, print_blob=False,
        phases=(Phase.generate, Phase.shrink) if given.shrink else (Phase.generate,), report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    with OpenBao.dev() as bao, worlds(bao) as make:
        while tally.steps < given.steps:
            machine = told_by(make, tally, aloud=given.tell)
            try:
                run_state_machine_as_test(seed(number)(machine), settings=how)
            except Exception as error:  # noqa: BLE001  # told, and the next one is tried
                broken += 1
                print(f"=== seed {number}: {type(error).__name__}: {error}")
                print("\n".join(machine.story))  # type: ignore[attr-defined]  # ours alone has a story
            print(f"seed {number}: {tally.steps} steps, {time.monotonic() - began:.0f} s, {broken} broken", flush=True)
            number += 1
    tell(tally, time.monotonic() - began)
    return 1 if broken else 0


def tell(tally: Tally, seconds: float) -> None:
    """Print what happened in all."""
    print(f"{tally.steps} steps in {seconds:.0f} s")
    found = {"commands": tally.commands, "outcomes": tally.outcomes, "mishaps": tally.mishaps, "others": tally.others}
    for told, counted in found.items():
        print(f"{told}: {', '.join(f'{name} {count}' for name, count in counted.most_common())}")


if __name__ == "__main__":
    sys.exit(main())

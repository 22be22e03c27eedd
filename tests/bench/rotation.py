"""One rotation beside a careful shell script of curl, bao and the AWS CLI (`rotate.sh`). Prints Markdown.

`python -m tests.bench.rotation [--runs N] [--only vault|aws|both]`
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.bench.measure import Command, machine, memory, take_turns, times
from tests.bench.world import BENCH, PROPAGATION, Application, World, install

RUNS = 7
KINDS = {"vault": ("vault",), "aws": ("aws",), "both": ("aws", "vault")}
TITLES = {"vault": "Vault", "aws": "AWS", "both": "AWS and Vault"}
A_SECOND = 1.2  # what Vault's clock, told in whole seconds, may lack


def pair(world: World, command: Path, which: str) -> tuple[Application, list[Command]]:
    """Return the bridge's application, and what is compared: the script and the bridge."""
    ours, theirs = (world.add(f"{side}-{which}", *KINDS[which]) for side in ("bridge", "script"))
    world.adopt(ours)
    script = f"script, {TITLES[which]}"
    rotate = [sys.executable, str(command), "rotate", "--no-wait", *ours.arguments]
    return ours, [
        Command(script, ["sh", str(BENCH / "rotate.sh")], world.script(theirs)),
        Command(f"**secret-bridge rotate**, {TITLES[which]}", rotate, world.environment(), script),
    ]


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print. Between two rotations the fallback is retired, and the fence after that passes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=RUNS)
    parser.add_argument("--only", choices=KINDS, action="append")
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as directory, World() as world:
        command = install(Path(directory))
        pairs = [pair(world, command, which) for which in given.only or KINDS]
        measured = [one for _, both in pairs for one in both]

        def between() -> None:
            for application, _ in pairs:
                world.retire(application)
            time.sleep(PROPAGATION.total_seconds() + A_SECOND)

        between()
        take_turns(measured, given.runs, between)
    print(f"{machine()}; {given.runs} runs in turns.\n\n{times(measured)}\n\n{memory(measured)}")


if __name__ == "__main__":
    main()

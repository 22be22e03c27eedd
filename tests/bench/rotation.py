"""One rotation beside a careful shell script of curl, bao and the AWS CLI (`rotate.sh`). Prints Markdown.

`python -m tests.bench.rotation [--runs N] [--only vault|aws|both] [--beside COMMIT]`

With `--beside` the other one is the bridge of that commit, in place of the script.
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


def pair(
    world: World, command: Path, which: str, other: Path | None, beside: str
) -> tuple[list[Application], list[Command]]:
    """Return the bridge's applications, and what is compared: the script, or the bridge of a commit, and the bridge."""
    ours, theirs = (world.add(f"{side}-{which}", *KINDS[which]) for side in ("bridge", "script"))
    world.adopt(ours)
    than, environment = f"{f'rotate of {beside}' if other else 'script'}, {TITLES[which]}", world.environment()
    first = Command(than, ["sh", str(BENCH / "rotate.sh")], world.script(theirs))
    if other:
        world.adopt(theirs)
        first = Command(than, rotate(other, theirs), environment)
    second = Command(f"**secret-bridge rotate**, {TITLES[which]}", rotate(command, ours), environment, than)
    return [ours, theirs] if other else [ours], [first, second]


def rotate(command: Path, application: Application) -> list[str]:
    """Return the command that rotates an application."""
    return [sys.executable, str(command), "rotate", "--no-wait", *application.arguments]


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print. Between two rotations the fallback is retired, and the fence after that passes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=RUNS)
    parser.add_argument("--only", choices=KINDS, action="append")
    parser.add_argument("--beside", default="", metavar="COMMIT", help="compare with this commit's bridge")
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as directory, World() as world:
        command = install(Path(directory))
        other = install(Path(directory, "other"), given.beside) if given.beside else None
        pairs = [pair(world, command, which, other, given.beside) for which in given.only or KINDS]
        measured = [one for _, both in pairs for one in both]

        def between() -> None:
            for application in (each for applications, _ in pairs for each in applications):
                world.retire(application)
            time.sleep(PROPAGATION.total_seconds() + A_SECOND)

        between()
        take_turns(measured, given.runs, between)
    print(f"{machine()}; {given.runs} runs in turns.\n\n{times(measured)}\n\n{memory(measured)}")


if __name__ == "__main__":
    main()

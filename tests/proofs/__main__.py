"""How the proofs stand: `python -m tests.proofs`.

An edited or impossible ledger ends with 1. What is stale is a warning that says what to run. With `--release` it is an
error.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from tests.proofs import ledger
from tests.proofs.registry import PROOFS


def main(argv: Sequence[str] | None = None) -> int:
    """Print a line for each proof and what is missing; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.proofs", description=__doc__)
    parser.add_argument("--release", action="store_true", help="refuse when anything is missing")
    told = parser.parse_args(argv)
    try:
        lines = ledger.read()
    except ValueError as error:
        print(f"the ledger is wrong: {error}", file=sys.stderr)
        return 1
    missing = ledger.stale(lines)
    for name in PROOFS:
        if line := lines.get(name):
            print(f"{name:<10} {line.passed} of {line.cases} cases on {line.date}, {line.seconds} s of machine time")
        if part := ledger.kept(name):
            print(f"{name:<10} {len(part.cases)} of {part.of} parts have passed on the present code")
    for text in missing:
        print(f"{'missing' if told.release else 'warning'}: {text}", file=sys.stderr)
    return 1 if told.release and missing else 0


if __name__ == "__main__":
    sys.exit(main())

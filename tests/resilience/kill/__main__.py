"""The same cases as `python -m tests.resilience.deaths`, by real processes, signals and seconds.

A drawn share is enough from commit to commit (`--slice COMMIT --for 15m`); before a release all of them, in parts.
Each case is written to a journal as it ends. Ends with 0 when all has passed, and with 3 when something is left.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import timedelta
from functools import partial

from tests.resilience.deaths import running
from tests.resilience.deaths.running import Slices
from tests.resilience.kill.bench import PROPAGATION, Bench

PROOF = "kill"
SLICES = Slices(groups=4, shares=5)


def main(argv: Sequence[str] | None = None) -> int:
    """Play what is asked for, and return the exit status."""
    parser = running.parser(PROOF, __doc__, SLICES)
    parser.add_argument("--threads", type=int, default=10, metavar="N", help="cases at a time in each worker")
    parser.add_argument("--propagation", type=int, default=PROPAGATION.seconds, metavar="SECONDS",
                        help="on a slow machine: more (a lease is a third of it)")  # fmt: skip
    told = parser.parse_args(argv)
    bench = partial(Bench, timedelta(seconds=told.propagation))
    return running.run(PROOF, told, bench, SLICES, told.threads)


if __name__ == "__main__":
    sys.exit(main())

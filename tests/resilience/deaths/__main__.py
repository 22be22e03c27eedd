"""Deaths, freezes and late requests, complete over server states.

The real operations, sinks and client libraries run in one process on a real OpenBao, strict moto and the local Auth0,
in a virtual time. Each case is written to a journal as it ends: stopped anywhere, it goes on where it was. Ends with 0
when all has passed, and with 3 when something is left to play.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from tests.resilience.deaths import running
from tests.resilience.deaths.bench import Bench
from tests.resilience.deaths.running import Slices

PROOF = "deaths"
SLICES = Slices(groups=8, shares=40)
"""CI plays one."""


def main(argv: Sequence[str] | None = None) -> int:
    """Play what is asked for, and return the exit status."""
    told = running.parser(PROOF, __doc__, SLICES).parse_args(argv)
    return running.run(PROOF, told, Bench, SLICES)


if __name__ == "__main__":
    sys.exit(main())

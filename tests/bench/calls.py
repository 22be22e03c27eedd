"""The requests of one rotation, counted on the wire, in their order. Prints Markdown.

`python -m tests.bench.calls [--alone]`; the script beside it wants curl, jq and openssl.
"""

from __future__ import annotations

import argparse
import subprocess
from collections.abc import Mapping, Sequence
from datetime import timedelta
from itertools import zip_longest

from bridge.model.timing import Timing
from bridge.operations.rotate import RotateOptions, rotate
from tests.bench.measure import table
from tests.bench.world import BENCH, Application, World

ENDS = ("Auth0", "Vault", "AWS")
TITLES = ("rotation", "rotation over an open fallback", "script")
KINDS = ("aws", "vault")

Counted = Mapping[str, list[str]]


class LongAfter(Timing):
    """Auth0's real times, and so long after the last rotation that there is nothing to wait for."""

    @property
    def fence(self) -> timedelta:
        return timedelta()


def count(world: World, *, alone: bool) -> dict[str, Counted]:
    """Return the requests of each kind of rotation, by the end that they reached; `alone`: without the script."""
    ours, theirs = (world.add(f"{side}-calls", *KINDS) for side in ("bridge", "script"))
    world.adopt(ours, tapped=True)
    _rotate(world, ours)
    world.retire(ours, tapped=True)
    plain = _rotate(world, ours)
    over = _rotate(world, ours)
    if alone:
        return dict(zip(TITLES, (plain, over), strict=False))
    environment = world.script(theirs, tapped=True)
    _taken(world)
    subprocess.run(["sh", str(BENCH / "rotate.sh")], env=environment, check=True)
    return dict(zip(TITLES, (plain, over, _taken(world)), strict=True))


def _rotate(world: World, application: Application) -> Counted:
    session = world.session(application, tapped=True, timing=LongAfter())
    _taken(world)
    with world.credentials():
        rotate(session, RotateOptions(settle=False))
    return _taken(world)


def _taken(world: World) -> Counted:
    return {end: world.wires[end].taken() for end in ENDS}


def totals(counted: Mapping[str, Counted]) -> str:
    """Return how many there were."""
    rows = [(title, *(str(len(found[end])) for end in ENDS)) for title, found in counted.items()]
    return table(("", *ENDS), rows)


def listed(counted: Mapping[str, Counted], end: str) -> str:
    """Return the requests at one end, in their order."""
    columns = [found[end] for found in counted.values()]
    lines = zip_longest(*columns, fillvalue="")
    return table((end, *counted), ((str(number), *line) for number, line in enumerate(lines, 1)))


def main(arguments: Sequence[str] | None = None) -> None:
    """Count and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--alone", action="store_true", help="without the script to compare with")
    given = parser.parse_args(arguments)
    with World() as world:
        counted = count(world, alone=given.alone)
    print("\n\n".join([totals(counted), *(listed(counted, end) for end in ENDS)]))


if __name__ == "__main__":
    main()

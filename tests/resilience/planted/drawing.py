"""Which faults are planted: drawn by a seed, spread over the areas of the product and over the kinds of fault."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, cycle
from pathlib import Path

from tests.resilience.planted.operators import Fault, counts, faults, optional_keywords

AREAS = {
    "evidence": ("bridge/evidence/", "bridge/operations/retirement_conditions.py"),
    "auth0": ("bridge/auth0/",),
    "audit": ("bridge/audit/",),
    "cli": ("bridge/cli/",),
    "consumer": ("bridge/consumer/",),
    "vault": ("sinks/vault/",),
    "aws": ("sinks/aws/",),
    "other": ("bridge/config/", "bridge/doctor/", "bridge/notify/", "bridge/policy/", "bridge/report/"),
    "core": ("bridge/",),
    "sinks": ("sinks/",),
}
LEFT_OUT = ("bridge/sandbox/",)  # what only tests and demonstrations use
TURNS = ("core", "vault", "core", "aws", "core", "auth0", "evidence", "core", "consumer", "sinks", "audit", "cli")
"""The order in which the areas give a fault each; what has no turn is planted only where it is asked for by name."""


def area_of(path: str) -> str:
    """Return the area that a file belongs to."""
    return next(area for area, starts in AREAS.items() if path.startswith(starts))


def sources(root: Path) -> dict[str, str]:
    """Return the product's files and what stands in them."""
    paths = sorted(chain((root / "bridge").rglob("*.py"), (root / "sinks").rglob("*.py")))
    named = ((str(path.relative_to(root)), path) for path in paths)
    return {name: path.read_text() for name, path in named if not name.startswith(LEFT_OUT)}


def every_fault(files: dict[str, str]) -> list[Fault]:
    """Return all that could be planted, in the order of the files."""
    optional = optional_keywords(iter(files.values()))
    return [fault for path, source in files.items() for fault in faults(path, source, optional)]


def draw(found: Iterable[Fault], files: dict[str, str], seed: int, *, areas: Sequence[str] = TURNS) -> Iterator[Fault]:
    """Give the faults in their order: area by area in turns, in each kind by kind, no statement twice."""
    chance = random.Random(seed)
    by_area: dict[str, list[Fault]] = defaultdict(list)
    for fault in found:
        by_area[area_of(fault.path)].append(fault)
    queues = {area: _kind_by_kind(by_area[area], chance) for area in sorted(by_area)}
    used = set()
    for area in cycle(areas):
        if not any(queues.get(area) for area in areas):
            return
        while queue := queues.get(area):
            fault = queue.pop()
            if (fault.path, fault.lines) not in used and counts(fault, files[fault.path]):
                used.add((fault.path, fault.lines))
                yield fault
                break


def _kind_by_kind(given: Sequence[Fault], chance: random.Random) -> list[Fault]:
    """Return the faults so that taking them from the end gives one of each kind in turns."""
    by_kind: dict[str, list[Fault]] = defaultdict(list)
    for fault in given:
        by_kind[fault.kind].append(fault)
    kinds = sorted(by_kind)
    chance.shuffle(kinds)
    for kind in kinds:
        chance.shuffle(by_kind[kind])
    turns = max((len(found) for found in by_kind.values()), default=0)
    order = [by_kind[kind][turn] for turn in range(turns) for kind in kinds if turn < len(by_kind[kind])]
    return order[::-1]

"""What every proof can be told: which share of its cases, for how long, and where it keeps its journal."""

from __future__ import annotations

import argparse
import hashlib
import re
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tests.proofs.journal import FOLDER

UNITS = {"s": 1, "m": 60, "h": 3600}


@dataclass(frozen=True)
class Shard:
    """Share `number` (from 1) of `of`. Which cases belong to it follows from their names alone."""

    number: int = 1
    of: int = 1

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"

    def takes(self, *names: str) -> bool:
        """Tell whether a case is in this share."""
        told = hashlib.sha256("\0".join(names).encode()).digest()
        return int.from_bytes(told[:8]) % self.of == self.number - 1

    def share(self, cases: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
        """Return the cases of this share."""
        return [case for case in cases if self.takes(*case)]


class Budget:
    """How long a proof may begin new cases; None: until it is done."""

    def __init__(self, seconds: float | None) -> None:
        self._end = None if seconds is None else time.monotonic() + seconds

    @property
    def over(self) -> bool:
        """Whether nothing new shall begin."""
        return self._end is not None and time.monotonic() >= self._end


def shard(text: str) -> Shard:
    """Read `I/N`."""
    found = re.fullmatch(r"(\d+)/(\d+)", text)
    if not found or not 1 <= int(found[1]) <= int(found[2]):
        raise argparse.ArgumentTypeError(f"found {text!r}, expected I/N with I from 1 to N, for example 2/5")
    return Shard(int(found[1]), int(found[2]))


def duration(text: str) -> float:
    """Read `90s`, `15m` or `1h` as seconds."""
    found = re.fullmatch(r"(\d+)([smh])", text)
    if not found:
        raise argparse.ArgumentTypeError(f"found {text!r}, expected a number and s, m or h, for example 15m")
    return float(int(found[1]) * UNITS[found[2]])


def slice_of(commit: str, of: int) -> Shard:
    """Return the share that belongs to a commit, by its hash."""
    return Shard(int(hashlib.sha256(commit.encode()).hexdigest(), 16) % of + 1, of)


def add(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument("--shard", type=shard, default=Shard(), metavar="I/N", help="only this share of the cases")
    parser.add_argument("--for", type=duration, dest="seconds", metavar="15m", help="begin no case after that time")
    parser.add_argument("--journals", type=Path, default=FOLDER, metavar="FOLDER", help="where its journal is")

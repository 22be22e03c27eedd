"""A proof's journal: one line of JSON for each case, appended as it ends, so that a proof can be stopped anywhere.

A rerun on the same code skips what has passed and begins with what has not.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path

from tests.proofs.fingerprint import ROOT

FOLDER = ROOT / ".proofs"


class Result(StrEnum):
    """What became of a case. Unjudged: the machine, or a bound of the search, did not let it be told."""

    PASSED = "passed"
    FAILED = "failed"
    UNJUDGED = "unjudged"


@dataclass(frozen=True)
class Entry:
    """One case: `scenario` and `case` name it, `why` is what was wrong or could not be told.

    `found` is what it found that makes further cases.
    """

    fingerprint: str
    scenario: str
    case: str
    result: Result
    seconds: float
    why: str = ""
    found: tuple[str, ...] = ()


class Journal:
    """A file of entries. Several processes may append to the same one."""

    def __init__(self, path: Path, fingerprint: str) -> None:
        self.path = path
        self.fingerprint = fingerprint

    @classmethod
    def of(cls, proof: str, fingerprint: str, folder: Path = FOLDER) -> Journal:
        """Return the usual journal of a proof."""
        return cls(folder / f"{proof}.jsonl", fingerprint)

    def append(self, scenario: str, case: str, result: Result, seconds: float, why: str = "",
               found: Iterable[str] = ()) -> Entry:  # fmt: skip
        """Write down what became of a case."""
        entry = Entry(self.fingerprint, scenario, case, result, round(seconds, 3), why, tuple(found))
        line = f"{json.dumps(asdict(entry), ensure_ascii=False)}\n".encode()
        self.path.parent.mkdir(exist_ok=True, parents=True)
        descriptor = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        try:
            os.write(descriptor, b"\n" + line if self._is_torn() else line)
        finally:
            os.close(descriptor)
        return entry

    def latest(self) -> dict[tuple[str, str], Entry]:
        """Return what is known of each case on this code; a line that was cut by a kill counts for nothing."""
        found: dict[tuple[str, str], Entry] = {}
        if not self.path.exists():
            return found
        for line in self.path.read_bytes().splitlines():
            try:
                told = json.loads(line)
                entry = Entry(**{**told, "result": Result(told["result"]), "found": tuple(told["found"])})
            except (ValueError, TypeError, KeyError):
                continue
            if entry.fingerprint == self.fingerprint:
                found[entry.scenario, entry.case] = entry
        return found

    def _is_torn(self) -> bool:
        with self.path.open("rb") as file:
            if file.seek(0, os.SEEK_END) == 0:
                return False
            file.seek(-1, os.SEEK_END)
            return file.read(1) != b"\n"


def left(cases: Iterable[tuple[str, str]], known: dict[tuple[str, str], Entry]) -> list[tuple[str, str]]:
    """Return the cases that have not passed: what failed or could not be judged first, then the new ones."""
    todo = [case for case in cases if case not in known or known[case].result is not Result.PASSED]
    return sorted(todo, key=lambda case: case not in known)


def counted(entries: Iterable[Entry]) -> Counter[Result]:
    """Return how many cases ended how."""
    return Counter(entry.result for entry in entries)

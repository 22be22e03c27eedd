"""Which tests can notice a fault: what `mapping` saw, kept in one file outside version control."""

from __future__ import annotations

import hashlib
import json
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.resilience.planted.drawing import area_of
from tests.resilience.planted.operators import Fault

NEIGHBOURS = {
    "core": ("tests/e2e/", "tests/contract/"),
    "evidence": ("tests/unit/evidence/", "tests/e2e/"),
    "auth0": ("tests/unit/auth0/", "tests/e2e/"),
    "vault": ("tests/unit/sinks/vault/", "tests/contract/"),
    "aws": ("tests/unit/sinks/aws/", "tests/contract/"),
    "sinks": ("tests/unit/sinks/test_", "tests/contract/"),
    "consumer": ("tests/unit/consumer/",),
    "audit": ("tests/unit/audit/",),
    "cli": ("tests/e2e/", "tests/unit/audit/", "tests/unit/evidence/", "tests/unit/notify/", "tests/unit/doctor/"),
    "other": tuple(f"tests/unit/{room}/" for room in ("config", "doctor", "notify", "policy", "report")),
}
"""Whose tests are run where no test of the map runs a line: they may run it in a process of their own."""

READING = ("tests/docs/", "tests/architecture/")
"""Tests that read what is made at import, without running a line of its users."""


@dataclass
class Map:
    """`lines` gives for each file and line the numbers of tests; `digests` tells whether a file is still the same."""

    tests: list[str] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    lines: dict[str, dict[int, list[int]]] = field(default_factory=dict)
    digests: dict[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path) -> Map:
        """Read the file that `write` wrote."""
        kept = json.loads(path.read_text())
        lines = {file: {int(line): tests for line, tests in of.items()} for file, of in kept.pop("lines").items()}
        return cls(lines=lines, **kept)

    def write(self, path: Path) -> None:
        """Keep the map."""
        path.write_text(json.dumps(self.__dict__))

    def merged(
        self, parts: Iterable[dict[str, dict[str, object]]], files: dict[str, str], whole: tuple[str, ...] = ()
    ) -> Map:
        """Return a map with what was seen newly.

        A test that was run again counts only as it ran now; of files and folders that were run as a `whole`, tests that
        were not run are there no longer.
        """
        parts = list(parts)
        before = dict(zip(self.tests, self.seconds, strict=True))
        seconds = {name: taken for name, taken in before.items() if not name.startswith(whole)}
        seen: dict[str, dict[int, set[str]]] = defaultdict(lambda: defaultdict(set))
        now = {name for part in parts for name in part["seconds"]}
        for path, lines in self.lines.items():
            for line, numbers in lines.items():
                seen[path][line] |= {name for number in numbers if (name := self.tests[number]) in seconds} - now
        for part in parts:
            seconds |= part["seconds"]  # type: ignore[arg-type]  # read from JSON that `mapping` wrote
            for path, of in part["lines"].items():
                for line, names in of.items():  # type: ignore[attr-defined]
                    seen[path][int(line)] |= set(names)
        tests = sorted(seconds)
        number = {name: at for at, name in enumerate(tests)}
        numbered = {
            path: {line: sorted(number[name] for name in names) for line, names in of.items() if names}
            for path, of in seen.items()
        }
        return Map(tests, [seconds[name] for name in tests], numbered, {p: digest(s) for p, s in files.items()})

    def covering(self, fault: Fault, files: dict[str, str]) -> list[int]:
        """Return the tests that run a fault's line, or that of what is made at import the users, or its neighbours."""
        found = self._of(fault.path, range(fault.lines[0], fault.lines[1] + 1)) if not fault.names else set()
        for name in fault.names:
            word = re.compile(rf"\b{re.escape(name)}\b")
            for path, source in files.items():
                found |= self._of(path, (at for at, line in enumerate(source.splitlines(), 1) if word.search(line)))
        found = found or self._in(NEIGHBOURS[area_of(fault.path)])
        return sorted(found | self._in(READING) if fault.names else found)

    def _in(self, folders: tuple[str, ...]) -> set[int]:
        return {at for at, name in enumerate(self.tests) if name.startswith(folders)}

    def _of(self, path: str, lines: Iterable[int]) -> set[int]:
        of = self.lines.get(path, {})
        return {test for line in lines for test in of.get(line, ())}

    def chosen(self, numbers: Sequence[int], budget: float) -> list[int]:
        """Return those of the tests that fit into `budget` seconds: the fastest of every file first, then the next."""
        by_file: dict[str, list[int]] = defaultdict(list)
        for number in sorted(numbers, key=lambda number: self.seconds[number]):
            by_file[self.tests[number].partition("::")[0]].append(number)
        ranked = [(rank, self.seconds[n], n) for found in by_file.values() for rank, n in enumerate(found)]
        chosen: list[int] = []
        spent = 0.0
        for _, seconds, number in sorted(ranked):
            if not chosen or spent + seconds <= budget:
                chosen.append(number)
                spent += seconds
        return sorted(chosen, key=lambda number: self.seconds[number])

    def stale(self, files: dict[str, str]) -> list[str]:
        """Return the files that changed since the map was made."""
        return [path for path, source in files.items() if self.digests.get(path, digest(source)) != digest(source)]


def digest(source: str) -> str:
    """Return what tells one text from another."""
    return hashlib.sha256(source.encode()).hexdigest()[:16]

"""What was judged already: one line of JSON for each fault, appended as its judgement ends."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tests.resilience.planted.covering import digest
from tests.resilience.planted.judging import Verdict
from tests.resilience.planted.operators import Fault

Row = dict[str, Any]


def identity(fault: Fault, source: str) -> str:
    """Return what stays the same as long as the file and the fault do."""
    return digest(f"{fault.path}\0{fault.planted(source)}")


class Journal:
    """A file that may be cut off anywhere: a line that is not whole is judged again."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.rows: dict[str, Row] = {}
        for line in path.read_text().splitlines() if path.exists() else ():
            try:
                row = json.loads(line)
            except ValueError:
                continue
            self.rows[row["id"]] = row

    def judged(self, name: str, *, again: bool) -> bool:
        """Tell whether a fault has its verdict; asked to judge `again`, only a kill is one."""
        row = self.rows.get(name)
        return row is not None and (not again or row["verdict"] == Verdict.KILLED)

    def append(self, row: Row) -> None:
        """Keep a verdict."""
        self.rows[row["id"]] = row
        self._path.parent.mkdir(parents=True, exist_ok=True)
        cut_off = self._path.exists() and not self._path.read_bytes().endswith(b"\n")
        with self._path.open("a") as file:
            file.write(("\n" if cut_off else "") + json.dumps(row) + "\n")


def table(rows: Iterable[Row]) -> str:
    """Return how many faults of each area met which end."""
    rows = list(rows)
    areas = sorted({row["area"] for row in rows})
    lines = [f"{'area':<10}" + "".join(f"{verdict:>12}" for verdict in Verdict)]
    for area in [*areas, "all"]:
        of = [row["verdict"] for row in rows if area in (row["area"], "all")]
        lines.append(f"{area:<10}" + "".join(f"{of.count(verdict):>12}" for verdict in Verdict))
    return "\n".join(lines)

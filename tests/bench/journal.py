"""The rows of a benchmark that are done, in a file, so that it can be stopped and goes on where it was.

One JSON object a line. A row whose line is deleted is measured again.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

Figures = Mapping[str, Any]


class Journal:
    """What was measured before, and what is measured now. Without a path nothing outlives the process."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        lines = path.read_text("utf-8").splitlines() if path and path.exists() else []
        self._rows: dict[str, Figures] = {row["row"]: row["figures"] for row in map(json.loads, lines)}

    def has(self, row: str) -> bool:
        """Return whether a row is done."""
        return row in self._rows

    def get(self, row: str) -> Figures | None:
        """Return the figures of a row, or None where it was not measured."""
        return self._rows.get(row)

    def rows(self) -> list[tuple[str, Figures]]:
        """Return all rows, in the order in which they were measured."""
        return list(self._rows.items())

    def once(self, row: str, measure: Callable[[], Figures]) -> None:
        """Measure a row, unless that was done before."""
        if self.has(row):
            return
        load = os.getloadavg()[0]  # of the machine before, which tells how far rates may be believed
        self._rows[row] = figures = measure()
        if self._path:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.open("a", encoding="utf-8") as file:
                at = datetime.now(UTC).isoformat(timespec="seconds")
                file.write(json.dumps({"row": row, "at": at, "load": round(load, 1), "figures": figures}) + "\n")


def add_option(parser: argparse.ArgumentParser) -> None:
    """Add `--journal FILE` to a benchmark's options."""
    parser.add_argument("--journal", type=Path, help="keeps the rows that are done; what it holds is not run again")

"""The ledger as docs/internals/reliability.md quotes it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from tests.proofs.fingerprint import ROOT
from tests.proofs.registry import PROOFS

if TYPE_CHECKING:
    from tests.proofs.ledger import Line

PAGE = ROOT / "docs" / "internals" / "reliability.md"
BEGIN, END = "<!-- the ledger -->", "<!-- end of the ledger -->"


def quoted(lines: Mapping[str, Line]) -> str:
    """Return the table: each proof, what it shows, its command, and when it last passed on which code."""
    rows = ["| proof | what it plays | command | passed | on | of the code |", "|---|---|---|---|---|---|"]
    for name, proof in PROOFS.items():
        line = lines.get(name)
        passed = f"{line.passed:,} of {line.cases:,}" if line else "never run complete"
        where = (line.date, f"`{line.fingerprint}`") if line else ("-", "-")
        rows.append(f"| {name} | {proof.about} | `{proof.command}` | {passed} | {where[0]} | {where[1]} |")
    return "\n".join(rows)


def block(text: str) -> str:
    """Return what stands between the marks."""
    return text.partition(BEGIN)[2].partition(END)[0].strip()


def rewrite(lines: Mapping[str, Line], page: Path = PAGE) -> None:
    """Have the page quote the ledger."""
    text = page.read_text("utf-8")
    before, mark, rest = text.partition(BEGIN)
    if mark:
        page.write_text(f"{before}{BEGIN}\n{quoted(lines)}\n{END}{rest.partition(END)[2]}", "utf-8")

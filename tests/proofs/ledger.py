"""The ledger: what each proof last passed on, in `docs/internals/proofs.json`.

A proof that takes hours is recorded by its parts as well, so that another machine goes on where one has stopped. A
stale entry (the code has changed since) is a warning, and refuses a release. An entry that cannot be, or that was
edited, is an error.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from tests.proofs import page
from tests.proofs.fingerprint import ROOT, fingerprint, libraries
from tests.proofs.registry import PROOFS, Proof

LEDGER = ROOT / "docs" / "internals" / "proofs.json"


@dataclass(frozen=True)
class Line:
    """One proof. `cases` is how many there are on the code of `fingerprint`, `passed` how many of them have passed."""

    fingerprint: str
    cases: int
    passed: int
    date: str
    command: str
    seconds: int
    libraries: Mapping[str, str] = field(default_factory=dict)

    @property
    def whole(self) -> bool:
        """Whether every case has passed."""
        return self.passed == self.cases


@dataclass(frozen=True)
class Parts:
    """The parts of one proof of which every case has passed on the code of `fingerprint`.

    `cases` and `seconds` are by the parts' names, `of` is how many parts there are.
    """

    fingerprint: str
    of: int
    cases: Mapping[str, int]
    seconds: Mapping[str, float]
    libraries: Mapping[str, str] = field(default_factory=dict)


def read(path: Path = LEDGER) -> dict[str, Line]:
    """Return the ledger's lines by their proofs.

    Raises:
        ValueError: with every fault: edited by hand, or a count that cannot be.
    """
    return _read(path)[0]


def write(lines: Mapping[str, Line], path: Path = LEDGER, parts: Mapping[str, Parts] | None = None) -> None:
    """Write the ledger."""
    told: dict[str, Any] = {"checksum": _checksum(lines, parts or {}), "proofs": _told(lines)}
    if parts:
        told["parts"] = _told(parts)
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"{json.dumps(told, indent=2)}\n", "utf-8")


def record(proof: str, *, cases: int, passed: int, seconds: float, path: Path = LEDGER) -> None:
    """Write down how far a proof has come on the present code."""
    lines, parts = _read(path) if path.exists() else ({}, {})
    now = date.today().isoformat()  # noqa: DTZ011  # a day for people
    command = PROOFS[proof].command
    lines[proof] = Line(of(PROOFS[proof]), cases, passed, now, command, round(seconds), libraries())
    parts.pop(proof, None)
    write(lines, path, parts)
    if path == LEDGER:
        page.rewrite(lines)


def keep(proof: str, found: Parts, path: Path = LEDGER) -> None:
    """Write down which parts of a proof have passed on the present code."""
    lines, parts = _read(path)
    write(lines, path, {**parts, proof: found})


def kept(proof: str, path: Path = LEDGER) -> Parts | None:
    """Return the parts of a proof that have passed on the present code with the present libraries."""
    found = _read(path)[1].get(proof) if path.exists() else None
    fits = found and (found.fingerprint, found.libraries) == (of(PROOFS[proof]), libraries())
    return found if fits else None


def of(proof: Proof) -> str:
    """Return the fingerprint of the code that a proof stands on now."""
    return fingerprint(proof.roots, without=proof.without, files=proof.files)


def stale(lines: Mapping[str, Line], now: Mapping[str, str] | None = None) -> list[str]:
    """Return what is missing, one line for each proof; `now` are the present fingerprints."""
    found = []
    for name, proof in PROOFS.items():
        line, present = lines.get(name), now[name] if now else of(proof)
        if line is None:
            found.append(f"{name}: never recorded; run: {proof.command}")
        elif line.fingerprint != present:
            found.append(f"{name}: the code has changed since {line.date}; run: {proof.command}")
        elif not line.whole:
            found.append(f"{name}: {line.cases - line.passed} of {line.cases} cases are missing; run: {proof.command}")
    return found


def _impossible(name: str, line: Line) -> list[str]:
    found = []
    if name not in PROOFS:
        found.append("there is no such proof")
    elif line.command != PROOFS[name].command:
        found.append("its command is another one than the proof's")
    whole: Any = (line.cases, line.passed, line.seconds)
    if not all(isinstance(number, int) for number in whole) or not 0 <= line.passed <= line.cases or line.cases == 0:
        found.append(f"{line.passed} of {line.cases} cases cannot be")
    if len(line.fingerprint) != 16 or set(line.fingerprint) - set("0123456789abcdef"):
        found.append("its fingerprint is none")
    try:
        if date.fromisoformat(line.date) > date.today():  # noqa: DTZ011  # a day for people
            found.append(f"{line.date} is in the future")
    except (TypeError, ValueError):
        found.append(f"{line.date!r} is no date")
    return found


def _read(path: Path) -> tuple[dict[str, Line], dict[str, Parts]]:
    try:
        told = json.loads(path.read_text("utf-8"))
        lines = {name: Line(**line) for name, line in told["proofs"].items()}
        parts = {name: Parts(**part) for name, part in told.get("parts", {}).items()}
        checksum = told["checksum"]
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"{path.name} cannot be read as a ledger: {error}") from None
    faults = [] if checksum == _checksum(lines, parts) else ["its checksum does not fit: it was edited by hand"]
    faults += [f"{name}: {fault}" for name, line in lines.items() for fault in _impossible(name, line)]
    faults += [f"{name}: its parts cannot be" for name, part in parts.items() if len(part.cases) >= part.of]
    if faults:
        raise ValueError("; ".join(faults))
    return lines, parts


def _told(entries: Mapping[str, Any]) -> dict[str, Any]:
    return {name: asdict(entry) for name, entry in sorted(entries.items())}


def _checksum(lines: Mapping[str, Line], parts: Mapping[str, Parts]) -> str:
    told = json.dumps(_told(lines) | ({"": _told(parts)} if parts else {}), sort_keys=True)
    return hashlib.sha256(f"secret-bridge ledger 1\n{told}".encode()).hexdigest()

"""Where findings are collected, and how a check survives what goes wrong in it."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from bridge.doctor import Finding, Severity
from bridge.doctor.known import KNOWN
from bridge.model.errors import BridgeError
from sinks.errors import SinkError

SKEW = timedelta(seconds=5)
SOON, LATER = timedelta(hours=1), timedelta(hours=24)
"""A token that ends within the first of them is wrong; within the second, worth a note."""
CERTIFICATE = timedelta(days=14)


class Report:
    """The findings about one subject. `title` is how it is headed."""

    def __init__(self, subject: str, title: str) -> None:
        self.subject = subject
        self.title = title
        self.findings: list[Finding] = []

    def ok(self, what: str, kind: str = "ok") -> None:
        """Tell what is as it should be."""
        self.findings.append(Finding(Severity.OK, kind, self.subject, what))

    def note(self, kind: str, what: str, **names: str) -> None:
        """Tell what is worth knowing."""
        self.add(Severity.NOTE, kind, what, **names)

    def wrong(self, kind: str, what: str, **names: str) -> None:
        """Tell what stops or endangers a command."""
        self.add(Severity.WRONG, kind, what, **names)

    def unknown(self, kind: str, what: str, **names: str) -> None:
        """Tell what could not be told."""
        self.add(Severity.UNKNOWN, kind, what, **names)

    def add(self, severity: Severity, kind: str, what: str, **names: str) -> None:
        """Add a finding of a known kind, once; `names` fill in its remedy."""
        known = KNOWN[kind]
        why, remedy = known.why.format_map(names), known.remedy.format_map(names)
        found = Finding(severity, kind, self.subject, what, why, remedy)
        if found not in self.findings:
            self.findings.append(found)

    def skew(self, ahead: timedelta, server: str) -> None:
        """Judge by how much this machine's clock is ahead of a server's; HTTP tells whole seconds."""
        if abs(ahead) > SKEW:
            way = "ahead of" if ahead > timedelta(0) else "behind"
            self.wrong("clock-skew", f"this machine's clock is {abs(ahead).total_seconds():.0f} s {way} {server}'s")

    @contextmanager
    def surviving(self) -> Iterator[None]:
        """Turn whatever goes wrong into a finding: the next check comes. Of a bug only the place is told."""
        try:
            yield
        except (BridgeError, SinkError) as error:
            self.unknown("doctor-stopped", error.message, hint=error.hint or "run doctor again")
        except Exception as error:  # noqa: BLE001  # its text may hold anything
            where = traceback.extract_tb(error.__traceback__)[-1]
            place = f"{where.filename.rpartition('/')[2]}:{where.lineno}"
            self.unknown("doctor-bug", f"this should not happen: {type(error).__name__} at {place}")

"""Collects findings, and keeps the examination going when a check fails."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from bridge.doctor import Finding
from bridge.doctor.known import known
from bridge.model.errors import BridgeError
from bridge.model.printable import printable
from sinks.diagnosis import Severity
from sinks.errors import SinkError

SKEW = timedelta(seconds=5)
"""The largest difference between this machine's clock and a server's that is accepted."""

SEVERAL = ("lines", "remedy")
"""The names that stand for several lines, which the diagnosis of a store has put together."""


class Report:
    """The findings about one subject (`sinks.diagnosis.Findings`). `title` is the heading that is shown."""

    def __init__(self, subject: str, title: str) -> None:
        self.subject = subject
        self.title = title
        self.findings: list[Finding] = []

    def ok(self, what: str) -> None:
        """Add a finding about what is as it should be.

        It has no id of its own, no reason and no remedy, and `doctor --quiet` leaves it out.
        """
        self.findings.append(Finding(Severity.OK, "ok", self.subject, what))

    def note(self, kind: str, what: str, **names: str) -> None:
        """Add a finding that is worth knowing but stops nothing."""
        self.add(Severity.NOTE, kind, what, **names)

    def wrong(self, kind: str, what: str, **names: str) -> None:
        """Add a finding that stops or endangers a command."""
        self.add(Severity.WRONG, kind, what, **names)

    def unknown(self, kind: str, what: str, **names: str) -> None:
        """Add a finding about what could not be checked.

        It does not count as wrong: doctor's exit status stays 0 if nothing else is found.
        """
        self.add(Severity.UNKNOWN, kind, what, **names)

    def add(self, severity: Severity, kind: str, what: str, **names: str) -> None:
        """Add a finding of a known kind, unless it is there already.

        `kind` is a key of `known()`. `names` fill in the braces in its texts, and contain every name that they use.
        """
        text = known()[kind]
        # A remedy is read line by line, and a foreign name must not add lines of its own to it.
        names = {name: told if name in SEVERAL else printable(told) for name, told in names.items()}
        # A finding without its reason and remedy could not be acted upon, so a
        # missing name is an error here and not an empty text.
        why, remedy = text.why.format_map(names), text.remedy.format_map(names)
        found = Finding(severity, kind, self.subject, what, why, remedy)
        # A sink may be reached by several clients, and the same fault is to be read once.
        if found not in self.findings:
            self.findings.append(found)

    def skew(self, ahead: timedelta, server: str) -> None:
        """Report a clock that differs from a server's. `ahead` is by how much this machine's clock is ahead.

        HTTP dates have whole seconds, so small differences mean nothing.
        """
        if abs(ahead) > SKEW:
            way = "ahead of" if ahead > timedelta(0) else "behind"
            self.wrong("clock-skew", f"this machine's clock is {abs(ahead).total_seconds():.0f} s {way} {server}'s")

    @contextmanager
    def surviving(self) -> Iterator[None]:
        """Turn an error of the enclosed check into a finding, so that the next check can run.

        Of an unexpected exception only the type and the line in the code are reported. Its text may hold a secret.
        """
        try:
            yield
        except (BridgeError, SinkError) as error:
            self.unknown("doctor-stopped", error.message, hint=error.hint or "run doctor again")
        except Exception as error:  # noqa: BLE001  # a bug must not end the examination either
            where = traceback.extract_tb(error.__traceback__)[-1]
            line = f"{where.filename.rpartition('/')[2]}:{where.lineno}"
            self.unknown("doctor-bug", f"this should not happen: {type(error).__name__} at {line}")

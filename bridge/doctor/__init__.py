"""Checks that find what would prevent a rotation, before it does.

Each finding says why it matters and how to fix it. Nothing is changed, and no value is read where metadata are enough.
`examine` runs the checks, and the other modules judge the answers.
"""

from __future__ import annotations

from dataclasses import dataclass

from sinks.diagnosis import Severity


@dataclass(frozen=True)
class Finding:
    """One finding, as one line of a report. No field holds a secret value."""

    severity: Severity
    """How serious it is."""
    id: str
    """The kind of finding, a key of `known.known()`, or `ok`. An id never changes its meaning."""
    subject: str
    """What the finding is about, such as "vault eu" or "eu://secret/apps/billing"."""
    what: str
    """What was found."""
    why: str = ""
    """Why it matters. Empty where nothing is wrong."""
    remedy: str = ""
    """What to paste to fix it. Text that is not a command, a setting or a policy stands behind a `#`."""

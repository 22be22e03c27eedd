"""What stands in the way of rotating, found before it does: each finding with why it matters and what mends it.

Nothing is changed, and no value is read where metadata tell as much. `examine` asks, the other modules judge.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """What a finding means: `wrong` stops or endangers a command, `note` does not, `unknown` could not be told."""

    OK = "ok"
    NOTE = "note"
    WRONG = "wrong"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Finding:
    """One line. `subject` is what it is about ("vault eu", "eu://secret/apps/billing"); `id` never changes its meaning.

    `remedy` can be pasted as it is: what is not a command, a setting or a policy stands behind a `#`. No secret gets
    in here.
    """

    severity: Severity
    id: str
    subject: str
    what: str
    why: str = ""
    remedy: str = ""

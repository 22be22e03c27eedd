"""What can be told, and what a message says. Pure; docs/notifications.md explains each event."""

from __future__ import annotations

import secrets
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bridge.model.outcome import Outcome
    from bridge.planning.status import Status

SCHEMA = 1


class Event(StrEnum):
    """Something to tell of; the most urgent first."""

    INCOMPLETE = "incomplete"
    FAILED = "failed"
    ATTENTION = "attention"
    OVERDUE = "overdue"
    FALLBACK_USED = "fallback-used"
    REFUSED = "refused"
    DUE_TO_BE_RETIRED = "due-to-be-retired"
    ROTATED = "rotated"
    RETIRED = "retired"


OF_STATUS = {1: Event.FAILED, 2: Event.FAILED, 3: Event.INCOMPLETE, 4: Event.REFUSED, 5: Event.ATTENTION}
"""What an exit status means; 0 depends on what was done."""

SEVERITY = {
    Event.INCOMPLETE: "failure",
    Event.FAILED: "failure",
    Event.ATTENTION: "warning",
    Event.OVERDUE: "warning",
    Event.FALLBACK_USED: "warning",
    Event.REFUSED: "warning",
    Event.DUE_TO_BE_RETIRED: "info",
    Event.ROTATED: "success",
    Event.RETIRED: "success",
}
"""In apprise's words: it decides about colours and priorities."""


@dataclass(frozen=True)
class Message:
    """One message: a title of one line, a body of plain text, and the same for programs.

    `id` is the message's own: whoever gets it twice can tell.
    """

    event: Event
    title: str
    body: str
    fields: Mapping[str, Any] = field(default_factory=dict)
    id: str = field(default_factory=lambda: f"n-{secrets.token_hex(8)}")

    def wire(self) -> dict[str, Any]:
        """Return it as the messenger is given it."""
        told = {"schema": SCHEMA, "id": self.id, "event": str(self.event), **self.fields}
        return {"title": self.title, "body": self.body, "severity": SEVERITY[self.event], "fields": told}


def text(lines: Iterable[str]) -> str:
    """Join lines; one that holds line breaks goes on indented, so that nobody can make it look like two."""
    return "\n".join("\n    ".join(_plain(part) for part in line.splitlines()) for line in lines)


def title(*words: str) -> str:
    """Return a title: names in it can be nobody's markup and nobody's mention."""
    joined = " ".join(_plain(word) for word in words)
    return "".join(char if char.isalnum() or char in " .,:-_()" else "·" for char in joined)


def _plain(line: str) -> str:
    """Replace what would not be seen, or would turn the text around: control and format characters."""
    return "".join("�" if unicodedata.category(char) in ("Cc", "Cf", "Cs", "Zl", "Zp") else char for char in line)


def of_outcome(done: Outcome) -> Event | None:
    """Return what to tell of an operation that raised nothing; None: not worth a message."""
    from bridge.model.operation import SOFT, Operation

    if done.result == "planned":
        return None
    if done.exit_status:
        return OF_STATUS[done.exit_status]
    if done.operation is Operation.RETIRE or done.operation in SOFT:
        return Event.RETIRED
    if done.operation is Operation.SETTLE and not done.published:
        return None
    return None if done.operation in (Operation.ADOPT, Operation.FORGET) else Event.ROTATED


def of_status(seen: Status) -> Event | None:
    """Return what to tell of how a client stands; None: nothing."""
    from bridge.planning.status import Kind

    known = {Kind.INTERRUPTED: Event.INCOMPLETE, Kind.FALLBACK_OVERDUE: Event.OVERDUE, Kind.DUE: Event.OVERDUE}
    if seen.attention:
        return known.get(seen.kind, Event.ATTENTION)
    may_go = seen.kind is Kind.OK and seen.retire_from is not None and seen.at >= seen.retire_from
    return Event.DUE_TO_BE_RETIRED if may_go else None

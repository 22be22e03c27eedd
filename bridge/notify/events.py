"""The events of notifications and the texts of the messages. Pure. docs/guide/notifications.md explains each event."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from bridge.model.printable import printable

if TYPE_CHECKING:
    from bridge.model.outcome import Outcome
    from bridge.planning.status import Status

SCHEMA = 1
"""The version of the fields that programs read."""


class Event(StrEnum):
    """An event that can be notified, the most urgent first."""

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
"""The event of each exit status. For 0 it depends on the operation."""

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
"""The severity in apprise's terms. Services derive colours and priorities from it."""


@dataclass(frozen=True)
class Message:
    """One message, for people and for programs."""

    event: Event
    """What happened."""
    title: str
    """One line."""
    body: str
    """Plain text."""
    fields: Mapping[str, Any] = field(default_factory=dict)
    """The same content for programs."""
    id: str = field(default_factory=lambda: f"n-{os.urandom(8).hex()}")
    """Identifies the message, so that a receiver can recognise a duplicate."""

    def wire(self) -> dict[str, Any]:
        """Return the message as the messenger reads it, ready for JSON.

        Its fields for programs also hold the version of the schema, the id and the event.
        """
        told = {"schema": SCHEMA, "id": self.id, "event": str(self.event), **self.fields}
        return {"title": self.title, "body": self.body, "severity": SEVERITY[self.event], "fields": told}


def text(lines: Iterable[str]) -> str:
    """Join lines to a text.

    Each line may hold foreign text. A line break inside it is shown as an escape, so that it cannot pass for another
    line.

    The result has no line break at its end.
    """
    return "\n".join(map(printable, lines))


def title(*words: str) -> str:
    """Join words to a title.

    Names in it may be foreign text. Every character that could be markup or a mention is replaced.
    """
    joined = " ".join(words)
    return "".join(char if char.isalnum() or char in " .,:-_()" else "·" for char in joined)


def of_outcome(done: Outcome) -> Event | None:
    """Return the event of an operation that raised no error, or None if it is not worth a message.

    A plan, an adoption, a `forget`, and a settling that published nothing are not worth one.
    """
    from bridge.model.operation import SOFT, Operation

    # A dry run changed nothing, and a message about it would read as if it had.
    if done.result == "planned":
        return None
    # Before the operation's kind: a rotation whose change is not proven is `incomplete`, and must reach the pager.
    if done.exit_status:
        return OF_STATUS[done.exit_status]
    if done.operation is Operation.RETIRE or done.operation in SOFT:
        return Event.RETIRED
    if done.operation is Operation.SETTLE and not done.published:
        return None
    return None if done.operation in (Operation.ADOPT, Operation.FORGET) else Event.ROTATED


def of_status(seen: Status) -> Event | None:
    """Return the event of a client's status, or None if it is not worth a message.

    `DUE_TO_BE_RETIRED` is for a client that needs no attention, and whose fallback may be retired from now on.
    """
    from bridge.planning.status import Kind

    known = {Kind.INTERRUPTED: Event.INCOMPLETE, Kind.FALLBACK_OVERDUE: Event.OVERDUE, Kind.DUE: Event.OVERDUE}
    # Attention comes first. A client with an interrupted operation must not be reported as one whose fallback may go.
    if seen.attention:
        return known.get(seen.kind, Event.ATTENTION)
    may_go = seen.kind is Kind.OK and seen.retire_from is not None and seen.at >= seen.retire_from
    return Event.DUE_TO_BE_RETIRED if may_go else None

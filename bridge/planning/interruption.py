"""The report on an operation that stopped on its way. Pure.

It is written for an operator with production at stake. It answers whether production works, what each sink holds, when
the operation began, why it stopped and what to run next.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum

from bridge.model.client_ref import ClientRef
from bridge.model.errors import BridgeError
from bridge.model.operation import CHANGES, SAME_VALUE, Operation
from bridge.model.outcome import At, Standing
from bridge.model.plan import Plan
from sinks.port import Lock, Lost, SinkError, SinkState, Unavailable
from sinks.record import stamp
from sinks.versions import short


class Phase(IntEnum):
    """How far an operation has come, by what it has changed.

    The order matters: phases are compared, and an operation never goes back to an earlier one.
    """

    NOTHING = 0
    CLAIMED = 1
    CHANGED = 2
    """Something beside the values was written, or a value that Auth0 already knew."""
    SETTING = 3
    """Auth0 was asked to change and its answer was lost."""
    GENERATING = 4
    """Auth0 was asked to generate a value and its answer was lost."""
    GENERATED = 5
    """Auth0 made a value that is not stored everywhere yet."""
    SET = 6
    """Auth0 has the new value."""


PRODUCTION = {
    Phase.NOTHING: "works: Auth0 accepts the OLD value, current everywhere",
    Phase.CLAIMED: "works: Auth0 accepts the OLD value, current everywhere",
    Phase.CHANGED: "works: Auth0 accepts the OLD value, current everywhere",
    Phase.SETTING: "Auth0 accepts the OLD or the NEW value, it is not known which; every sink holds both",
    Phase.GENERATING: "Auth0 accepts the OLD value or one that it GENERATED and no sink holds; resume reads it back",
    Phase.GENERATED: "Auth0 accepts a NEW value that it generated",
    Phase.SET: "Auth0 accepts the NEW value only (the old one for up to 30 s more)",
}
SYNCING = "Auth0 was not touched; readers of a sink that is not published yet may be refused"
SETTLING = "Auth0 was not touched; it accepts one of the values that are stored, or one that it generated itself"
OVERTAKEN = "not known from here: another operation has gone on since, and may have changed the value again"
# The dashboard takes no lock, and no sink would hold the value that it makes.
DONT = "press Rotate in the Auth0 dashboard: it makes a third value"


def standing(
    client_ref: ClientRef,
    plan: Plan,
    lock: Lock,
    phase: Phase,
    sinks: tuple[SinkState, ...],
    done: Mapping[str, At],
    error: SinkError | BridgeError,
) -> Standing:
    """Return the report on an operation that stopped: five answers and one warning.

    A process that has lost its sinks only knows what it finished itself. Another operation may have changed the rest.
    """
    rotating, overtaken = plan.operation in CHANGES, isinstance(error, Lost)
    until = f"it counts as live until {stamp(lock.expected_end)}; before that: --takeover, if you saw it end"
    return Standing(
        id=lock.id,
        operation=plan.operation,
        production=OVERTAKEN if overtaken else _production(plan.operation, phase),
        stored=tuple(
            f"{p.uri}: {_stored(done.get(p.uri), phase, rotating=rotating, overtaken=overtaken)}" for p in sinks
        ),
        began=f"{lock.id} begun {stamp(lock.started)} by {lock.actor}",
        why="; ".join(error.faults) if isinstance(error, BridgeError) else error.message,
        first=None if isinstance(error, Unavailable) or error.hint == "try again" else error.hint,  # `next` says so
        next=client_ref.command("resume", sinks),
        until="whoever holds the sinks now is told there" if overtaken else until,
        dont=DONT if rotating or plan.operation in SAME_VALUE else None,
    )


def _production(operation: Operation, phase: Phase) -> str:
    if operation in CHANGES:
        leaked = operation is Operation.COMPROMISED
        return PRODUCTION[phase] + ("; the leaked value can still be read in the sinks" if leaked else "")
    if operation is Operation.SETTLE:
        return SETTLING
    return SYNCING if operation is Operation.SYNC else "works: Auth0 was not touched"


def _stored(at: At | None, phase: Phase, *, rotating: bool, overtaken: bool) -> str:
    # What this process has finished is known, whatever another operation has done since.
    if at is not None and at.current:
        return f"published ({short(at.current)} current)"
    if at is not None:
        return "done"
    # Claiming more could send a person to a sink that another operation is changing at this moment.
    if overtaken:
        return "not known from here"
    if not rotating:
        return "not done yet"
    return "NOT published yet, the new value is pending" if phase >= Phase.SETTING else "unchanged; perhaps pending"

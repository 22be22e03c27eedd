"""Settles what was interrupted, and does nothing else.

It is safe to run at any time, also by a schedule. Where nothing is interrupted, nothing is written.
"""

from __future__ import annotations

from dataclasses import replace

from bridge.execution.session import Session
from bridge.model.operation import CHANGES, Operation
from bridge.model.outcome import Outcome
from bridge.operations.settle import settle_first
from bridge.operations.start import Options
from bridge.planning.guards import ownership, refuse, unadopted

VERBS = {
    Operation.RETIRE_SOFTLY: "retire --soft",
    Operation.BRING_BACK: "retire --undo",
}
"""How an operation is typed, where the command differs from its name."""


def resume(session: Session, options: Options) -> Outcome | None:
    """Publish what Auth0 accepts, or give the sinks back. Returns None where nothing is interrupted.

    The interrupted operation itself is not carried on. A note names the command that begins it again.

    Raises:
        BridgeError: the operation may still be running, or it cannot be known which value Auth0 accepts.
    """
    opened = settle_first(session, options, probing=True, tidying=True)
    done, sinks = opened.settled, opened.snapshot.sinks
    if done is None:
        # Nothing was settled, so the tags were not checked yet. Success would mislead in another client's sinks.
        refuse(ownership(sinks, session.client_ref, adopting=unadopted(sinks)))
    if done is None or done.result != "given-back" or done.exit_status or done.plan.says is None:
        return done
    # Only suggested, because the lock may be forged (ADR 33).
    says = done.plan.says.operation
    verb = VERBS.get(Operation(says), says)
    again = (
        f"to carry it on: {session.client_ref.command(verb)}"
        if says not in CHANGES
        else f"again: {session.client_ref.command(verb)}"
    )
    return replace(done, notes=(*done.notes, again))

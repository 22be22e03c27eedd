"""Retires a fallback for good or softly, and undoes a soft retirement.

The conditions are checked before the lock, and the probes are repeated under it, because the world may have changed in
between. Readable values are ended by value and not by version, because edits of other keys copy them.
"""

from __future__ import annotations

from dataclasses import replace

from bridge.auth0.client import Objection
from bridge.evidence.judge import Ignored, summary
from bridge.execution.session import Session
from bridge.execution.sibling_key_mode import sibling_keys
from bridge.execution.snapshot import Snapshot
from bridge.model.operation import Operation
from bridge.model.operation_values import OperationValues
from bridge.model.outcome import Outcome
from bridge.operations.retirement_conditions import judge
from bridge.operations.settle import after_settling, settle_first
from bridge.operations.start import Options, execute, new_lock, plan_options
from bridge.operations.unproven import contradicted, unproven, vouching
from bridge.planning.guards import contents, ownership, refuse
from bridge.planning.maintenance import plan_bringing_back, plan_retirement
from sinks.port import SinkState, Stage, Version
from sinks.versions import short

SOFTLY = "retired softly: 'retire --undo' brings it back while the vaults can, 'retire' and any rotation end it"
AGAIN = "it was retired softly before; now it ends"


@after_settling
def retire(
    session: Session,
    options: Options,
    *,
    ignored: tuple[Ignored, ...] = (),
    force: bool = False,
    softly: bool = False,
    vouched: str = "",
) -> Outcome | None:
    """Make the fallback's value unreadable everywhere.

    `ignored` are consumers that the user vouches for. `force` retires whatever the tenant's logs say or leave open.
    With `softly` it can be undone. Otherwise what was retired softly before ends as well, because nothing stands
    against that any more. `vouched` is the version that was the fallback, where the user says so.
    Where there is nothing to retire, it returns what was settled on the way, or None.

    Raises:
        BridgeError, Stopped: nothing was changed, or the retirement is incomplete.
    """
    opened = settle_first(session, options)
    if opened.ends:
        return opened.settled
    snapshot = opened.snapshot
    _sound(session, snapshot)
    notes = _relied_on(session, snapshot, vouched, softly=softly)
    fallbacks = [(p, v) for p in snapshot.sinks if (v := p.history.at(Stage.FALLBACK))]
    deleted = [p for p in snapshot.sinks if p.soft_deleted]
    if not fallbacks and (softly or not deleted) and not any(p.stale for p in snapshot.sinks):
        return opened.settled
    told: tuple[str, ...] = (AGAIN,) if deleted else ()
    if fallbacks:
        told = summary(judge(session, snapshot, fallbacks, ignored=ignored, force=force))
    plan = plan_retirement(snapshot.sinks, plan_options(session, options), softly=softly)
    losses = (SOFTLY,) if softly else _losses(session, fallbacks, deleted)
    plan = replace(plan, notes=(*notes, *losses, *told))
    operation = Operation.RETIRE_SOFTLY if softly else Operation.RETIRE
    current, salt = snapshot.sinks[0].value(Stage.CURRENT), session.settings.client_id
    lock = new_lock(session, operation, snapshot, plan, base=current, reason=options.reason)
    values = tuple(value.fingerprint(salt) for p, _ in fallbacks if (value := p.value(Stage.FALLBACK)))
    return execute(session, options, snapshot, plan, OperationValues(lock, ends=tuple(dict.fromkeys(values))))


def _relied_on(session: Session, snapshot: Snapshot, vouched: str, *, softly: bool) -> tuple[str, ...]:
    """Make sure that what ends was the fallback. Returns what to show to a user who vouches for it.

    Raises:
        Refused: nothing proves it, and the user does not vouch for it.
    """
    command = session.client_ref.command("retire", snapshot.sinks)
    refuse(
        (*contradicted(session, snapshot), *unproven(session, snapshot, command, vouched=vouched, softly=not softly))
    )
    return vouching(session, snapshot, vouched)


@after_settling
def bring_back(session: Session, options: Options, *, vouched: str = "") -> Outcome | None:
    """Make a fallback that was retired softly the fallback again.

    `vouched` is the version that was the fallback, as for `retire`. Where nothing was retired softly, it returns what
    was settled on the way, or None.

    Raises:
        BridgeError: nothing was changed.
        Stopped: the undoing is incomplete.
    """
    opened = settle_first(session, options)
    if opened.ends:
        return opened.settled
    snapshot = opened.snapshot
    _sound(session, snapshot)
    if not any(state.soft_deleted for state in snapshot.sinks):
        return opened.settled
    notes = vouching(session, snapshot, vouched)
    # A forged tag could name a leaked version here, and bringing it back would make it a candidate again.
    undo = f"{session.client_ref.command('retire', snapshot.sinks)} --undo"
    refuse(unproven(session, snapshot, undo, vouched=vouched, softly=True))
    refuse(objection for state in snapshot.sinks for objection in _beyond(session, state))
    kept = sibling_keys(session, snapshot.sinks, Operation.BRING_BACK)
    plan = plan_bringing_back(snapshot.sinks, replace(plan_options(session, options), sibling_keys=kept))
    plan = replace(plan, notes=(*plan.notes, *notes))
    current = snapshot.sinks[0].value(Stage.CURRENT)
    lock = new_lock(session, Operation.BRING_BACK, snapshot, plan, base=current, reason=options.reason)
    return execute(session, options, snapshot, plan, OperationValues(lock))


def _sound(session: Session, snapshot: Snapshot) -> None:
    refuse(
        (*ownership(snapshot.sinks, session.client_ref, adopting=False), *contents(snapshot.sinks, session.client_ref))
    )


def _beyond(session: Session, state: SinkState) -> list[Objection]:
    """Return why a fallback that was retired softly cannot be brought back in a sink."""
    soft_deleted, current = state.soft_deleted, state.value(Stage.CURRENT)
    rotate = f"a new value is always possible: {session.client_ref.command('rotate')}"
    end = f"end what is left of it: {session.client_ref.command('retire')}"
    if soft_deleted is None:
        return []
    if not soft_deleted.kept:
        return [Objection(f"{state.uri} does not hold {short(soft_deleted.versions[0])} any more", rotate)]
    fallback = state.value(Stage.FALLBACK)
    if fallback and fallback.fingerprint(session.settings.client_id) == soft_deleted.fingerprint:
        return []  # an earlier undoing stopped halfway: only the tag is left to remove
    # One fallback at a time (ADR 19): bringing this one back would leave two.
    if state.history.at(Stage.FALLBACK):
        return [Objection(f"{state.uri} has another fallback by now", end)]
    # As a fallback it would be the live value under a second name, and a retirement would aim at it.
    if current and current.fingerprint(session.settings.client_id) == soft_deleted.fingerprint:
        return [Objection(f"{state.uri}: the value that was retired softly is current again", end)]
    return []


def _losses(session: Session, fallbacks: list[tuple[SinkState, Version]], deleted: list[SinkState]) -> tuple[str, ...]:
    notes = [
        f"{p.uri}: {', '.join(map(short, p.soft_deleted.versions))} go, retired softly before"
        for p in deleted
        if p.soft_deleted
    ]
    for state, version in fallbacks:
        # A version holds the whole document, so ending one also ends the history of its other keys.
        others = ", ".join(key for key in state.keys if key != state.key)
        history = f", with the history of {others} in them" if others else ""
        notes.append(f"{state.uri}: {short(version.id)} and every other version that holds its value go{history}")
    affected = dict.fromkeys(state.uri for state in (*(p for p, _ in fallbacks), *deleted))
    return (*notes, *(session.sinks[uri].retirement for uri in affected))

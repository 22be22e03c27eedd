"""Goes back: the fallback's value becomes live at Auth0 again, and current everywhere.

A tag alone never decides which value is set at Auth0. A seal has to name the fallback as proven, or the user confirms
the version (ADR 34).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from bridge.auth0.management import UPDATE_KEYS
from bridge.auth0.probe import Verdict
from bridge.execution.session import Session
from bridge.execution.snapshot import Snapshot, translate
from bridge.model.errors import Refused
from bridge.model.operation import Operation, Strategy
from bridge.model.operation_values import OperationValues
from bridge.model.origin import Origin
from bridge.model.outcome import Outcome
from bridge.model.settlement import Way
from bridge.operations.settle import after_settling, settle_first
from bridge.operations.start import (
    Options,
    all_soft_deleted,
    execute,
    fallbacks,
    inspect,
    new_lock,
    plan_options,
    require_accepted,
)
from bridge.operations.unproven import contradicted, unproven, vouching
from bridge.planning.change import plan_change
from bridge.planning.guards import contents, ownership, refuse, vanished
from sinks.port import SinkError, SinkState, Stage
from sinks.secret import Secret

ON_YOUR_WORD = "a value is set at Auth0 that nothing proves to have been the fallback, on your word"


@dataclass(frozen=True)
class RollbackOptions(Options):
    """Options of `rollback`, beside those of every changing command.

    `discard`: do not keep the value that is current now as the fallback. `unproven`: the version that was the fallback,
    where the user knows it and nothing proves it.
    """

    discard: bool = False
    unproven: str = ""


@after_settling
def rollback(session: Session, options: RollbackOptions) -> Outcome:
    """Make the fallback's value live and current again. The former current value becomes the fallback, or is ended.

    It is a staged rotation. A new version gets the old value, so that other keys keep what others have changed since.

    Raises:
        BridgeError: nothing was changed.
        Stopped: the rollback is incomplete. The error describes the state that is left.
    """
    opened = settle_first(session, options)
    done = opened.settled
    if done and (opened.ends or _is_enough(done)):
        return done  # an interrupted rollback, which is finished now
    snapshot = closely(session, opened.snapshot)
    inspect(session, snapshot, Strategy.STAGED)
    client_ref = session.client_ref
    refuse(ownership(snapshot.sinks, client_ref, adopting=False))
    refuse((*vanished(snapshot.sinks, client_ref), *contents(snapshot.sinks, client_ref)))
    session.auth0.require(UPDATE_KEYS)
    refuse(contradicted(session, snapshot))
    current, target, accepted = _values(session, snapshot)
    notes = vouching(session, snapshot, options.unproven)
    command = session.client_ref.command("rollback", snapshot.sinks)
    refuse(unproven(session, snapshot, command, vouched=options.unproven, accepted=True))
    ending = (*((current,) if options.discard else ()), *fallbacks(snapshot, current, target))
    soft_deleted = all_soft_deleted(session, snapshot, current, target)
    asked = replace(plan_options(session, options), ends=bool(ending or soft_deleted), kill=options.discard)
    plan = plan_change(Operation.ROLLBACK, snapshot.sinks, asked)
    plan = replace(plan, notes=(*plan.notes, *snapshot.notes, *notes))
    plan = replace(plan, irreversible=ON_YOUR_WORD) if notes and not plan.irreversible else plan
    lock = new_lock(
        session, Operation.ROLLBACK, snapshot, plan, base=current, ending=ending, all_soft_deleted=soft_deleted
    )
    proven = ending if options.discard else ()
    origin = Origin.BROUGHT if options.unproven else Origin.SEALED
    values = OperationValues(
        lock, value=target, base=current, origin=origin, ending=proven, ends=lock.ends, proven=accepted
    )
    return execute(session, options, snapshot, plan, values)


def _is_enough(done: Outcome) -> bool:
    """Return whether the settlement was a rollback: it published an old value, or its lock says so."""
    says, settled = done.plan.says, done.settlement
    if settled is None or not done.published:
        return False
    # A late call had brought an old value back and settling published it, which is what a rollback does.
    return settled.former or (settled.way is Way.COMPLETE and says is not None and says.operation == Operation.ROLLBACK)


def closely(session: Session, snapshot: Snapshot) -> Snapshot:
    """Return both ends after a closer look at fallbacks that newer versions follow (`Sink.read`).

    Raises:
        BridgeError: a sink cannot be read. Nothing was changed.
    """
    try:
        # A reader of the current value can forge a seal for an older version. A value that was current in between
        # exposes that (ADR 34).
        read = (session.sinks[p.uri].read(closely=True) if _is_followed(p) else p for p in snapshot.sinks)
        return replace(snapshot, sinks=tuple(read))
    except SinkError as error:
        raise translate(error) from None


def _is_followed(state: SinkState) -> bool:
    """Return whether there are versions between the fallback and the latest one."""
    versions = [v for v in state.history.versions if v.stage is not Stage.PENDING]
    return any(v.stage is Stage.FALLBACK for v in versions[:-2])


def _values(session: Session, snapshot: Snapshot) -> tuple[Secret, Secret, bool]:
    """Return the current value, the fallback's value, and whether Auth0 accepts the current one.

    Raises:
        Refused: there is no fallback, or Auth0 accepts neither of them.
    """
    found = fallbacks(snapshot)
    current = next((value for p in snapshot.sinks if (value := p.value(Stage.CURRENT))), None)
    if not found or current is None:
        if any(state.soft_deleted and state.soft_deleted.kept for state in snapshot.sinks):
            raise Refused(
                "there is no fallback to go back to: it was retired softly",
                f"bring it back first: {session.client_ref.command('retire')} --undo",
            )
        raise Refused(
            "there is no fallback to go back to: it was retired, or there was none",
            f"a new value is always possible: {session.client_ref.command('rotate', snapshot.sinks)}",
        )
    # Choosing one would set a value that readers of the other sinks do not hold.
    if len(found) > 1:
        raise Refused(
            "the sinks hold different fallbacks",
            f"set them right first: {session.client_ref.command('sync', snapshot.sinks)}",
        )
    # Auth0 accepts the fallback after a change by hand. Publishing that value does no harm.
    gone_back = session.auth0.probe(snapshot.client, found[0]) is Verdict.ACCEPTED
    if not gone_back:
        require_accepted(session, snapshot, current, snapshot.sinks[0].uri)
    return current, found[0], not gone_back

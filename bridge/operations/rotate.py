"""Rotates a client's secret, also one that leaked.

A rotation that is given again after an interruption is one rotation: it ends where settling has published the new
value. A job that was restarted therefore does not rotate twice.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

from bridge.auth0.management import UPDATE_KEYS
from bridge.execution.session import Session
from bridge.execution.sibling_key_mode import sibling_keys
from bridge.execution.snapshot import Snapshot, survey
from bridge.model.errors import Refused
from bridge.model.operation import Operation, Strategy
from bridge.model.operation_values import OperationValues
from bridge.model.outcome import Outcome, Unchanged
from bridge.operations.leaked import answer
from bridge.operations.new_value import new_value, origin_of
from bridge.operations.settle import Opened, after_settling, settle_first
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
from bridge.operations.unproven import unproven
from bridge.planning.change import plan_change
from bridge.planning.guards import contents, ownership, refuse, room_for_sibling_keys, unadopted, vanished
from sinks.port import Stage
from sinks.secret import Secret

AGAIN = "to rotate all the same: --again"


@dataclass(frozen=True)
class RotateOptions(Options):
    """Options of `rotate`, beside those of every changing command."""

    strategy: Strategy = Strategy.STAGED
    """The side that generates the new value."""
    adopt: bool = False
    """Whether to take over sinks that are not managed yet."""
    without_fallback: bool = False
    """Whether to leave an empty sink without the live value as its first version."""
    brought: Secret | None = None
    """The new value, where the user supplies it instead of having it generated."""
    compromised: bool = False
    """Whether the live value leaked. `reason` says how that is known."""
    min_interval: timedelta = timedelta(0)
    """How long after a promotion the secret is not rotated again."""


@after_settling
def rotate(session: Session, options: RotateOptions) -> Outcome | Unchanged:
    """Rotate the secret and publish it.

    Where the value was promoted less than `min_interval` ago, nothing is done: a job that is given again, or a second
    one, is not a second rotation. An interruption is settled first. If that published a new value, it was the rotation.
    The answer to a leak settles nothing and waits for no other operation (`bridge.operations.leaked`).

    Raises:
        BridgeError: nothing was changed.
        Stopped: the rotation is incomplete. The error describes the state that is left.
    """
    if options.compromised:
        return answer(session, options, strategy=options.strategy, brought=options.brought)
    opened = settle_first(session, options, probing=True)
    if opened.settled and (opened.ends or _is_enough(opened, options)):
        return opened.settled
    return _rotate(session, options, opened)


def _is_enough(opened: Opened, options: RotateOptions) -> bool:
    """Return whether the settlement was this rotation: it published a value, and not an old or another one."""
    done = opened.settled
    if done is None or done.settlement is None or not done.published or done.settlement.former:
        return False
    current = [value for state in opened.snapshot.sinks if (value := state.value(Stage.CURRENT))]
    # A user who supplies a value wants that one. Settling may have published another.
    return options.brought is None or options.brought in current


def _rotate(session: Session, options: RotateOptions, opened: Opened) -> Outcome | Unchanged:
    snapshot = opened.snapshot
    inspect(session, snapshot, options.strategy)
    _guard(session, snapshot, options)
    if why := _rotated_lately(snapshot, options.min_interval):
        if options.brought is not None:
            raise Refused(f"{why}, and the value that was handed in is not published", AGAIN)
        return opened.settled or Unchanged(f"{why}, not rotating again ({AGAIN})")
    # Without the scope Auth0 would answer 403 only after every sink was claimed.
    session.auth0.require(UPDATE_KEYS)
    return _change(session, options, snapshot, _base(session, opened, options))


def _change(session: Session, options: RotateOptions, snapshot: Snapshot, base: Secret | None) -> Outcome:
    ending = fallbacks(snapshot, base)
    staged = options.strategy is Strategy.STAGED
    value = new_value(options.brought, snapshot) if staged else None
    soft_deleted = all_soft_deleted(session, snapshot, base, value)
    asked = replace(
        plan_options(session, options),
        strategy=options.strategy,
        without_fallback=options.without_fallback,
        ends=bool(ending or soft_deleted),
        sibling_keys=sibling_keys(session, snapshot.sinks, Operation.ROTATE),
    )
    plan = plan_change(Operation.ROTATE, snapshot.sinks, asked)
    plan = replace(plan, notes=(*plan.notes, *snapshot.notes))
    known = base if base or staged else session.auth0.live_secret(snapshot.client.client_id)
    lock = new_lock(
        session,
        Operation.ROTATE,
        snapshot,
        plan,
        base=known,
        ending=ending,
        all_soft_deleted=soft_deleted,
        reason=options.reason,
    )
    values = OperationValues(
        lock, value=value, base=known, initial=base, origin=origin_of(options.brought), ends=lock.ends
    )
    # Auth0 has just accepted or returned this value, so the seal may call it safe to go back to.
    values.proven = known is not None
    return _superseded(session, execute(session, options, snapshot, plan, values))


def _superseded(session: Session, done: Outcome) -> Outcome:
    """Return an outcome that says so where another operation has made another value live meanwhile."""
    if done.propagated is None or done.propagated.proven:
        return done
    newer = {state.record.rotation for state in survey(session) if state.record} - {done.id}
    told = f"superseded: {' and '.join(sorted(newer))} has published another value since"
    return replace(done, notes=(*done.notes, told)) if newer else done


PROMOTED: Mapping[str, str] = {Operation.ROLLBACK: "rolled back", Operation.SYNC: "synchronized"}
"""The words for what promoted a value, where it was no rotation."""


def _rotated_lately(snapshot: Snapshot, interval: timedelta) -> str:
    """Return when and by whom the value was promoted, if that is less than `interval` ago, else "".

    All times are the vaults' own.
    """
    for state in snapshot.sinks:
        current = state.history.at(Stage.CURRENT)
        if state.record is None or current is None or current.created is None or state.record.age_is_minimum:
            continue  # what was only adopted was not promoted
        # Tags may be forged. So they hold nothing up alone: the version itself must be as young, too.
        # Below zero by the part of a second that an answer's date leaves out.
        age = max(state.at - min(state.record.promoted_at, current.created), timedelta(0))
        if age < interval:
            last = state.record.log[0].split(" ", 3) if state.record.log else []
            done = PROMOTED.get(last[2], "rotated") if len(last) > 2 else "rotated"
            return f"{done} {age.seconds} s ago" + (f" by {last[3]}" if len(last) > 3 else "")
    return ""


def _guard(session: Session, snapshot: Snapshot, options: RotateOptions) -> None:
    found = (
        *ownership(snapshot.sinks, session.client_ref, adopting=options.adopt and unadopted(snapshot.sinks)),
        *vanished(snapshot.sinks, session.client_ref),
        *contents(snapshot.sinks, session.client_ref),
        *room_for_sibling_keys(snapshot.sinks, sibling_keys(session, snapshot.sinks, Operation.ROTATE)),
    )
    refuse(found)
    # The promotion would write over the only tag that names an open fallback.
    refuse(unproven(session, snapshot, session.client_ref.command("retire", snapshot.sinks), softly=True))


def _base(session: Session, opened: Opened, options: RotateOptions) -> Secret | None:
    """Return the value that is live now: from the sinks, or captured from Auth0 when all of them are empty.

    Returns None only with `without_fallback`.

    Raises:
        Refused: Auth0 does not accept the value, or it cannot be read.
    """
    snapshot = opened.snapshot
    for state in snapshot.sinks:
        if value := state.value(Stage.CURRENT):
            if value != opened.accepted:
                require_accepted(session, snapshot, value, state.uri)
            return value
    if options.without_fallback:
        return None
    # Without it, readers of an empty sink would hold one value while Auth0 may accept either (ADR 10).
    live = session.auth0.live_secret(snapshot.client.client_id)
    if live is None:
        raise Refused(
            "the sinks are empty, and the live value cannot be read from Auth0 to be kept as fallback "
            "(the management token lacks the scope read:client_keys)",
            "grant the scope; or pipe the value in: "
            f"{session.client_ref.command('adopt', snapshot.sinks)} --secret-stdin; or do without: --without-fallback",
        )
    # Reading a value back proves that it is stored. Only a probe proves that it has spread (ADR 15).
    require_accepted(session, snapshot, live, "Auth0")
    return live

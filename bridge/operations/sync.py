"""Publishes what Auth0 holds, after a change in its dashboard or when sinks came to differ.

Auth0 itself is never changed, so the right to change it is not needed. The dashboard takes no lock, so Auth0 is asked
again under the lock and before the release (ADR 23).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from bridge.execution.inquiry import accepted as accepted_of
from bridge.execution.inquiry import candidates, recent
from bridge.execution.session import Session
from bridge.execution.snapshot import Snapshot, staged, translate
from bridge.execution.verification import Changed
from bridge.model.errors import BridgeError, Failed, Incomplete, Refused
from bridge.model.operation import Operation
from bridge.model.operation_values import OperationValues
from bridge.model.outcome import Outcome
from bridge.model.progress import pause
from bridge.operations.settle import after_settling, settle_first
from bridge.operations.start import (
    STDIN,
    Options,
    all_soft_deleted,
    await_spreading,
    execute,
    new_lock,
    plan_options,
    require_accepted,
)
from bridge.planning.guards import ownership, refuse
from bridge.planning.maintenance import plan_sync
from bridge.planning.sink_record import named
from sinks.port import SinkError, Stage
from sinks.secret import Secret, unlike

GRANT = "grant the scope; or pipe the live value in: "
ROUNDS = 3
"""How often the value is published again, if it changes at Auth0 meanwhile."""


@dataclass(frozen=True)
class SyncOptions(Options):
    """Options of `sync`, beside those of every changing command.

    `brought` is the live value, where the user supplies it. `compromised`: every other value that is stored leaked.
    """

    brought: Secret | None = None
    compromised: bool = False


@after_settling
def sync(session: Session, options: SyncOptions) -> Outcome | None:
    """Publish the value that Auth0 holds in every sink.

    An interruption is settled first. Where the value is published everywhere already, it returns what was settled on
    the way, or None. If the value changes at Auth0 meanwhile, the new one is published instead.

    Raises:
        BridgeError: nothing was changed.
        Stopped: the sync is incomplete. The error describes the state that is left.
    """
    done: Changed | None = None
    for _ in range(ROUNDS):
        try:
            return _sync(session, options)
        except Changed as changed:
            done = changed
        except BridgeError as error:
            # An earlier round has published something already, so this error must not say that nothing was changed.
            if done is None or error.exit_status == Incomplete.exit_status:
                raise
            told = f"{done.message}; then: {error.faults[0]}"
            raise Incomplete(told, error.hints or done.hint, more=error.faults[1:]) from None
    raise done or AssertionError


def _sync(session: Session, options: SyncOptions) -> Outcome | None:
    opened = settle_first(session, options, brought=options.brought)
    if opened.settled and opened.ends:
        return opened.settled
    snapshot = opened.snapshot
    refuse(ownership(snapshot.sinks, session.client_ref, adopting=False))
    live = find_live(session, snapshot, options.brought)
    base = _base(session, snapshot, live)
    soft_deleted = tuple(
        each for each in all_soft_deleted(session, snapshot, live) if options.compromised or each != base
    )
    stored = _stored(session, snapshot) if options.compromised else staged(snapshot.sinks)
    known = unlike((live,), stored)
    if _is_published(snapshot, live) and not (options.compromised and (soft_deleted or known)):
        return opened.settled
    ending = known if options.compromised else _older(session, snapshot, known, base)
    ends = (*(value.fingerprint(session.settings.client_id) for value in ending), *soft_deleted)
    if options.compromised and ends and base not in ends:
        base = ends[0]  # so a lock with this base tells that a value had leaked
    asked = replace(
        plan_options(session, options), ends=bool(ends), kill=options.compromised and bool(ends), without_base=not base
    )
    plan = plan_sync(snapshot.sinks, asked)
    plan = replace(plan, notes=(*plan.notes, *snapshot.notes))
    lock = new_lock(
        session,
        Operation.SYNC,
        snapshot,
        plan,
        base=None,
        ending=ending,
        all_soft_deleted=soft_deleted,
        reason=options.reason,
    )
    proven = ending if options.compromised else ()
    values = OperationValues(replace(lock, base=base), value=live, initial=live, ending=proven, ends=lock.ends)
    values.proven = bool(base) and named(snapshot.sinks, live) == base
    return execute(session, options, snapshot, plan, values)


def find_live(session: Session, snapshot: Snapshot, brought: Secret | None = None) -> Secret:
    """Return the value that Auth0 holds.

    It is the one that the user supplies, else the one that is read from Auth0, else the stored one that Auth0 accepts.

    Raises:
        Refused: it cannot be known which value that is.
        Failed: Auth0 gave no clear answer.
    """
    if brought is not None:
        require_accepted(session, snapshot, brought, STDIN)
        return brought
    live = session.auth0.live_secret(snapshot.client.client_id)
    if live is not None:
        return live
    await_spreading(session, snapshot)  # meanwhile either answer may come for either value
    try:
        known = candidates(session, snapshot.sinks, None)
    except SinkError as error:
        raise translate(error) from None
    accepted = accepted_of(session, snapshot.client, known)
    if len(accepted) > 1:
        why = "Auth0 accepts more than one of the values that are stored: a change is spreading"
        pause(
            session.timing.propagation,
            why,
            clock=session.clock,
            watcher=session.watcher,
            stop=lambda: session.stop.asked,
        )
        accepted = accepted_of(session, snapshot.client, known)
    if len(accepted) > 1:
        raise Failed("Auth0 still accepts more than one of the values that are stored", "try again in a minute")
    if not accepted:
        raise Refused(
            "Auth0 accepts none of the values that are stored, and the live one cannot be read (the management token "
            "lacks the scope read:client_keys)",
            f"{GRANT}{session.client_ref.command('sync', snapshot.sinks)} --secret-stdin",
        )
    return accepted[0]


def _stored(session: Session, snapshot: Snapshot) -> tuple[Secret, ...]:
    """Return what the sinks hold, or held lately, as far as it can still be ended.

    Raises:
        BridgeError: a sink cannot be read. Nothing was changed.
    """
    # Values at no stage any more count too. One that leaked can still be read by its version.
    found = staged(snapshot.sinks)
    return unlike((), (*found, *recent(session, snapshot.sinks, found, endable=True)))


def _is_published(snapshot: Snapshot, live: Secret) -> bool:
    """Return whether every sink holds the live value as what the bridge put there, by the same rotation."""
    # Equal values with different rotations mean that a change reached only some of the records.
    rotations = {p.record.rotation if p.record else None for p in snapshot.sinks}
    same = all(p.value(Stage.CURRENT) == live and not p.drifted and not p.inconsistent for p in snapshot.sinks)
    # Tags that somebody changed are known and count as right, but readers still see the changed ones.
    return same and len(rotations) == 1 and not any(p.differs for p in snapshot.sinks)


def _base(session: Session, snapshot: Snapshot, live: Secret) -> str:
    """Return the fingerprint of the value that becomes the fallback, or "" where none does.

    It is what was current by the record that changed last. If that is the live value, Auth0 did not change and the
    fallback stays what it is. A value from before must not return, because it was retired, perhaps after a leak.
    """
    salt = session.settings.client_id
    known = [p for p in snapshot.sinks if p.record]
    known.sort(key=lambda state: state.record.promoted_at if state.record else snapshot.at, reverse=True)
    current = next((fingerprint for p in known if p.record for fingerprint in p.record.recent[:1]), "")
    if current != live.fingerprint(salt):
        return current
    found = (value for p in known if (value := p.value(Stage.FALLBACK)) and value != live)
    return next((value.fingerprint(salt) for value in found), "")


def _older(session: Session, snapshot: Snapshot, known: tuple[Secret, ...], base: str) -> tuple[Secret, ...]:
    """Return the fallbacks that end, because another one is to be the only fallback."""
    found = [value for p in snapshot.sinks if (value := p.value(Stage.FALLBACK))]
    return tuple(value for value in known if value in found and value.fingerprint(session.settings.client_id) != base)

"""The one way out of every interruption: Auth0 is asked which value it accepts, and then the command goes on.

A lock is never an order. It says when its holder counts as dead, and its words are shown. What is set, published or
ended follows from what Auth0 accepts (`bridge.planning.settle`).
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Concatenate, ParamSpec, TypeVar

from bridge.auth0.client import Objection
from bridge.auth0.probe import Verdict
from bridge.execution.leak_notes import may_be_readable
from bridge.execution.session import Session
from bridge.execution.sibling_key_mode import sibling_keys
from bridge.execution.snapshot import Snapshot, read, read_what_can_be, survey, translate
from bridge.model.errors import BridgeError, Failed, Incomplete, Refused
from bridge.model.operation import Operation
from bridge.model.operation_values import OperationValues
from bridge.model.outcome import Outcome
from bridge.model.progress import pause
from bridge.operations.start import Options, await_spreading, execute, new_lock
from bridge.planning.guards import refuse, same_sinks
from bridge.planning.maintenance import plan_settling
from bridge.planning.settle import kills
from sinks.port import Lock, SinkError, SinkState, Stage
from sinks.record import sinks_tag, stamp
from sinks.secret import Secret, unlike

P = ParamSpec("P")
R = TypeVar("R")
LONGEST = timedelta(hours=24)
"""The longest time that a lock may claim for its holder, unless consumers take even longer to refresh."""
SECOND = timedelta(seconds=1)
"""Resolution of the vaults' times."""
FOREIGN = "what is foreign stays readable as an older version; what held the sink before it is found out and settled"


@dataclass(frozen=True)
class Opened:
    """Both ends after any interruption was settled, and the outcome of that.

    `accepted` is a value that Auth0 has just accepted, where that was asked.
    """

    snapshot: Snapshot
    settled: Outcome | None = None
    accepted: Secret | None = None

    @property
    def ends(self) -> bool:
        """Whether nothing else may follow: only a plan was wanted, or the user has to look first.

        Going on would change sinks that the settlement has left incomplete.
        """
        return bool(self.settled and (self.settled.result == "planned" or self.settled.exit_status))


def after_settling(operation: Callable[Concatenate[Session, P], R]) -> Callable[Concatenate[Session, P], R]:
    """Return an operation whose errors say what was settled before, if that published a value.

    Without that, a refusal after it would say that nothing was changed.
    """

    @functools.wraps(operation)
    def run(session: Session, /, *args: P.args, **more: P.kwargs) -> R:
        try:
            return operation(session, *args, **more)
        except BridgeError as error:
            done = session.settled
            if done is None or not done.published or error.changed:
                raise
            raise _then(done, error) from None

    return run


def settle_first(
    session: Session, options: Options, *, probing: bool = False, tidying: bool = False, brought: Secret | None = None
) -> Opened:
    """Read both ends, and settle what is interrupted.

    With `probing`, a current value that Auth0 refuses counts as an interruption too, and a lock that soon counts as
    dead is waited for. With `tidying`, what an interrupted release has left is settled as well. `brought` is a value
    that is live according to the user.

    Raises:
        BridgeError: an operation may still run, something foreign is in the way, or it cannot be known what Auth0
            accepts.
    """
    snapshot, away = read_what_can_be(session)
    snapshot = _known(session, snapshot)
    # Without an interruption, settling could do nothing for the sinks that answer.
    if away and not any(state.lock for state in snapshot.sinks):
        raise translate(next(iter(away.values())))
    if probing and not (options.takeover or options.dry_run):
        snapshot = _patiently(session, snapshot)
    strange = [state.foreign for state in snapshot.sinks if state.foreign]
    if strange and not options.discard_foreign:
        raise Refused(
            strange[0],
            f"if nobody needs it: {session.client_ref.command('resume', snapshot.sinks)} --discard-foreign",
            more=strange[1:],
        )
    locks = [state.lock for state in snapshot.sinks if state.lock]
    refuse(filter(None, (same_sinks(lock, session.uris) for lock in locks)))
    if not options.takeover:
        refuse(filter(None, (_alive(session, state, snapshot.at) for state in snapshot.sinks)))
    left = tidying and any(state.unsettled for state in survey(session))
    if not locks and not strange and not left:
        current = _current(session, snapshot) if probing else ()
        if not any(_refused(session, snapshot, value) for value in current):
            return Opened(snapshot, accepted=current[0] if current else None)
    says = max(locks, key=lambda lock: lock.started, default=None)
    done = session.settled = _settle(session, options, snapshot, Interruption(says, brought, away))
    return Opened(snapshot if done.result == "planned" or done.exit_status else _again(session, done), done)


def _again(session: Session, done: Outcome) -> Snapshot:
    """Read both ends once more.

    Raises:
        Incomplete: that fails. It must not be a refusal, because something was settled before.
    """
    try:
        return read(session)
    except BridgeError as error:
        raise _then(done, error) from None


def _then(done: Outcome, error: BridgeError) -> Incomplete:
    told = f"what was interrupted was settled ({done.result}); then: {error.faults[0]}"
    return Incomplete(told, error.hints, more=error.faults[1:])


def _known(session: Session, snapshot: Snapshot) -> Snapshot:
    """Return both ends with every lock assigned: to this client, or to something foreign.

    An operation that died before it wrote its name is recognised as ours by its label.
    """
    whole = (
        replace(p, lock=_named(session, snapshot, p.unnamed)) if p.unnamed and p.lock is None else p
        for p in snapshot.sinks
    )
    sinks = (replace(p, lock=None, foreign=text) if (text := _strange(session, p)) else p for p in whole)
    return replace(snapshot, sinks=tuple(sinks))


def _named(session: Session, snapshot: Snapshot, lock: Lock) -> Lock:
    # Only the label was written before the process died. The rest comes from another sink's lock, or from this client.
    known = next((p.lock for p in snapshot.sinks if p.lock and p.lock.id == lock.id), lock)
    return replace(
        lock,
        actor=known.actor,
        expected_end=max(known.expected_end, lock.started + session.timing.margin),
        client_id=session.settings.client_id,
        tenant=session.auth0.name,
        sinks=known.sinks or tuple(sinks_tag(session.uris).split()),
        sibling_keys=sibling_keys(session, snapshot.sinks, lock.operation),
    )


def _strange(session: Session, state: SinkState) -> str:
    """Return what holds a sink and is no operation of this client, or "".

    A foreign lock is never settled as it is, because its owner may be at work. The user has to discard it.
    """
    lock = state.lock
    if state.foreign or lock is None:
        return state.foreign
    if lock.operation not in {*Operation}:
        return f"{state.uri} is held by an operation that this version does not know: {lock.operation} {lock.id}"
    if (lock.client_id, lock.tenant) != (session.settings.client_id, session.auth0.name):
        return f"{state.uri} is held by {lock.operation} {lock.id} of {lock.client_id} in {lock.tenant}, another client"
    named = tuple(sinks_tag(session.uris).split())
    # The record and the command agree on the list, so a lock with another list is foreign.
    if state.record and state.record.sinks == named != lock.sinks:
        return f"{state.uri} is held by {lock.operation} {lock.id}, which names other sinks than are recorded there"
    return ""


def dead_from(session: Session, state: SinkState) -> datetime | None:
    """Return when a lock's holder counts as dead, or None where there is no lock.

    The lock itself says when. Others may write locks, so that time is limited by the longest life of a lock, counted
    from when the vault saw it written.
    """
    if state.lock is None:
        return None
    # A forged lock that ends in 2099 must not block every command. The vault's own time of writing limits it.
    longest = max(session.settings.consumer_refresh, LONGEST) + session.timing.margin + session.timing.patience
    bound = (state.claimed or state.at) + longest
    return min(state.lock.expected_end, bound)


def _alive(session: Session, state: SinkState, now: datetime) -> Objection | None:
    until, lock = dead_from(session, state), state.lock
    if lock is None or until is None or now >= until:
        return None
    return Objection(
        f"{lock.operation} {lock.id} by {lock.actor}, begun {stamp(lock.started)}, is in progress and counts as live "
        f"until {stamp(until)}",
        f"wait for it; if you know that it died, go on now: {session.client_ref.command('resume')} --takeover",
    )


def _patiently(session: Session, snapshot: Snapshot) -> Snapshot:
    """Wait for a lock that soon counts as dead, and return both ends as they are then.

    The job that held it may have been ended and started again.
    """
    ends = [until for state in snapshot.sinks if (until := dead_from(session, state)) and until > snapshot.at]
    # Only the last minute is waited for, which covers a job that was restarted. Anything longer is refused at once.
    if not ends or max(ends) - snapshot.at > session.timing.margin + SECOND:
        return snapshot
    why = "an operation that holds the sinks may still be running"
    pause(
        max(ends) - snapshot.at + SECOND,
        why,
        clock=session.clock,
        watcher=session.watcher,
        stop=lambda: session.stop.asked,
    )
    return _known(session, read(session))


def _current(session: Session, snapshot: Snapshot) -> tuple[Secret, ...]:
    """Return the different current values of sinks that record this client and this list, usually one."""
    client_ref = session.settings.client_id, session.auth0.name, tuple(sinks_tag(session.uris).split())
    # Another client's value would be refused, and that would look like an interruption of this one.
    ours = (
        p for p in snapshot.sinks if p.record and (p.record.client_id, p.record.tenant, p.record.sinks) == client_ref
    )
    return unlike((), [value for p in ours if (value := p.value(Stage.CURRENT))])


def _refused(session: Session, snapshot: Snapshot, value: Secret) -> bool:
    """Return whether Auth0 refuses a value. While a change spreads, one refusal means nothing.

    Raises:
        Failed: Auth0 gave no answer.
    """
    verdict = session.auth0.probe(snapshot.client, value)
    if verdict is Verdict.REFUSED and await_spreading(session, snapshot):
        verdict = session.auth0.probe(snapshot.client, value)
    if verdict is Verdict.UNKNOWN:
        raise Failed("Auth0 did not say whether it accepts the current value", "try again")
    return verdict is Verdict.REFUSED


@dataclass(frozen=True)
class Interruption:
    """What there is to settle.

    `says` is the interrupted operation's lock, if there is one. `brought` is a value that is live according to the
    user. `away` holds the errors of the sinks that do not answer, by URI.
    """

    says: Lock | None
    brought: Secret | None
    away: dict[str, SinkError]


def _settle(session: Session, options: Options, snapshot: Snapshot, found: Interruption) -> Outcome:
    says = found.says
    plan = plan_settling(snapshot.sinks, session.timing.lease + session.timing.propagation, says)
    foreign = tuple(f"{state.foreign}; {FOREIGN}" for state in snapshot.sinks if state.foreign)
    plan = replace(plan, notes=foreign)
    lock = new_lock(session, Operation.SETTLE, snapshot, plan, base=None, reason=options.reason)
    # The lock keeps what it says of its operation, so a leak stays visible if this process dies as well.
    if says is not None:
        lock = replace(
            says,
            actor=lock.actor,
            holder=lock.holder,
            expected_end=lock.expected_end,
            sinks=lock.sinks,
            sibling_keys=lock.sibling_keys,
        )
    done = execute(
        session, options, snapshot, plan, OperationValues(lock, brought=found.brought, unseen=tuple(found.away))
    )
    if done.result != "planned":
        done = replace(done, notes=(*foreign, *done.notes))
    # What Auth0 accepts is published where that is possible. Those readers must not wait for the other sinks.
    if found.away and done.result != "planned":
        left = tuple(
            f"{uri} was not reached, the next command does the rest: {e.message}" for uri, e in found.away.items()
        )
        done = replace(done, notes=(*done.notes, *left), exit_status=Incomplete.exit_status)
    # Nothing was destroyed on the lock's word. Exit 3 keeps a nightly rotation from making the leak look settled.
    if says is None or done.result == "planned" or not kills(says):
        return done
    return replace(done, notes=(*done.notes, may_be_readable(session, says)), exit_status=Incomplete.exit_status)

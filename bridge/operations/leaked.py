"""The answer to a leak: a new value at Auth0 at once, whatever is interrupted, locked or written beside the values.

Nothing that others can write decides here: no tag, no label, no lock. An operation that holds the sinks loses them. A
pending value has to be refused, like every other one that can be read. Nothing is destroyed before that proof.

It neither settles an interruption nor waits for a fence, because a process that keeps writing to the lock key must not
keep a leaked value alive. Given again, it sets another new value.
"""

from __future__ import annotations

from dataclasses import replace

from bridge.auth0.management import UPDATE_KEYS
from bridge.execution.session import Session
from bridge.execution.sibling_key_mode import sibling_keys
from bridge.execution.snapshot import Snapshot, read_what_can_be, staged, translate
from bridge.model.errors import Incomplete
from bridge.model.operation import Operation, Strategy
from bridge.model.operation_values import OperationValues
from bridge.model.outcome import Outcome
from bridge.operations.new_value import new_value, origin_of
from bridge.operations.start import Options, all_soft_deleted, execute, inspect, new_lock, plan_options
from bridge.planning.change import plan_change
from bridge.planning.guards import contents, refuse
from sinks.port import SinkError, Stage
from sinks.secret import Secret, unlike


def answer(session: Session, options: Options, *, strategy: Strategy, brought: Secret | None) -> Outcome:
    """Set a new value, publish it wherever that is possible, and end every other one after the proof.

    `brought` is the new value where the user supplies it. Sinks that do not answer are left out, and the outcome is
    then incomplete.

    Raises:
        BridgeError: nothing was changed.
        Stopped: the answer is incomplete, and the same command has to be given again.
    """
    snapshot, away = read_what_can_be(session)
    inspect(session, snapshot, strategy)
    refuse(contents(tuple(p for p in snapshot.sinks if p.exists and not p.value(Stage.CURRENT)), session.client_ref))
    session.auth0.require(UPDATE_KEYS)
    value = new_value(brought, snapshot) if strategy is Strategy.STAGED else None
    base = next((found for p in snapshot.sinks if (found := p.value(Stage.CURRENT))), None)
    ending = unlike((value,) if value else (), _readable(session, snapshot))
    salt = session.settings.client_id
    deleted = all_soft_deleted(session, snapshot, value)
    ends = tuple(dict.fromkeys((*(each.fingerprint(salt) for each in ending), *deleted)))
    asked = replace(
        plan_options(session, options),
        strategy=strategy,
        # A leaked value is no candidate, so an empty sink does not get it as its first version.
        without_fallback=True,
        ends=bool(ends),
        kill=bool(ending),
        over=True,
        sibling_keys=sibling_keys(session, snapshot.sinks, Operation.COMPROMISED),
    )
    plan = plan_change(Operation.COMPROMISED, snapshot.sinks, asked)
    missing = tuple(f"{uri} is not reached, and goes on as it is: {error.message}" for uri, error in away.items())
    plan = replace(plan, notes=(*plan.notes, *snapshot.notes, *missing))
    lock = new_lock(session, Operation.COMPROMISED, snapshot, plan, base=base, ending=ending, reason=options.reason)
    values = OperationValues(lock, value=value, base=base, origin=origin_of(brought), ending=ending, ends=ends)
    done = execute(session, options, snapshot, plan, values)
    if not away or done.result == "planned":
        return done
    note = "when they answer again, give this command once more: what leaked can still be read there"
    return replace(done, notes=(*done.notes, *missing, note), exit_status=Incomplete.exit_status)


def _readable(session: Session, snapshot: Snapshot) -> tuple[Secret, ...]:
    """Return the different values that can be read in any version of any sink.

    Every version is read, not only the usual candidates. A leaked value would otherwise survive in an old one.

    Raises:
        BridgeError: a sink cannot be read. Nothing was changed.
    """
    try:
        others = [value for p in snapshot.sinks for value in session.sinks[p.uri].candidates(every=True)]
    except SinkError as error:
        raise translate(error) from None
    return unlike((), (*staged(snapshot.sinks), *others))

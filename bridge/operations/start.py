"""What every operation begins with: checks of the client, the lock that it will write, and the user's consent.

The order is the same for all of them: read, refuse, plan, check rights, ask the user, execute. Until the user agrees,
nothing is written.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta

from bridge.auth0.client import objections
from bridge.auth0.probe import Verdict
from bridge.execution.after_hook import TIMEOUT
from bridge.execution.executor import Execution
from bridge.execution.session import Session, new_id
from bridge.execution.sibling_key_mode import sibling_keys
from bridge.execution.snapshot import Snapshot, check
from bridge.model.errors import Failed, Refused
from bridge.model.operation import RETIREMENTS, Operation
from bridge.model.operation_values import OperationValues
from bridge.model.outcome import Outcome
from bridge.model.plan import Plan, PlanOptions
from bridge.model.progress import pause
from bridge.model.steps import AwaitRefusal, GenerateAtAuth0, Hook, SetAtAuth0, Wait
from bridge.planning.guards import refuse
from sinks.port import Lock, Stage
from sinks.record import tag_text
from sinks.secret import Secret

CHECKED = frozenset({Operation.ROTATE, Operation.COMPROMISED})
"""Operations that report when all checks have passed."""
STDIN = "standard input"
"""How messages name the source of a value that the user supplies."""


def always(_plan: Plan) -> bool:
    """Agree to every plan."""
    return True


@dataclass(frozen=True)
class Options:
    """Options of every changing command.

    Each option widens what the command may do. The defaults are safe for a schedule, where no user can be asked.
    """

    dry_run: bool = False
    """Whether only the plan is wanted."""
    takeover: bool = False
    """Whether to settle an operation that still counts as live, because the user knows that it ended."""
    settle: bool = True
    """Whether to probe at the end until the change has spread."""
    discard_foreign: bool = False
    """Whether to take over sinks that hold a foreign text where a lock would be."""
    reason: str = ""
    """The user's reason, which is recorded."""
    agree: Callable[[Plan], bool] = field(default=always)
    """Called with the plan. Returns whether to go on."""


def plan_options(session: Session, options: Options) -> PlanOptions:
    """Return what the options and the settings ask of any operation.

    Operations replace what is particular to them. `ends` and `kill` stay off unless an operation sets them.
    """
    return PlanOptions(
        refresh=session.settings.consumer_refresh,
        fence=session.timing.fence,
        settle=options.settle,
        hook=session.settings.after,
    )


def new_lock(
    session: Session,
    operation: Operation,
    snapshot: Snapshot,
    plan: Plan,
    *,
    base: Secret | None,
    ending: tuple[Secret, ...] = (),
    all_soft_deleted: tuple[str, ...] = (),
    reason: str = "",
) -> Lock:
    """Return the lock that an operation writes into every sink that it takes.

    `base` is the value that is current, `ending` are the values that the operation ends. `all_soft_deleted` are
    fingerprints of ending values that cannot be read any more.
    """
    client_id = session.settings.client_id
    waits = sum((step.time for step in plan.steps if isinstance(step, Wait)), timedelta())
    return Lock(
        operation=operation,
        id=new_id(),
        actor=session.actor,
        started=snapshot.at,
        expected_end=snapshot.at + waits + _longest(session, plan),
        client_id=client_id,
        tenant=session.auth0.name,
        sinks=session.uris,
        base=base.fingerprint(client_id) if base else "",
        # By fingerprint, so that readers leave an ending value out without the lock holding it (ADR 25).
        ends=tuple(dict.fromkeys((*(value.fingerprint(client_id) for value in ending), *all_soft_deleted))),
        reason=tag_text(reason),
        # A takeover keeps the id, so this word distinguishes the processes that held the lock.
        holder=secrets.token_hex(4),
        sibling_keys=sibling_keys(session, snapshot.sinks, operation),
    )


def _longest(session: Session, plan: Plan) -> timedelta:
    """Return how long an operation may hold its sinks, without its planned waits, before it counts as dead."""
    proofs = sum(isinstance(step, AwaitRefusal) for step in plan.steps)
    hook = timedelta(seconds=TIMEOUT) if proofs and any(isinstance(step, Hook) for step in plan.steps) else timedelta()
    # Without a proof the hook runs after the release, so it does not count.
    return session.timing.margin + proofs * session.timing.patience + hook


def execute(session: Session, options: Options, snapshot: Snapshot, plan: Plan, values: OperationValues) -> Outcome:
    """Check that the plan may be carried out, show it, ask the user, and execute it.

    With `dry_run` the plan is only returned.

    Raises:
        BridgeError: a permission is missing, or the user did not agree. Nothing was changed.
    """
    # Missing rights are found before the plan is shown, because a user should not agree to what fails halfway.
    plan = replace(plan, notes=(*plan.notes, *check(session, snapshot.sinks, plan, values.lock)))
    if plan.operation in CHECKED:
        session.watcher.step("check", f"Auth0 ok, {_sinks(len(snapshot.sinks))} ok, no operation in progress")
    if options.dry_run:
        client = snapshot.client
        return Outcome(session.settings.name, client.client_id, plan.operation, values.lock.id, plan, "planned")
    if not options.agree(plan):
        raise Refused("not confirmed")
    if any(isinstance(step, SetAtAuth0 | GenerateAtAuth0) for step in plan.steps):
        # Before anything is claimed: among many clients, a turn could come too late for a lease.
        session.auth0.await_turn()
    # That, and the user's answer, may have taken minutes. The lock would otherwise count as dead too early.
    values.lock = _from_now_on(values.lock, snapshot.server_time(session.clock.monotonic()) - snapshot.at, plan)
    values.retired = _retired(session, snapshot, plan.operation)
    session.trail.working(values, plan)
    return Execution(session, plan, snapshot, values).run()


def _sinks(number: int) -> str:
    return "1 sink" if number == 1 else f"{number} sinks"


def _retired(session: Session, snapshot: Snapshot, operation: str) -> tuple[str, ...]:
    """Return the fingerprints of what a retirement ends, softly or for good."""
    if operation not in RETIREMENTS:
        return ()
    ended = (value.fingerprint(session.settings.client_id) for value in fallbacks(snapshot))
    return tuple(
        dict.fromkeys((*ended, *(all_soft_deleted(session, snapshot) if operation == Operation.RETIRE else ())))
    )


def _from_now_on(lock: Lock, passed: timedelta, plan: Plan) -> Lock:
    """Return the lock with its times counted from the user's consent. A settlement keeps the original start."""
    started = lock.started if plan.says else lock.started + passed
    return replace(lock, started=started, expected_end=lock.expected_end + passed)


def inspect(session: Session, snapshot: Snapshot, strategy: str) -> None:
    """Make sure that the client's secret may be rotated.

    Raises:
        Refused: it may not. The error names every reason.
    """
    accept, own = session.settings.accept, session.auth0.own_client_id
    refuse(objections(snapshot.client, accept=accept, own_client_id=own, strategy=strategy))


def require_accepted(session: Session, snapshot: Snapshot, value: Secret, where: str) -> None:
    """Make sure that Auth0 accepts a value. `where` names its source in messages.

    While an earlier change spreads, one refusal proves nothing, so the value is probed again afterwards.

    Raises:
        Refused: Auth0 does not accept it.
        Failed: Auth0 gave no answer.
    """
    verdict = session.auth0.probe(snapshot.client, value)
    if verdict is Verdict.REFUSED and await_spreading(session, snapshot):
        verdict = session.auth0.probe(snapshot.client, value)
    if verdict is Verdict.REFUSED and where == STDIN:
        raise Refused(
            "the value from standard input is not the one that Auth0 accepts, or it was changed there less than "
            f"{session.timing.propagation.total_seconds():.0f} s ago",
            "copy it again from the dashboard, without spaces or line breaks in it",
        )
    if verdict is Verdict.REFUSED:
        raise Refused(
            f"Auth0 does not accept the value in {where}: it was changed elsewhere, or less than "
            f"{session.timing.propagation.total_seconds():.0f} s ago",
            _remedy(session, snapshot),
        )
    if verdict is Verdict.UNKNOWN:
        raise Failed("Auth0 did not say whether it accepts the current value", "try again")


def _remedy(session: Session, snapshot: Snapshot) -> str:
    sync = session.client_ref.command("sync", snapshot.sinks)
    return f"publish the one that it accepts: {sync}; after a leak: {sync} --compromised --reason …"


def await_spreading(session: Session, snapshot: Snapshot) -> bool:
    """Wait until every change that the sinks know of has spread at Auth0.

    Returns whether there was one to wait for.
    """
    # Any change of a lock key counts, because its operation may have changed Auth0 without leaving a record.
    changes = [p.record.promoted_at for p in snapshot.sinks if p.record] + [
        p.released for p in snapshot.sinks if p.released
    ]
    left = max((session.timing.propagation - (snapshot.at - change) for change in changes), default=timedelta())
    if left <= timedelta():
        return False
    why = "an earlier change may still be spreading at Auth0"
    pause(left, why, clock=session.clock, watcher=session.watcher, stop=lambda: session.stop.asked)
    return True


def fallbacks(snapshot: Snapshot, *stay: Secret | None) -> tuple[Secret, ...]:
    """Return the different values of open fallbacks, which a new change ends, without those that `stay`.

    They are compared by value, because several sinks usually hold the same fallback.
    """
    found: list[Secret] = []
    for state in snapshot.sinks:
        value = state.value(Stage.FALLBACK)
        if value is not None and value not in stay and value not in found:
            found.append(value)
    return tuple(found)


def all_soft_deleted(session: Session, snapshot: Snapshot, *stay: Secret | None) -> tuple[str, ...]:
    """Return the fingerprints of what was retired softly, which a new change ends, without the values that `stay`.

    The values cannot be read any more, so only their fingerprints are known.
    """
    staying = [value.fingerprint(session.settings.client_id) for value in stay if value]
    found = (state.soft_deleted.fingerprint for state in snapshot.sinks if state.soft_deleted)
    return tuple(dict.fromkeys(each for each in found if each not in staying))

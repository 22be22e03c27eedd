"""What every operation begins with: checks of the client, the lock that it will write, and the user's consent."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta

from bridge.auth0.client import objections
from bridge.auth0.probe import Verdict
from bridge.execution.after_hook import TIMEOUT
from bridge.execution.companion_mode import companions
from bridge.execution.executor import Execution
from bridge.execution.session import Job, new_id
from bridge.execution.snapshot import Seen, check
from bridge.model.errors import Failed, Refused
from bridge.model.operation import RETIREMENTS, Operation
from bridge.model.operation_values import Facts
from bridge.model.outcome import Outcome
from bridge.model.plan import Plan, Wish
from bridge.model.progress import pause
from bridge.model.steps import AwaitRefusal, Hook, Wait
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
    """Options of every changing command."""

    dry_run: bool = False
    """Whether only the plan is wanted."""
    takeover: bool = False
    """Whether to settle an operation that still counts as live, because the user knows that it ended."""
    settle: bool = True
    """Whether to probe at the end until the change has spread."""
    discard_foreign: bool = False
    """Whether to take over places that hold a foreign text where a lock would be."""
    reason: str = ""
    """The user's reason, which is recorded."""
    agree: Callable[[Plan], bool] = field(default=always)
    """Is shown the plan, and returns whether to go on."""


def wish(job: Job, options: Options) -> Wish:
    """Return what the options and the settings ask of any operation."""
    return Wish(
        refresh=job.settings.consumer_refresh,
        fence=job.timing.fence,
        settle=options.settle,
        hook=job.settings.after,
    )


def new_lock(
    job: Job,
    operation: Operation,
    seen: Seen,
    plan: Plan,
    *,
    base: Secret | None,
    ending: tuple[Secret, ...] = (),
    asides: tuple[str, ...] = (),
    reason: str = "",
) -> Lock:
    """Return the lock that an operation writes into every place that it takes.

    `base` is the value that is current, `ending` are the values that the operation ends. `asides` are fingerprints of
    ending values that cannot be read any more.
    """
    client_id = job.settings.client_id
    waits = sum((step.time for step in plan.steps if isinstance(step, Wait)), timedelta())
    return Lock(
        operation=operation,
        id=new_id(),
        actor=job.actor,
        started=seen.at,
        expected_end=seen.at + waits + _longest(job, plan),
        client_id=client_id,
        tenant=job.auth0.name,
        places=job.uris,
        base=base.fingerprint(client_id) if base else "",
        ends=tuple(dict.fromkeys((*(value.fingerprint(client_id) for value in ending), *asides))),
        reason=tag_text(reason),
        holder=secrets.token_hex(4),
        companions=companions(job, seen.places, operation),
    )


def _longest(job: Job, plan: Plan) -> timedelta:
    """Return how long an operation may hold its places, without its planned waits, before it counts as dead."""
    proofs = sum(isinstance(step, AwaitRefusal) for step in plan.steps)
    hook = timedelta(seconds=TIMEOUT) if proofs and any(isinstance(step, Hook) for step in plan.steps) else timedelta()
    return job.timing.margin + proofs * job.timing.patience + hook  # without a proof the hook runs after the release


def execute(job: Job, options: Options, seen: Seen, plan: Plan, facts: Facts) -> Outcome:
    """Check that the plan may be carried out, show it, ask the user, and execute it.

    With `dry_run` the plan is only returned.

    Raises:
        BridgeError: a permission is missing, or the user did not agree. Nothing was changed.
    """
    plan = replace(plan, notes=(*plan.notes, *check(job, seen.places, plan, facts.lock)))
    if plan.operation in CHECKED:
        job.watcher.step("check", f"Auth0 ok, {len(seen.places)} place(s) ok, no operation in progress")
    if options.dry_run:
        client = seen.client
        return Outcome(job.settings.name, client.client_id, plan.operation, facts.lock.id, plan, "planned")
    if not options.agree(plan):
        raise Refused("not confirmed")
    facts.lock = _from_now_on(facts.lock, seen.server_time(job.clock.monotonic()) - seen.at, plan)
    facts.retired = _retired(job, seen, plan.operation)
    job.trail.working(facts, plan)
    return Execution(job, plan, seen, facts).run()


def _retired(job: Job, seen: Seen, operation: str) -> tuple[str, ...]:
    """Return the fingerprints of what a retirement ends, softly or for good."""
    if operation not in RETIREMENTS:
        return ()
    ended = (value.fingerprint(job.settings.client_id) for value in fallbacks(seen))
    return tuple(dict.fromkeys((*ended, *(asides(job, seen) if operation == Operation.RETIRE else ()))))


def _from_now_on(lock: Lock, passed: timedelta, plan: Plan) -> Lock:
    """Return the lock with its times counted from the user's consent. A settlement keeps the original start."""
    started = lock.started if plan.says else lock.started + passed
    return replace(lock, started=started, expected_end=lock.expected_end + passed)


def inspect(job: Job, seen: Seen, strategy: str) -> None:
    """Make sure that the client's secret may be rotated.

    Raises:
        Refused: it may not. The error names every reason.
    """
    accept, own = job.settings.accept, job.auth0.own_client_id
    refuse(objections(seen.client, accept=accept, own_client_id=own, strategy=strategy))


def require_accepted(job: Job, seen: Seen, value: Secret, where: str) -> None:
    """Make sure that Auth0 accepts a value. `where` names its source in messages.

    While an earlier change spreads, one refusal proves nothing, so the value is probed again afterwards.

    Raises:
        Refused: Auth0 does not accept it.
        Failed: Auth0 gave no answer.
    """
    verdict = job.auth0.probe(seen.client, value)
    if verdict is Verdict.REFUSED and await_spreading(job, seen):
        verdict = job.auth0.probe(seen.client, value)
    if verdict is Verdict.REFUSED and where == STDIN:
        raise Refused(
            "the value from standard input is not the one that Auth0 accepts, or it was changed there less than "
            f"{job.timing.propagation.total_seconds():.0f} s ago",
            "copy it again from the dashboard, without spaces or line breaks in it",
        )
    if verdict is Verdict.REFUSED:
        raise Refused(
            f"Auth0 does not accept the value in {where}: it was changed elsewhere, or less than "
            f"{job.timing.propagation.total_seconds():.0f} s ago",
            _remedy(job, seen),
        )
    if verdict is Verdict.UNKNOWN:
        raise Failed("Auth0 did not say whether it accepts the current value", "try again")


def _remedy(job: Job, seen: Seen) -> str:
    """Return what to do when Auth0 does not accept the current value."""
    sync = job.whose.command("sync", seen.places)
    return f"publish the one that it accepts: {sync}; after a leak: {sync} --compromised --reason …"


def await_spreading(job: Job, seen: Seen) -> bool:
    """Wait until every change that the places know of has spread at Auth0.

    Returns whether there was one to wait for.
    """
    changes = [p.record.promoted_at for p in seen.places if p.record] + [p.released for p in seen.places if p.released]
    left = max((job.timing.propagation - (seen.at - change) for change in changes), default=timedelta())
    if left <= timedelta():
        return False
    why = "an earlier change may still be spreading at Auth0"
    pause(left, why, clock=job.clock, watcher=job.watcher, stop=lambda: job.stop.asked)
    return True


def fallbacks(seen: Seen, *stay: Secret | None) -> tuple[Secret, ...]:
    """Return the different values of open fallbacks, which a new change ends, without those that `stay`."""
    found: list[Secret] = []
    for place in seen.places:
        value = place.value(Stage.FALLBACK)
        if value is not None and value not in stay and value not in found:
            found.append(value)
    return tuple(found)


def asides(job: Job, seen: Seen, *stay: Secret | None) -> tuple[str, ...]:
    """Return the fingerprints of what was retired softly, which a new change ends, without the values that `stay`.

    The values cannot be read any more, so only their fingerprints are known.
    """
    staying = [value.fingerprint(job.settings.client_id) for value in stay if value]
    found = (place.aside.fingerprint for place in seen.places if place.aside)
    return tuple(dict.fromkeys(each for each in found if each not in staying))

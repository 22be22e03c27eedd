"""What every operation begins with: what holds the places, the lock it will write, and the user's consent."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta

from bridge.auth0.client import objections
from bridge.auth0.probe import Verdict
from bridge.errors import Failed, Refused
from bridge.facts import Facts
from bridge.guards import live, refuse, same_places
from bridge.holders import interrupted
from bridge.hook import TIMEOUT
from bridge.job import Job, Seen, check, companions, new_id, read, recall
from bridge.outcome import Outcome
from bridge.plan import REFRESH, RETIREMENTS, Operation, Plan, Wish, fence
from bridge.resumption import plan_resumption
from bridge.rotation import Execution
from bridge.steps import AwaitRefusal, Hook, Wait
from bridge.watch import pause
from sinks.port import Lock, Stage
from sinks.record import tag_text
from sinks.secret import Secret

CHECKED = frozenset({Operation.ROTATE, Operation.COMPROMISED})
"""Of these it is told that everything was looked at before."""
STDIN = "standard input"
"""Where a value is that the user brings."""


def always(_plan: Plan) -> bool:
    """Agree to every plan."""
    return True


@dataclass(frozen=True)
class Options:
    """What every changing command may be told.

    `reason` is recorded. `agree` is shown the plan and says whether to go on.
    """

    dry_run: bool = False
    takeover: bool = False
    now: bool = False
    settle: bool = True
    reason: str = ""
    agree: Callable[[Plan], bool] = field(default=always)


def wish(job: Job, options: Options) -> Wish:
    """Return what options and settings ask of any operation."""
    return Wish(
        refresh=job.settings.consumer_refresh,
        fence=job.timing.fence,
        settle=options.settle,
        hook=job.settings.after,
        skip_waits=options.now,
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

    `ending`: the values that it ends; `asides`: the fingerprints of those that nobody can read.
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
        not_before=seen.at + waits if any(isinstance(s, Wait) and s.why == REFRESH for s in plan.steps) else None,
        fenced=seen.at + sum((step.time for step in fence(seen.places, wish(job, Options()))), timedelta()),
        reason=tag_text(reason),
        holder=secrets.token_hex(4),
        companions=companions(job, seen.places, operation),
    )


def _longest(job: Job, plan: Plan) -> timedelta:
    """Return how long an operation may hold its places, waits not counted, before it counts as dead."""
    proofs = sum(isinstance(step, AwaitRefusal) for step in plan.steps)
    hook = timedelta(seconds=TIMEOUT) if proofs and any(isinstance(step, Hook) for step in plan.steps) else timedelta()
    return job.timing.margin + proofs * job.timing.patience + hook  # else it runs when the places are free again


def execute(job: Job, options: Options, seen: Seen, plan: Plan, facts: Facts) -> Outcome:
    """Make sure that it may be carried out, show the plan, ask, and execute it; with `dry_run` only return it.

    Raises:
        BridgeError: a permission is missing, or the user did not agree; nothing was changed.
    """
    plan = replace(plan, notes=(*plan.notes, *check(job, seen, plan, facts.lock)))
    if plan.operation in CHECKED and plan.finishes is None:
        job.watcher.step("check", f"Auth0 ok, {len(seen.places)} place(s) ok, no operation in progress")
    if options.dry_run:
        client = seen.client
        return Outcome(job.settings.name, client.client_id, plan.operation, facts.lock.id, plan, "planned")
    if not options.agree(plan):
        raise Refused("not confirmed. Nothing was changed.")
    facts.lock = _from_now_on(facts.lock, seen.server_time(job.clock.monotonic()) - seen.at, plan)
    facts.retired = _retired(job, seen, plan.operation)
    job.trail.working(facts)
    return Execution(job, plan, seen, facts).run()


def _retired(job: Job, seen: Seen, operation: str) -> tuple[str, ...]:
    """Return the fingerprints of what a retirement ends, softly or for good."""
    if operation not in RETIREMENTS:
        return ()
    ended = (value.fingerprint(job.settings.client_id) for value in fallbacks(seen))
    return tuple(dict.fromkeys((*ended, *(asides(job, seen) if operation == Operation.RETIRE else ()))))


def _from_now_on(lock: Lock, passed: timedelta, plan: Plan) -> Lock:
    """Count a lock's times from after the user agreed; who finishes an operation leaves its beginning as it was."""
    return replace(
        lock,
        started=lock.started if plan.finishes else lock.started + passed,
        expected_end=lock.expected_end + passed,
        not_before=lock.not_before + passed if lock.not_before and not plan.finishes else lock.not_before,
        fenced=lock.fenced + passed if lock.fenced and not plan.finishes else lock.fenced,
    )


def inspect(job: Job, seen: Seen, strategy: str) -> None:
    """Refuse clients whose secret must not be rotated.

    Raises:
        Refused: with every reason.
    """
    accept, own = job.settings.accept, job.auth0.own_client_id
    refuse(objections(seen.client, accept=accept, own_client_id=own, strategy=strategy))


def require_accepted(job: Job, seen: Seen, value: Secret, where: str) -> None:
    """Make sure that Auth0 accepts a value; while an earlier change spreads, one refusal proves nothing: wait it out.

    Raises:
        Refused: it does not.
        Failed: it could not be told.
    """
    verdict = job.auth0.probe(seen.client, value)
    if verdict is Verdict.REFUSED and await_spreading(job, seen):
        verdict = job.auth0.probe(seen.client, value)
    if verdict is Verdict.REFUSED and where == STDIN:
        raise Refused(
            "the value from standard input is not the one that Auth0 accepts, or it was changed there less than "
            f"{job.timing.propagation.total_seconds():.0f} s ago. Nothing was changed.",
            "copy it again from the dashboard, without spaces or line breaks in it",
        )
    if verdict is Verdict.REFUSED:
        raise Refused(
            f"Auth0 does not accept the value in {where}: it was changed elsewhere, or less than "
            f"{job.timing.propagation.total_seconds():.0f} s ago. Nothing was changed.",
            _remedy(job, seen),
        )
    if verdict is Verdict.UNKNOWN:
        raise Failed("Auth0 did not say whether it accepts the current value. Nothing was changed.", "try again")


def _remedy(job: Job, seen: Seen) -> str:
    """Return what to do when Auth0 does not accept the current value."""
    sync, resume = job.whose.command("sync", seen.places), job.whose.command("resume", seen.places)
    leaked = f"after a leak: {sync} --compromised --reason …"
    if any(job.auth0.probe(seen.client, value) is Verdict.ACCEPTED for value in fallbacks(seen)):
        return (
            f"it accepts the fallback's value again. If that was a late call: {resume} sets the current one;\n"
            f"if somebody wanted it: {sync} publishes it; {leaked}"
        )
    return f"find out who changed it, then publish the live value: {sync}; {leaked}"


def await_spreading(job: Job, seen: Seen) -> bool:
    """Wait until a change that the places know of has spread at Auth0; tell whether there was one to wait for."""
    changes = [p.record.promoted_at for p in seen.places if p.record] + [p.released for p in seen.places if p.released]
    left = max((job.timing.propagation - (seen.at - change) for change in changes), default=timedelta())
    if left <= timedelta():
        return False
    why = "an earlier change may still be spreading at Auth0"
    pause(left, why, clock=job.clock, watcher=job.watcher, stop=lambda: job.stop.asked)
    return True


def opened(job: Job, options: Options) -> tuple[Seen, Lock | None]:
    """Read both ends, and finish whatever cleaning up died: it changes nothing that anybody decides by.

    Raises:
        BridgeError: something cannot be read, or another operation still cleans up.
    """
    seen, lock = interrupted(job, read(job))
    while lock is not None and lock.operation == Operation.REPAIR and not options.dry_run:
        finish(job, options, seen, lock)
        seen, lock = interrupted(job, read(job))
    return seen, lock


def fallbacks(seen: Seen, *stay: Secret | None) -> tuple[Secret, ...]:
    """Return the different values of open fallbacks, which a new change ends, without those that `stay`."""
    found: list[Secret] = []
    for place in seen.places:
        value = place.value(Stage.FALLBACK)
        if value is not None and value not in stay and value not in found:
            found.append(value)
    return tuple(found)


def asides(job: Job, seen: Seen, *stay: Secret | None) -> tuple[str, ...]:
    """Return the fingerprints of what was retired softly, which a new change ends, without the values that `stay`."""
    staying = [value.fingerprint(job.settings.client_id) for value in stay if value]
    found = (place.aside.fingerprint for place in seen.places if place.aside)
    return tuple(dict.fromkeys(each for each in found if each not in staying))


def finish(job: Job, options: Options, seen: Seen, lock: Lock, *, undo: bool = False) -> Outcome:
    """Finish an operation that died, with its own value; or `undo` it.

    Raises:
        Refused: it may still be running, or it covers other places.
    """
    found = [same_places(lock, job.uris), None if options.takeover else live(lock, seen.at, job.whose)]
    refuse(objection for objection in found if objection)
    if (lock.client_id, lock.tenant) != (job.settings.client_id, job.auth0.name):
        raise Refused(f"{lock.operation} {lock.id} is of {lock.client_id} in {lock.tenant}, another client")
    lock = replace(lock, operation=Operation.ABORT) if undo else _published(seen, lock)
    plan = plan_resumption(seen.places, lock, wish(job, options), now=seen.at)
    waits = sum((step.time for step in plan.steps if isinstance(step, Wait)), timedelta())
    mine = replace(
        lock,
        actor=job.actor,
        holder=secrets.token_hex(4),
        expected_end=seen.at + waits + _longest(job, plan),
        places=job.uris,
        reason=lock.reason or tag_text(options.reason),  # it may have died before it could write that
    )
    return execute(job, options, seen, plan, _facts(job, seen, mine))


def _published(seen: Seen, lock: Lock) -> Lock:
    """Turn an undoing into a finishing, where somebody had published the value before it began."""
    pending = [p.value(Stage.PENDING) for p in seen.places if p.lock and p.lock.id == lock.id]
    published = any(p.value(Stage.CURRENT) in pending for p in seen.places if p.value(Stage.CURRENT))
    return replace(lock, operation=Operation.ROTATE) if published and lock.operation == Operation.ABORT else lock


def _facts(job: Job, seen: Seen, lock: Lock) -> Facts:
    """Return the values that an interrupted operation is about, from wherever they stand now."""
    held = [p for p in seen.places if p.lock and p.lock.id == lock.id]
    pending = next((value for p in held if (value := p.value(Stage.PENDING))), None)
    base = _find(job, seen, lock.base) or _live_base(job, lock)
    if lock.operation == Operation.ABORT:
        if pending is None or base is None:
            raise Refused(f"the value from before {lock.id} is nowhere to be found: it cannot be undone", "finish it")
        return Facts(lock, value=base, base=base, ending=(pending,))
    if pending is None and lock.operation == Operation.ADOPT:
        pending = base  # what an adoption writes is the live value
    proven = lock.ends if lock.base in lock.ends else ()
    ending = tuple(value for each in proven if (value := _find(job, seen, each, everywhere=True)))
    return Facts(lock, value=pending, base=base, initial=base, ending=ending)


def _find(job: Job, seen: Seen, fingerprint: str, *, everywhere: bool = False) -> Secret | None:
    """Return a value by its fingerprint: from its stage or, `everywhere`, from whichever version still holds it."""
    for place in seen.places:
        for stage in (Stage.CURRENT, Stage.FALLBACK, Stage.PENDING):
            value = place.value(stage)
            if value and value.fingerprint(job.settings.client_id) == fingerprint:
                return value
    return recall(job, fingerprint, *job.uris) if everywhere else None


def _live_base(job: Job, lock: Lock) -> Secret | None:
    """Return that value from Auth0: it was read there to fill empty places, and none of them has got it yet."""
    live = job.auth0.live_secret(job.settings.client_id) if lock.base else None
    return live if live and live.fingerprint(lock.client_id) == lock.base else None

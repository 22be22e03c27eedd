"""Finishing, or undoing, what was interrupted: from what the vaults and Auth0 hold."""

from __future__ import annotations

from dataclasses import replace

from bridge.auth0.probe import Verdict
from bridge.begin import Options, await_spreading, execute, fallbacks, new_lock, opened, wish
from bridge.cleaning import finish, repair
from bridge.errors import Refused
from bridge.facts import Facts
from bridge.guards import ownership, refuse, unadopted
from bridge.job import Job, Seen
from bridge.outcome import Outcome
from bridge.plan import Operation, plan_change
from bridge.sync import known_values
from sinks.port import Lock, Stage
from sinks.secret import Secret

UNDOABLE = frozenset({Operation.ROTATE, Operation.ROLLBACK, Operation.ABORT})


def resume(job: Job, options: Options, *, abort: bool = False) -> Outcome | None:
    """Finish what was interrupted, or `abort` it if it is a rotation; None where there is nothing to finish.

    Raises:
        BridgeError: it may still be running, or cannot be finished.
    """
    seen, lock = opened(job, options)
    if lock is not None:
        if abort:
            _refuse_undoing(job, seen, lock)
        return finish(job, options, seen, lock, undo=abort)
    if abort:
        return None
    new = unadopted(seen.places)
    refuse(ownership(seen.places, job.whose, adopting=new))
    return (None if new else _restore(job, options, seen)) or repair(job, options, seen)


def _refuse_undoing(job: Job, seen: Seen, lock: Lock) -> None:
    """Make sure that an interrupted operation can be undone.

    Raises:
        Refused: it is no rotation, or its value is published somewhere already.
    """
    finishing = f"finish it: {job.whose.command('resume', seen.places)}"
    if lock.operation not in UNDOABLE:
        raise Refused(f"{lock.operation} {lock.id} cannot be undone, only finished. Nothing was changed.", finishing)
    pending = [value for p in seen.places if p.lock and (value := p.value(Stage.PENDING))]
    if not pending or not lock.base:
        why = "its new value is at Auth0 at most" if not pending else "it began without a value to go back to"
        raise Refused(f"{lock.operation} {lock.id} cannot be undone: {why}. Nothing was changed.", finishing)
    for place in seen.places:
        if place.value(Stage.CURRENT) in pending:
            raise Refused(
                f"{lock.operation} {lock.id} is published in {place.uri} already: readers use its value. "
                "Nothing was changed.",
                f"{finishing}, then go back: {job.whose.command('rollback', seen.places)}",
            )


def _restore(job: Job, options: Options, seen: Seen) -> Outcome | None:
    """Set the current value at Auth0 again, where a late call of somebody's old operation has set an earlier one.

    Raises:
        Refused: Auth0 holds a value that nobody knows here.
    """
    current = next((v for p in seen.places if p.record and (v := p.value(Stage.CURRENT))), None)
    if current is None or _verdict(job, seen, current) is not Verdict.REFUSED:
        return None
    known = known_values(job, seen)
    if any(p.value(Stage.CURRENT) not in (None, current) or p.drifted for p in seen.places) or not any(
        job.auth0.probe(seen.client, value) is Verdict.ACCEPTED for value in known if value != current
    ):
        raise Refused(
            f"nothing is interrupted, but Auth0 does not accept the current value of {seen.places[0].uri}: somebody "
            "changed it elsewhere. Nothing was changed.",
            f"publish the live value: {job.whose.command('sync', seen.places)}",
        )
    base = next(iter(fallbacks(seen, current)), None)
    plan = plan_change(Operation.RESTORE, seen.places, replace(wish(job, options), hook=()))
    lock = new_lock(job, Operation.RESTORE, seen, plan, base=base)
    return execute(job, options, seen, plan, Facts(lock, value=current, base=base))


def _verdict(job: Job, seen: Seen, value: Secret) -> Verdict:
    """Ask whether Auth0 accepts a value; while an earlier change spreads, one refusal proves nothing."""
    verdict = job.auth0.probe(seen.client, value)
    if verdict is Verdict.REFUSED and await_spreading(job, seen):
        verdict = job.auth0.probe(seen.client, value)
    return verdict

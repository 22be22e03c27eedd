"""Finishing an operation that died, and cleaning up what its last call, or an earlier one's, left behind."""

from __future__ import annotations

from dataclasses import replace

from bridge.begin import Options, always, execute, new_lock
from bridge.begin import finish as finish_only
from bridge.errors import BridgeError, Refused
from bridge.facts import Facts
from bridge.guards import live, refuse
from bridge.job import Job, Seen, read, survey
from bridge.outcome import Outcome
from bridge.plan import Operation, plan_repair
from sinks.port import Lock


def finish(job: Job, options: Options, seen: Seen, lock: Lock, *, undo: bool = False) -> Outcome:
    """Finish an operation that died, with its own value, or `undo` it; then clean up.

    Raises:
        BridgeError: it could not be finished.
    """
    done = finish_only(job, options, seen, lock, undo=undo)
    return done if options.dry_run else _cleaned(job, options, done)


def finish_own(job: Job, options: Options, seen: Seen, lock: Lock, operation: Operation, hint: str = "") -> Outcome:
    """Finish an interrupted operation where it is the one that was asked for.

    Raises:
        Refused: it is another one, which has to be finished first.
    """
    if lock.operation == operation:
        return finish(job, options, seen, lock)
    refuse(objection for objection in (live(lock, seen.at, job.whose),) if objection)
    raise Refused(
        f"{lock.operation} {lock.id} by {lock.actor} was interrupted here. Nothing was changed.",
        f"finish it first: {job.whose.command('resume', seen.places)}{hint}",
    )


def _cleaned(job: Job, options: Options, done: Outcome) -> Outcome:
    """Clean up after finishing; what stands in the way of that does not undo what is finished."""
    try:
        repair(job, replace(options, agree=always), read(job))
    except BridgeError as error:
        message = error.message.replace("Nothing was changed", "").strip(" .")
        return replace(done, notes=(*done.notes, f"not cleaned up, the next resume will: {message}"))
    return done


def repair(job: Job, options: Options, seen: Seen) -> Outcome | None:
    """Clean up what an interrupted release left; None where there is nothing."""
    left = {place.uri for place in survey(job) if place.unsettled}
    if not left or any(place.lock for place in seen.places):
        return None
    plan = plan_repair(tuple(place for place in seen.places if place.uri in left))
    lock = new_lock(job, Operation.REPAIR, seen, plan, base=None)
    return execute(job, options, seen, plan, Facts(lock))

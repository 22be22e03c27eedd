"""Goes back: the fallback's value becomes live at Auth0 again, and current everywhere."""

from __future__ import annotations

from dataclasses import dataclass, replace

from bridge.auth0.management import UPDATE_KEYS
from bridge.auth0.probe import Verdict
from bridge.execution.session import Job
from bridge.execution.snapshot import Seen, translate
from bridge.model.errors import Refused
from bridge.model.operation import Operation, Strategy
from bridge.model.operation_values import Facts
from bridge.model.origin import Origin
from bridge.model.outcome import Outcome
from bridge.model.settlement import Way
from bridge.operations.settle import settle_first
from bridge.operations.start import Options, asides, execute, fallbacks, inspect, new_lock, require_accepted, wish
from bridge.operations.unproven import contradicted, unproven, vouching
from bridge.planning.change import plan_change
from bridge.planning.guards import contents, ownership, refuse
from sinks.port import Place, SinkError, Stage
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


def rollback(job: Job, options: RollbackOptions) -> Outcome:
    """Make the fallback's value live and current again. The former current value becomes the fallback, or is ended.

    It is a staged rotation. A new version gets the old value, so that other keys keep what others have changed since.

    Raises:
        BridgeError: nothing was changed.
        Stopped: the rollback is incomplete. The error describes the state that is left.
    """
    opened = settle_first(job, options)
    done = opened.settled
    if done and (opened.ends or _is_enough(done)):
        return done  # an interrupted rollback, which is finished now
    seen = closely(job, opened.seen)
    inspect(job, seen, Strategy.STAGED)
    refuse((*ownership(seen.places, job.whose, adopting=False), *contents(seen.places, job.whose)))
    job.auth0.require(UPDATE_KEYS)
    refuse(contradicted(job, seen))
    current, target, accepted = _values(job, seen)
    notes = vouching(job, seen, options.unproven)
    command = job.whose.command("rollback", seen.places)
    refuse(unproven(job, seen, command, vouched=options.unproven, accepted=True))
    ending = (*((current,) if options.discard else ()), *fallbacks(seen, current, target))
    aside = asides(job, seen, current, target)
    asked = replace(wish(job, options), ends=bool(ending or aside), kill=options.discard)
    plan = plan_change(Operation.ROLLBACK, seen.places, asked)
    plan = replace(plan, notes=(*plan.notes, *seen.notes, *notes))
    plan = replace(plan, irreversible=ON_YOUR_WORD) if notes and not plan.irreversible else plan
    lock = new_lock(job, Operation.ROLLBACK, seen, plan, base=current, ending=ending, asides=aside)
    proven = ending if options.discard else ()
    origin = Origin.BROUGHT if options.unproven else Origin.SEALED
    facts = Facts(lock, value=target, base=current, origin=origin, ending=proven, ends=lock.ends, proven=accepted)
    return execute(job, options, seen, plan, facts)


def _is_enough(done: Outcome) -> bool:
    """Return whether the settlement was a rollback: it published an old value, or its lock says so."""
    says, settled = done.plan.says, done.settlement
    if settled is None or not done.published:
        return False
    return settled.former or (settled.way is Way.COMPLETE and says is not None and says.operation == Operation.ROLLBACK)


def closely(job: Job, seen: Seen) -> Seen:
    """Return both ends after a closer look at fallbacks that newer versions follow (`Sink.read`).

    Raises:
        BridgeError: a place cannot be read. Nothing was changed.
    """
    try:
        read = (job.sinks[p.uri].read(closely=True) if _is_followed(p) else p for p in seen.places)
        return replace(seen, places=tuple(read))
    except SinkError as error:
        raise translate(error) from None


def _is_followed(place: Place) -> bool:
    """Return whether there are versions between the fallback and the latest one."""
    versions = [v for v in place.history.versions if v.stage is not Stage.PENDING]
    return any(v.stage is Stage.FALLBACK for v in versions[:-2])


def _values(job: Job, seen: Seen) -> tuple[Secret, Secret, bool]:
    """Return the current value, the fallback's value, and whether Auth0 accepts the current one.

    Raises:
        Refused: there is no fallback, or Auth0 accepts neither of them.
    """
    found = fallbacks(seen)
    current = next((value for p in seen.places if (value := p.value(Stage.CURRENT))), None)
    if not found or current is None:
        if any(place.aside and place.aside.kept for place in seen.places):
            raise Refused(
                "there is no fallback to go back to: it was retired softly",
                f"bring it back first: {job.whose.command('retire')} --undo",
            )
        raise Refused(
            "there is no fallback to go back to: it was retired, or there was none",
            f"a new value is always possible: {job.whose.command('rotate', seen.places)}",
        )
    if len(found) > 1:
        raise Refused(
            "the places hold different fallbacks",
            f"set them right first: {job.whose.command('sync', seen.places)}",
        )
    gone_back = job.auth0.probe(seen.client, found[0]) is Verdict.ACCEPTED  # by hand, so a rollback does no harm
    if not gone_back:
        require_accepted(job, seen, current, seen.places[0].uri)
    return current, found[0], not gone_back

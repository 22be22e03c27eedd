"""Retires a fallback for good or softly, and undoes a soft retirement."""

from __future__ import annotations

from dataclasses import replace

from bridge.auth0.client import Objection
from bridge.evidence.judge import Ignored, summary
from bridge.execution.companion_mode import companions
from bridge.execution.session import Job
from bridge.execution.snapshot import Seen
from bridge.model.operation import Operation
from bridge.model.operation_values import Facts
from bridge.model.outcome import Outcome
from bridge.operations.retirement_conditions import judge
from bridge.operations.settle import settle_first
from bridge.operations.start import Options, execute, new_lock, wish
from bridge.operations.unproven import contradicted, unproven, vouching
from bridge.planning.guards import contents, ownership, refuse
from bridge.planning.maintenance import plan_bringing_back, plan_retirement
from sinks.port import Place, Stage, Version
from sinks.versions import short

SOFTLY = "retired softly: 'retire --undo' brings it back while the vaults can, 'retire' and any rotation end it"
AGAIN = "it was retired softly before; now it ends"


def retire(
    job: Job,
    options: Options,
    *,
    ignored: tuple[Ignored, ...] = (),
    force: bool = False,
    softly: bool = False,
    vouched: str = "",
) -> Outcome | None:
    """Make the fallback's value unreadable everywhere.

    `ignored` are consumers that the user vouches for. `force` retires whatever the tenant's logs say or leave open.
    With `softly` it can be undone. Otherwise what was retired softly before ends as well, because nothing stands
    against that any more. `vouched` is the version that was the fallback, where the user says so.
    Where there is nothing to retire, it returns what was settled on the way, or None.

    Raises:
        BridgeError, Stopped: nothing was changed, or the retirement is incomplete.
    """
    operation = Operation.RETIRE_SOFTLY if softly else Operation.RETIRE
    opened = settle_first(job, options)
    if opened.ends:
        return opened.settled
    seen = opened.seen
    _sound(job, seen)
    notes = _relied_on(job, seen, vouched, softly=softly)
    fallbacks = [(p, v) for p in seen.places if (v := p.history.at(Stage.FALLBACK))]
    asides = [p for p in seen.places if p.aside]
    stale = [p for p in seen.places if p.stale]
    if not fallbacks and (softly or not asides) and not stale:
        return opened.settled
    told = (
        summary(judge(job, seen, fallbacks, ignored=ignored, force=force)) if fallbacks else (AGAIN,) if asides else ()
    )
    plan = plan_retirement(seen.places, wish(job, options), softly=softly)
    plan = replace(plan, notes=(*notes, *((SOFTLY,) if softly else _losses(job, fallbacks, asides)), *told))
    lock = new_lock(job, operation, seen, plan, base=seen.places[0].value(Stage.CURRENT), reason=options.reason)
    salt = job.settings.client_id
    values = tuple(value.fingerprint(salt) for p, _ in fallbacks if (value := p.value(Stage.FALLBACK)))
    return execute(job, options, seen, plan, Facts(lock, ends=tuple(dict.fromkeys(values))))


def _relied_on(job: Job, seen: Seen, vouched: str, *, softly: bool) -> tuple[str, ...]:
    """Make sure that what ends was the fallback. Returns what to show to a user who vouches for it.

    Raises:
        Refused: nothing proves it, and the user does not vouch for it.
    """
    command = job.whose.command("retire", seen.places)
    refuse((*contradicted(job, seen), *unproven(job, seen, command, vouched=vouched, softly=not softly)))
    return vouching(job, seen, vouched)


def bring_back(job: Job, options: Options, *, vouched: str = "") -> Outcome | None:
    """Make a fallback that was retired softly the fallback again.

    `vouched` is the version that was the fallback, as for `retire`. Where nothing was retired softly, it returns what
    was settled on the way, or None.

    Raises:
        BridgeError: nothing was changed.
        Stopped: the undoing is incomplete.
    """
    opened = settle_first(job, options)
    if opened.ends:
        return opened.settled
    seen = opened.seen
    _sound(job, seen)
    if not any(place.aside for place in seen.places):
        return opened.settled
    notes = vouching(job, seen, vouched)
    undo = f"{job.whose.command('retire', seen.places)} --undo"
    refuse(unproven(job, seen, undo, vouched=vouched, softly=True))
    refuse(objection for place in seen.places for objection in _beyond(job, place))
    kept = companions(job, seen.places, Operation.BRING_BACK)
    plan = plan_bringing_back(seen.places, replace(wish(job, options), companions=kept))
    plan = replace(plan, notes=(*plan.notes, *notes))
    current = seen.places[0].value(Stage.CURRENT)
    lock = new_lock(job, Operation.BRING_BACK, seen, plan, base=current, reason=options.reason)
    return execute(job, options, seen, plan, Facts(lock))


def _sound(job: Job, seen: Seen) -> None:
    refuse((*ownership(seen.places, job.whose, adopting=False), *contents(seen.places, job.whose)))


def _beyond(job: Job, place: Place) -> list[Objection]:
    """Return why a fallback that was retired softly cannot be brought back in a place."""
    aside, current = place.aside, place.value(Stage.CURRENT)
    rotate = f"a new value is always possible: {job.whose.command('rotate')}"
    end = f"end what is left of it: {job.whose.command('retire')}"
    if aside is None:
        return []
    if not aside.kept:
        return [Objection(f"{place.uri} does not hold {short(aside.versions[0])} any more", rotate)]
    fallback = place.value(Stage.FALLBACK)
    if fallback and fallback.fingerprint(job.settings.client_id) == aside.fingerprint:
        return []  # an earlier undoing stopped halfway: only the tag is left to remove
    if place.history.at(Stage.FALLBACK):
        return [Objection(f"{place.uri} has another fallback by now", end)]
    if current and current.fingerprint(job.settings.client_id) == aside.fingerprint:
        return [Objection(f"{place.uri}: the value that was retired softly is current again", end)]
    return []


def _losses(job: Job, fallbacks: list[tuple[Place, Version]], asides: list[Place]) -> tuple[str, ...]:
    notes = [f"{p.uri}: {', '.join(map(short, p.aside.versions))} go, retired softly before" for p in asides if p.aside]
    for place, version in fallbacks:
        others = ", ".join(key for key in place.keys if key != place.key)
        history = f", with the history of {others} in them" if others else ""
        notes.append(f"{place.uri}: {short(version.id)} and every other version that holds its value go{history}")
    affected = dict.fromkeys(place.uri for place in (*(p for p, _ in fallbacks), *asides))
    return (*notes, *(job.sinks[uri].retirement for uri in affected))

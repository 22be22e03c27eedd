"""Retiring a fallback: doing it."""

from __future__ import annotations

from dataclasses import replace

from bridge.begin import Options, execute, new_lock, opened, wish
from bridge.cleaning import finish_own
from bridge.evidence import Ignored, summary
from bridge.facts import Facts
from bridge.gate import judge
from bridge.guards import contents, ownership, refuse
from bridge.job import Job, check
from bridge.outcome import Outcome
from bridge.plan import Operation, plan_retirement
from bridge.rotate import key_of
from sinks.port import Place, Stage, Version
from sinks.versions import short


def retire(job: Job, options: Options, *, ignored: tuple[Ignored, ...] = (), force: bool = False) -> Outcome | None:
    """Make the fallback's value unreadable everywhere; None where there is no fallback.

    `ignored`: consumers that somebody vouches for. `force`: whatever the tenant's logs tell, or do not.

    Raises:
        BridgeError: nothing was changed.
        Stopped: it is incomplete.
    """
    seen, lock = opened(job, options)
    if lock is not None:
        return finish_own(job, options, seen, lock, Operation.RETIRE)
    keys = {uri: key_of(uri, job) for uri in job.uris}
    refuse((*ownership(seen.places, job.whose, adopting=False), *contents(seen.places, job.whose, keys)))
    fallbacks = [(p, v) for p in seen.places if (v := p.history.at(Stage.FALLBACK))]
    if not fallbacks:
        return None
    evidence = judge(job, seen, fallbacks, ignored=ignored, force=force)
    notes = check(job, seen)
    plan = plan_retirement(seen.places, wish(job, options))
    plan = replace(plan, notes=(*_losses(job, fallbacks), *summary(evidence), *notes))
    lock = new_lock(job, Operation.RETIRE, seen, plan, base=seen.places[0].value(Stage.CURRENT), reason=options.reason)
    return execute(job, options, seen, plan, Facts(lock))


def _losses(job: Job, fallbacks: list[tuple[Place, Version]]) -> tuple[str, ...]:
    notes = []
    for place, version in fallbacks:
        others = ", ".join(key for key in place.keys if key != key_of(place.uri, job))
        history = f", with the history of {others} in them" if others else ""
        notes.append(f"{place.uri}: {short(version.id)} and every other version that holds its value go{history}")
        notes += [job.sinks[place.uri].retirement]
    return tuple(notes)

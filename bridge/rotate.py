"""Rotating a client's secret, and finishing what was interrupted."""

from __future__ import annotations

from dataclasses import dataclass, replace

from bridge.auth0.management import UPDATE_KEYS
from bridge.auth0.values import generate
from bridge.begin import Options, execute, finish, inspect, interrupted, new_lock, older, require_accepted, wish
from bridge.errors import Refused
from bridge.guards import contents, ownership, refuse
from bridge.job import Job, Seen, check, read, survey
from bridge.outcome import Outcome
from bridge.plan import Operation, Strategy, plan_repair, plan_rotation
from bridge.rotation import Facts
from sinks.port import Place, Stage
from sinks.secret import Secret


@dataclass(frozen=True)
class RotateOptions(Options):
    """What `rotate` may be told. `adopt`: take over unmanaged places; `without_fallback`: capture no live value."""

    strategy: Strategy = Strategy.STAGED
    adopt: bool = False
    without_fallback: bool = False


def rotate(job: Job, options: RotateOptions) -> Outcome:
    """Rotate and publish; an interrupted operation is finished instead, and nothing else is done.

    Raises:
        BridgeError: nothing was changed.
        Stopped: it is incomplete; the error tells where things stand.
    """
    seen, lock = interrupted(job, read(job))
    if lock is not None:
        return finish(job, options, seen, lock)
    inspect(job, seen, options.strategy)
    _guard(job, seen, options)
    job.auth0.require(UPDATE_KEYS)
    notes = check(job, seen)
    base = _base(job, seen, options)
    plan = plan_rotation(
        seen.places,
        replace(wish(job, options), strategy=options.strategy, without_fallback=options.without_fallback),
    )
    plan = replace(plan, notes=(*plan.notes, *seen.notes, *notes))
    new_value = generate(seen.client) if options.strategy is Strategy.STAGED else None
    job.watcher.step("check", f"Auth0 ok, {len(seen.places)} place(s) ok, no operation in progress")
    lock = new_lock(job, Operation.ROTATE, seen, plan, base=base, older=older(seen, base))
    return execute(job, options, seen, plan, Facts(lock, value=new_value, base=base, initial=base))


def resume(job: Job, options: Options) -> Outcome | None:
    """Finish what was interrupted; None where there is nothing to finish.

    Raises:
        BridgeError: it may still be running, or cannot be finished.
    """
    seen, lock = interrupted(job, read(job))
    if lock is not None:
        done = finish(job, options, seen, lock)
        if not options.dry_run:
            _repair(job, options, read(job))
        return done
    return _repair(job, options, seen)


def _repair(job: Job, options: Options, seen: Seen) -> Outcome | None:
    """Clean up what an interrupted release left; None where there is nothing."""
    left = {place.uri for place in survey(job) if place.unsettled}
    if not left or any(place.lock for place in seen.places):
        return None
    check(job, seen)
    plan = plan_repair(tuple(place for place in seen.places if place.uri in left))
    lock = new_lock(job, Operation.REPAIR, seen, plan, base=None)
    return execute(job, options, seen, plan, Facts(lock))


def _guard(job: Job, seen: Seen, options: RotateOptions) -> None:
    keys = {uri: key_of(uri, job) for uri in job.uris}
    found = (
        *ownership(seen.places, job.whose, adopting=False if not options.adopt else _only_new(seen.places)),
        *contents(seen.places, job.whose, keys),
    )
    refuse(found)


def _only_new(places: tuple[Place, ...]) -> bool:
    return all(place.record is None for place in places)


def key_of(uri: str, job: Job) -> str | None:
    """Return the key that a place's value stands at; None when the value is the whole text."""
    for said in job.settings.sinks:
        place, _, rest = said.partition("#")
        if place == uri:
            return rest or "client_secret"
        if place.partition("?")[0] == uri:
            return None
    return "client_secret"


def _base(job: Job, seen: Seen, options: RotateOptions) -> Secret | None:
    """Return the value that is live now: from the places, or captured from Auth0 when all of them are empty."""
    for place in seen.places:
        if value := place.value(Stage.CURRENT):
            require_accepted(job, seen, value, place.uri)
            return value
    if options.without_fallback:
        return None
    live = job.auth0.live_secret(seen.client.client_id)
    if live is None:
        raise Refused(
            "the places are empty, and the live value cannot be read from Auth0 to be kept as fallback "
            "(the management token lacks the scope read:client_keys). Nothing was changed.",
            f"grant the scope; or pipe the value in: {job.whose.command('adopt', seen.places)} --secret-stdin; "
            "or do without: --without-fallback",
        )
    require_accepted(job, seen, live, "Auth0")
    return live

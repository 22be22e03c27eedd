"""Rotating a client's secret: also one that leaked."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, replace

from bridge.auth0.management import UPDATE_KEYS
from bridge.auth0.values import check_brought, generate
from bridge.begin import (
    Options,
    always,
    asides,
    execute,
    fallbacks,
    inspect,
    new_lock,
    opened,
    require_accepted,
    wish,
)
from bridge.cleaning import finish
from bridge.errors import BridgeError, Incomplete, Refused, Usage
from bridge.facts import Facts
from bridge.guards import companions_room, contents, ownership, refuse, unadopted
from bridge.holders import interrupted
from bridge.job import Job, Seen, companions, read
from bridge.outcome import Outcome, Stopped
from bridge.plan import KILLS, Operation, Plan, Strategy, plan_change
from sinks.port import Lock, Stage
from sinks.secret import Secret


@dataclass(frozen=True)
class RotateOptions(Options):
    """What `rotate` may be told.

    `adopt`: take over unmanaged places. `without_fallback`: capture no live value. `brought`: the new value, instead of
    a generated one. `compromised`: the value that is live leaked (`reason`: how that is known).
    """

    strategy: Strategy = Strategy.STAGED
    adopt: bool = False
    without_fallback: bool = False
    brought: Secret | None = None
    compromised: bool = False


def rotate(job: Job, options: RotateOptions) -> Outcome:
    """Rotate and publish; an interrupted operation is finished instead, and nothing else is done.

    After a leak, what is interrupted is finished first, whoever does it: its value goes with the leaked one.

    Raises:
        BridgeError: nothing was changed.
        Stopped: it is incomplete; the error tells where things stand.
    """
    seen, lock = opened(job, replace(options, takeover=options.takeover or options.compromised))
    if lock is not None:
        if not options.compromised or lock.operation == Operation.COMPROMISED:
            _refuse_another_value(job, options, seen, lock)
            return finish(job, options, seen, lock)
        return _after_finishing(job, options, seen, lock)
    return _rotate(job, options, seen)


def _refuse_another_value(job: Job, options: RotateOptions, seen: Seen, lock: Lock) -> None:
    """Make sure that a value which was brought is the one that is finished: it must not be dropped in silence.

    Raises:
        Refused: it is another one.
    """
    pending = [value for place in seen.places if (value := place.value(Stage.PENDING))]
    if options.brought is not None and options.brought not in pending:
        raise Refused(
            f"{lock.operation} {lock.id} by {lock.actor} was interrupted here, with another value than the one that "
            "was brought. Nothing was changed.",
            f"finish it first: {job.whose.command('resume', seen.places)}; then give this command again",
        )


def _rotate(job: Job, options: RotateOptions, seen: Seen) -> Outcome:
    inspect(job, seen, options.strategy)
    _guard(job, seen, options)
    job.auth0.require(UPDATE_KEYS)
    return _change(job, options, seen, _base(job, seen, options))


def _after_finishing(job: Job, options: RotateOptions, seen: Seen, lock: Lock) -> Outcome:
    """Answer a leak while something is interrupted: that first."""
    options = _finish_first(job, options, seen, lock)
    try:
        return _rotate(job, options, read(job))
    except BridgeError as error:
        if options.dry_run or error.exit_status == Incomplete.exit_status:
            raise
        message = error.message.removesuffix(" Nothing was changed.")
        first = f"{lock.operation} {lock.id} was finished first; the leaked value is still readable, because: {message}"
        raise Incomplete(first, f"{error.hint or 'mend that'}; then: {_again(job, options)}") from None


def _again(job: Job, options: RotateOptions) -> str:
    return f"{job.whose.command('rotate')} --compromised --reason {shlex.quote(options.reason)}"


def _finish_first(job: Job, options: RotateOptions, seen: Seen, lock: Lock) -> RotateOptions:
    """After a leak, finish what is interrupted; return the options, with which nobody is asked for consent again.

    A retirement that must not be was given up and given back: then there is nothing to finish.

    Raises:
        Refused: the user did not agree, or it cannot be finished.
        Stopped: it is incomplete; the next command is the same one.
    """
    first = f"{lock.operation} {lock.id} by {lock.actor} is finished first"
    asked = Plan(Operation.COMPROMISED, (), notes=(first,), irreversible=KILLS)
    if not options.dry_run and not options.agree(asked):
        raise Refused("not confirmed. Nothing was changed.")
    try:
        finish(job, replace(options, takeover=True, now=True, settle=False, agree=always), seen, lock)
    except Refused:
        if interrupted(job, read(job))[1] is not None:
            raise
    except Stopped as stopped:
        raise Stopped(replace(stopped.standing, next=_again(job, options))) from None
    return replace(options, agree=always)


def _change(job: Job, options: RotateOptions, seen: Seen, base: Secret | None) -> Outcome:
    ending = fallbacks(seen, base)
    if options.compromised and base is not None:
        ending = (base, *ending)
    operation = Operation.COMPROMISED if options.compromised else Operation.ROTATE
    new_value = _new_value(options, seen) if options.strategy is Strategy.STAGED else None
    aside = asides(job, seen, base, new_value)
    asked = replace(
        wish(job, options),
        strategy=options.strategy,
        without_fallback=options.without_fallback or options.compromised,
        ends=bool(ending or aside),
        kill=base in ending,
        companions=companions(job, seen.places, operation),
    )
    plan = plan_change(operation, seen.places, asked)
    plan = replace(plan, notes=(*plan.notes, *seen.notes))
    known = base if base or options.strategy is Strategy.STAGED else job.auth0.live_secret(seen.client.client_id)
    lock = new_lock(job, operation, seen, plan, base=known, ending=ending, asides=aside, reason=options.reason)
    proven = ending if options.compromised else ()
    return execute(job, options, seen, plan, Facts(lock, value=new_value, base=known, initial=base, ending=proven))


def _new_value(options: RotateOptions, seen: Seen) -> Secret:
    """Return the value that was brought, if it will do, or a new one.

    Raises:
        Usage: why it will not.
    """
    if options.brought is None:
        return generate(seen.client)
    value = check_brought(options.brought.reveal(), seen.client)
    for place in seen.places:
        for stage in (Stage.CURRENT, Stage.FALLBACK):
            if place.value(stage) == value:
                hint = "to go back to the fallback: secret-bridge rollback" if stage is Stage.FALLBACK else None
                raise Usage(f"the secret that was brought is the {stage} value in {place.uri} already", hint=hint)
    return value


def _guard(job: Job, seen: Seen, options: RotateOptions) -> None:
    keys = {uri: key_of(uri, job) for uri in job.uris}
    found = (
        *ownership(seen.places, job.whose, adopting=options.adopt and unadopted(seen.places)),
        *contents(seen.places, job.whose, keys),
        *companions_room(seen.places, companions(job, seen.places, Operation.ROTATE)),
    )
    refuse(found)


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
    if live is None and options.compromised:
        return None  # nothing here holds it; that Auth0 comes to refuse it cannot be shown
    if live is None:
        raise Refused(
            "the places are empty, and the live value cannot be read from Auth0 to be kept as fallback "
            "(the management token lacks the scope read:client_keys). Nothing was changed.",
            f"grant the scope; or pipe the value in: {job.whose.command('adopt', seen.places)} --secret-stdin; "
            "or do without: --without-fallback",
        )
    require_accepted(job, seen, live, "Auth0")
    return live

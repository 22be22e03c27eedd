"""Rotates a client's secret, also one that leaked."""

from __future__ import annotations

from dataclasses import dataclass, replace

from bridge.auth0.management import UPDATE_KEYS
from bridge.execution.companion_mode import companions
from bridge.execution.session import Job
from bridge.execution.snapshot import Seen
from bridge.model.errors import Refused
from bridge.model.operation import Operation, Strategy
from bridge.model.operation_values import Facts
from bridge.model.outcome import Outcome
from bridge.operations.leaked import answer
from bridge.operations.new_value import new_value, origin_of
from bridge.operations.settle import Opened, settle_first
from bridge.operations.start import Options, asides, execute, fallbacks, inspect, new_lock, require_accepted, wish
from bridge.operations.unproven import unproven
from bridge.planning.change import plan_change
from bridge.planning.guards import companions_room, contents, ownership, refuse, unadopted
from sinks.port import Stage
from sinks.secret import Secret


@dataclass(frozen=True)
class RotateOptions(Options):
    """Options of `rotate`."""

    strategy: Strategy = Strategy.STAGED
    """The side that generates the new value."""
    adopt: bool = False
    """Whether to take over places that are not managed yet."""
    without_fallback: bool = False
    """Whether to leave an empty place without the live value as its first version."""
    brought: Secret | None = None
    """The new value, where the user supplies it instead of having it generated."""
    compromised: bool = False
    """Whether the live value leaked. `reason` says how that is known."""


def rotate(job: Job, options: RotateOptions) -> Outcome:
    """Rotate the secret and publish it.

    An interruption is settled first. If that published a new value, it was the rotation. The answer to a leak settles
    nothing and waits for nobody (`bridge.operations.leaked`).

    Raises:
        BridgeError: nothing was changed.
        Stopped: the rotation is incomplete. The error describes the state that is left.
    """
    if options.compromised:
        return answer(job, options, strategy=options.strategy, brought=options.brought)
    opened = settle_first(job, options, probing=True)
    if opened.settled and (opened.ends or _is_enough(opened, options)):
        return opened.settled
    return _rotate(job, options, opened)


def _is_enough(opened: Opened, options: RotateOptions) -> bool:
    """Return whether the settlement was this rotation: it published a value, and not an old or another one."""
    done = opened.settled
    if done is None or done.settlement is None or not done.published or done.settlement.former:
        return False
    current = [value for place in opened.seen.places if (value := place.value(Stage.CURRENT))]
    return options.brought is None or options.brought in current


def _rotate(job: Job, options: RotateOptions, opened: Opened) -> Outcome:
    seen = opened.seen
    inspect(job, seen, options.strategy)
    _guard(job, seen, options)
    job.auth0.require(UPDATE_KEYS)
    return _change(job, options, seen, _base(job, opened, options))


def _change(job: Job, options: RotateOptions, seen: Seen, base: Secret | None) -> Outcome:
    ending = fallbacks(seen, base)
    staged = options.strategy is Strategy.STAGED
    value = new_value(options.brought, seen) if staged else None
    aside = asides(job, seen, base, value)
    asked = replace(
        wish(job, options),
        strategy=options.strategy,
        without_fallback=options.without_fallback,
        ends=bool(ending or aside),
        companions=companions(job, seen.places, Operation.ROTATE),
    )
    plan = plan_change(Operation.ROTATE, seen.places, asked)
    plan = replace(plan, notes=(*plan.notes, *seen.notes))
    known = base if base or staged else job.auth0.live_secret(seen.client.client_id)
    lock = new_lock(job, Operation.ROTATE, seen, plan, base=known, ending=ending, asides=aside, reason=options.reason)
    facts = Facts(lock, value=value, base=known, initial=base, origin=origin_of(options.brought), ends=lock.ends)
    facts.proven = known is not None
    return execute(job, options, seen, plan, facts)


def _guard(job: Job, seen: Seen, options: RotateOptions) -> None:
    found = (
        *ownership(seen.places, job.whose, adopting=options.adopt and unadopted(seen.places)),
        *contents(seen.places, job.whose),
        *companions_room(seen.places, companions(job, seen.places, Operation.ROTATE)),
    )
    refuse(found)
    # The promotion would write over the only tag that names an open fallback.
    refuse(unproven(job, seen, job.whose.command("retire", seen.places), softly=True))


def _base(job: Job, opened: Opened, options: RotateOptions) -> Secret | None:
    """Return the value that is live now: from the places, or captured from Auth0 when all of them are empty.

    Returns None only with `without_fallback`.

    Raises:
        Refused: Auth0 does not accept the value, or it cannot be read.
    """
    seen = opened.seen
    for place in seen.places:
        if value := place.value(Stage.CURRENT):
            if value != opened.accepted:
                require_accepted(job, seen, value, place.uri)
            return value
    if options.without_fallback:
        return None
    live = job.auth0.live_secret(seen.client.client_id)
    if live is None:
        raise Refused(
            "the places are empty, and the live value cannot be read from Auth0 to be kept as fallback "
            "(the management token lacks the scope read:client_keys)",
            f"grant the scope; or pipe the value in: {job.whose.command('adopt', seen.places)} --secret-stdin; "
            "or do without: --without-fallback",
        )
    require_accepted(job, seen, live, "Auth0")
    return live

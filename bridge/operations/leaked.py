"""The answer to a leak: a new value at Auth0 at once, whatever is interrupted, locked or written beside the values.

Nothing that others can write decides here: no tag, no label, no lock. An operation that holds the places loses them. A
pending value has to be refused, like every other one that can be read. Nothing is destroyed before that proof.
"""

from __future__ import annotations

from dataclasses import replace

from bridge.auth0.management import UPDATE_KEYS
from bridge.execution.companion_mode import companions
from bridge.execution.session import Job
from bridge.execution.snapshot import Seen, read_what_can_be, staged, translate
from bridge.model.errors import Incomplete
from bridge.model.operation import Operation, Strategy
from bridge.model.operation_values import Facts
from bridge.model.outcome import Outcome
from bridge.operations.new_value import new_value, origin_of
from bridge.operations.start import Options, asides, execute, inspect, new_lock, wish
from bridge.planning.change import plan_change
from bridge.planning.guards import contents, refuse
from sinks.port import SinkError, Stage
from sinks.secret import Secret, unlike


def answer(job: Job, options: Options, *, strategy: Strategy, brought: Secret | None) -> Outcome:
    """Set a new value, publish it wherever that is possible, and end every other one after the proof.

    `brought` is the new value where the user supplies it. Places that do not answer are left out, and the outcome is
    then incomplete.

    Raises:
        BridgeError: nothing was changed.
        Stopped: the answer is incomplete, and the same command has to be given again.
    """
    seen, away = read_what_can_be(job)
    inspect(job, seen, strategy)
    refuse(contents(tuple(p for p in seen.places if p.exists and not p.value(Stage.CURRENT)), job.whose))
    job.auth0.require(UPDATE_KEYS)
    value = new_value(brought, seen) if strategy is Strategy.STAGED else None
    base = next((found for p in seen.places if (found := p.value(Stage.CURRENT))), None)
    ending = unlike((value,) if value else (), _readable(job, seen))
    salt = job.settings.client_id
    ends = tuple(dict.fromkeys((*(each.fingerprint(salt) for each in ending), *asides(job, seen, value))))
    asked = replace(
        wish(job, options),
        strategy=strategy,
        # A leaked value is no candidate, so an empty place does not get it as its first version.
        without_fallback=True,
        ends=bool(ends),
        kill=bool(ending),
        over=True,
        companions=companions(job, seen.places, Operation.COMPROMISED),
    )
    plan = plan_change(Operation.COMPROMISED, seen.places, asked)
    missing = tuple(f"{uri} is not reached, and goes on as it is: {error.message}" for uri, error in away.items())
    plan = replace(plan, notes=(*plan.notes, *seen.notes, *missing))
    lock = new_lock(job, Operation.COMPROMISED, seen, plan, base=base, ending=ending, reason=options.reason)
    facts = Facts(lock, value=value, base=base, origin=origin_of(brought), ending=ending, ends=ends)
    done = execute(job, options, seen, plan, facts)
    if not away or done.result == "planned":
        return done
    note = "when they answer again, give this command once more: what leaked can still be read there"
    return replace(done, notes=(*done.notes, *missing, note), exit_status=Incomplete.exit_status)


def _readable(job: Job, seen: Seen) -> tuple[Secret, ...]:
    """Return the different values that can be read in any version of any place."""
    try:
        others = [value for p in seen.places for value in job.sinks[p.uri].candidates(every=True)]
    except SinkError as error:
        raise translate(error) from None
    return unlike((), (*staged(seen.places), *others))

"""Retiring a fallback: its conditions, and doing it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bridge.auth0.probe import Verdict
from bridge.begin import Options, execute, new_lock, opened, require_accepted, wish
from bridge.cleaning import finish_own
from bridge.errors import Failed, Refused
from bridge.facts import Facts
from bridge.guards import contents, ownership, refuse
from bridge.job import Job, Seen, check
from bridge.outcome import Outcome
from bridge.plan import Operation, plan_retirement
from bridge.rotate import key_of
from bridge.timing import span
from sinks.port import Place, Stage, Version
from sinks.record import stamp
from sinks.secret import Secret
from sinks.versions import short

PROBES = 6
RESOLUTION = timedelta(seconds=1)
"""The vaults tell the time in whole seconds."""


@dataclass(frozen=True)
class Conditions:
    """What must hold before a fallback may go. `since` is when it stopped being current, in the vaults' time."""

    since: datetime
    allowed_from: datetime
    now: datetime
    refused: int
    accepted: int

    @property
    def old_enough(self) -> bool:
        """Whether every consumer had to show its secret since."""
        return self.now + RESOLUTION > self.allowed_from

    @property
    def met(self) -> bool:
        """Whether the fallback may go."""
        return self.old_enough and self.accepted == 0 and self.refused == PROBES


def conditions(places: tuple[Place, ...], min_age: timedelta, now: datetime, verdicts: list[Verdict]) -> Conditions:
    """Judge what was read and probed. Pure."""
    since = max((p.record.promoted_at for p in places if p.record), default=now)
    return Conditions(
        since=since,
        allowed_from=since + min_age,
        now=now,
        refused=verdicts.count(Verdict.REFUSED),
        accepted=verdicts.count(Verdict.ACCEPTED),
    )


def retire(job: Job, options: Options) -> Outcome | None:
    """Make the fallback's value unreadable everywhere; None where there is no fallback.

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
    _judge(job, seen, fallbacks)
    notes = check(job, seen)
    plan = plan_retirement(seen.places, wish(job, options))
    plan = replace(plan, notes=(*_losses(job, fallbacks), *notes))
    lock = new_lock(job, Operation.RETIRE, seen, plan, base=seen.places[0].value(Stage.CURRENT))
    return execute(job, options, seen, plan, Facts(lock))


def _judge(job: Job, seen: Seen, fallbacks: list[tuple[Place, Version]]) -> None:
    """Probe both values and refuse unless every condition holds."""
    current = seen.places[0].value(Stage.CURRENT)
    if current is None:
        raise Refused(f"{seen.places[0].uri} holds no current value. Nothing was changed.")
    require_accepted(job, seen, current, seen.places[0].uri)
    values: list[Secret] = []
    for place, _ in fallbacks:
        value = place.value(Stage.FALLBACK)
        if value is not None and value not in values:
            values.append(value)
    verdicts = [job.auth0.probe(seen.client, value) for value in values for _ in range(PROBES)]
    judged = conditions(seen.places, job.settings.fallback_min_age, seen.at, verdicts[:PROBES])
    judged = replace(judged, accepted=verdicts.count(Verdict.ACCEPTED))
    if judged.met or (not values and judged.old_enough):
        return
    if verdicts.count(Verdict.UNKNOWN) and judged.old_enough and not judged.accepted:
        raise Failed("Auth0 did not say whether it refuses the fallback's value. Nothing was changed.", "try again")
    raise Refused(_told(job, fallbacks, judged), None if judged.old_enough else "run the same command then")


def _told(job: Job, fallbacks: list[tuple[Place, Version]], judged: Conditions) -> str:
    which = " / ".join(f"{short(v.id)} ({p.uri})" for p, v in fallbacks)
    age, least = judged.now - judged.since, job.settings.fallback_min_age
    until = f" stays until {stamp(judged.allowed_from)} ({span(judged.allowed_from - judged.now)} left)"
    refused = "yes" if judged.accepted == 0 else "NO: it still accepts the old value"
    lines = [
        f"fallback {which}{'' if judged.old_enough else until}{'' if not judged.old_enough else ' must not go yet'}.",
        f"  age                {span(age)} (min {span(least)})   {'yes' if judged.old_enough else 'no'}",
        f"  refused by Auth0   {refused} ({judged.refused} of {PROBES} probes)",
        "Nothing was changed.",
    ]
    return "\n".join(lines)


def _losses(job: Job, fallbacks: list[tuple[Place, Version]]) -> tuple[str, ...]:
    notes = []
    for place, version in fallbacks:
        others = ", ".join(key for key in place.keys if key != key_of(place.uri, job))
        history = f", with the history of {others} in them" if others else ""
        notes.append(f"{place.uri}: {short(version.id)} and every other version that holds its value go{history}")
        notes += [job.sinks[place.uri].retirement]
    return tuple(notes)

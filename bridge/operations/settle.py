"""The one way out of every interruption: Auth0 is asked which value it accepts, and then the command goes on.

A lock is never an order. It says when its holder counts as dead, and its words are shown. What is set, published or
ended follows from what Auth0 accepts (`bridge.planning.settle`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bridge.auth0.client import Objection
from bridge.auth0.probe import Verdict
from bridge.execution.companion_mode import companions
from bridge.execution.leak_notes import may_be_readable
from bridge.execution.session import Job
from bridge.execution.snapshot import Seen, read, read_what_can_be, survey, translate
from bridge.model.errors import BridgeError, Failed, Incomplete, Refused
from bridge.model.operation import Operation
from bridge.model.operation_values import Facts
from bridge.model.outcome import Outcome
from bridge.model.progress import pause
from bridge.operations.start import Options, await_spreading, execute, new_lock
from bridge.planning.guards import refuse, same_places
from bridge.planning.maintenance import plan_settling
from bridge.planning.settle import kills
from sinks.port import Lock, Place, SinkError, Stage
from sinks.record import sinks_tag, stamp
from sinks.secret import Secret, unlike

LONGEST = timedelta(hours=24)
"""The longest time that a lock may claim for its holder, unless consumers take even longer to refresh."""
SECOND = timedelta(seconds=1)
"""Resolution of the vaults' times."""
FOREIGN = "what is foreign stays readable as an older version; what held the place before it is found out and settled"


@dataclass(frozen=True)
class Opened:
    """Both ends after any interruption was settled, and the outcome of that.

    `accepted` is a value that Auth0 has just accepted, where that was asked.
    """

    seen: Seen
    settled: Outcome | None = None
    accepted: Secret | None = None

    @property
    def ends(self) -> bool:
        """Whether nothing else may follow: only a plan was wanted, or the user has to look first."""
        return bool(self.settled and (self.settled.result == "planned" or self.settled.exit_status))


def settle_first(
    job: Job, options: Options, *, probing: bool = False, tidying: bool = False, brought: Secret | None = None
) -> Opened:
    """Read both ends, and settle what is interrupted.

    With `probing`, a current value that Auth0 refuses counts as an interruption too, and a lock that soon counts as
    dead is waited for. With `tidying`, what an interrupted release has left is settled as well. `brought` is a value
    that is live according to the user.

    Raises:
        BridgeError: an operation may still run, something foreign is in the way, or it cannot be known what Auth0
            accepts.
    """
    seen, away = read_what_can_be(job)
    seen = _known(job, seen)
    if away and not any(place.lock for place in seen.places):
        raise translate(next(iter(away.values())))
    if probing and not (options.takeover or options.dry_run):
        seen = _patiently(job, seen)
    strange = [place.foreign for place in seen.places if place.foreign]
    if strange and not options.discard_foreign:
        raise Refused(
            "\n".join(strange),
            f"if nobody needs it: {job.whose.command('resume', seen.places)} --discard-foreign",
        )
    locks = [place.lock for place in seen.places if place.lock]
    refuse(filter(None, (same_places(lock, job.uris) for lock in locks)))
    if not options.takeover:
        refuse(filter(None, (_alive(job, place, seen.at) for place in seen.places)))
    left = tidying and any(place.unsettled for place in survey(job))
    if not locks and not strange and not left:
        current = _current(job, seen) if probing else ()
        if not any(_refused(job, seen, value) for value in current):
            return Opened(seen, accepted=current[0] if current else None)
    says = max(locks, key=lambda lock: lock.started, default=None)
    done = _settle(job, options, seen, Interruption(says, brought, away))
    return Opened(seen if done.result == "planned" or done.exit_status else _again(job, done), done)


def _again(job: Job, done: Outcome) -> Seen:
    """Read both ends once more.

    Raises:
        Incomplete: that fails. It must not be a refusal, because something was settled before.
    """
    try:
        return read(job)
    except BridgeError as error:
        then = f"what was interrupted was settled ({done.result}); then: {error.message}"
        raise Incomplete(then, error.hint) from None


def _known(job: Job, seen: Seen) -> Seen:
    """Return both ends with every lock assigned: to this client, or to something foreign.

    An operation that died before it wrote its name is recognised as ours by its label.
    """
    whole = (replace(p, lock=_named(job, seen, p.unnamed)) if p.unnamed and p.lock is None else p for p in seen.places)
    places = (replace(p, lock=None, foreign=text) if (text := _strange(job, p)) else p for p in whole)
    return replace(seen, places=tuple(places))


def _named(job: Job, seen: Seen, lock: Lock) -> Lock:
    known = next((p.lock for p in seen.places if p.lock and p.lock.id == lock.id), lock)
    return replace(
        lock,
        actor=known.actor,
        expected_end=max(known.expected_end, lock.started + job.timing.margin),
        client_id=job.settings.client_id,
        tenant=job.auth0.name,
        places=known.places or tuple(sinks_tag(job.uris).split()),
        companions=companions(job, seen.places, lock.operation),
    )


def _strange(job: Job, place: Place) -> str:
    """Return what holds a place and is no operation of this client, or ""."""
    lock = place.lock
    if place.foreign or lock is None:
        return place.foreign
    if lock.operation not in {*Operation}:
        return f"{place.uri} is held by an operation that this version does not know: {lock.operation} {lock.id}"
    if (lock.client_id, lock.tenant) != (job.settings.client_id, job.auth0.name):
        return f"{place.uri} is held by {lock.operation} {lock.id} of {lock.client_id} in {lock.tenant}, another client"
    named = tuple(sinks_tag(job.uris).split())
    if place.record and place.record.places == named != lock.places:
        return f"{place.uri} is held by {lock.operation} {lock.id}, which names other places than are recorded there"
    return ""


def dead_from(job: Job, place: Place) -> datetime | None:
    """Return when a lock's holder counts as dead, or None where there is no lock.

    The lock itself says when. Others may write locks, so that time is limited by the longest life of a lock, counted
    from when the vault saw it written.
    """
    if place.lock is None:
        return None
    longest = max(job.settings.consumer_refresh, LONGEST) + job.timing.margin + job.timing.patience
    bound = (place.claimed or place.at) + longest
    return min(place.lock.expected_end, bound)


def _alive(job: Job, place: Place, now: datetime) -> Objection | None:
    until, lock = dead_from(job, place), place.lock
    if lock is None or until is None or now >= until:
        return None
    return Objection(
        f"{lock.operation} {lock.id} by {lock.actor}, begun {stamp(lock.started)}, is in progress and counts as live "
        f"until {stamp(until)}",
        f"wait for it; if you know that it died, go on now: {job.whose.command('resume')} --takeover",
    )


def _patiently(job: Job, seen: Seen) -> Seen:
    """Wait for a lock that soon counts as dead, and return both ends as they are then.

    The job that held it may have been ended and started again.
    """
    ends = [until for place in seen.places if (until := dead_from(job, place)) and until > seen.at]
    if not ends or max(ends) - seen.at > job.timing.margin + SECOND:
        return seen
    why = "an operation that holds the places may still be running"
    pause(max(ends) - seen.at + SECOND, why, clock=job.clock, watcher=job.watcher, stop=lambda: job.stop.asked)
    return _known(job, read(job))


def _current(job: Job, seen: Seen) -> tuple[Secret, ...]:
    """Return the different current values of places that record this client and this list, usually one."""
    whose = job.settings.client_id, job.auth0.name, tuple(sinks_tag(job.uris).split())
    ours = (p for p in seen.places if p.record and (p.record.client_id, p.record.tenant, p.record.places) == whose)
    return unlike((), [value for p in ours if (value := p.value(Stage.CURRENT))])


def _refused(job: Job, seen: Seen, value: Secret) -> bool:
    """Return whether Auth0 refuses a value. While a change spreads, one refusal means nothing.

    Raises:
        Failed: Auth0 gave no answer.
    """
    verdict = job.auth0.probe(seen.client, value)
    if verdict is Verdict.REFUSED and await_spreading(job, seen):
        verdict = job.auth0.probe(seen.client, value)
    if verdict is Verdict.UNKNOWN:
        raise Failed("Auth0 did not say whether it accepts the current value", "try again")
    return verdict is Verdict.REFUSED


@dataclass(frozen=True)
class Interruption:
    """What there is to settle.

    `says` is the interrupted operation's lock, if there is one. `brought` is a value that is live according to the
    user. `away` holds the errors of the places that do not answer, by URI.
    """

    says: Lock | None
    brought: Secret | None
    away: dict[str, SinkError]


def _settle(job: Job, options: Options, seen: Seen, found: Interruption) -> Outcome:
    says = found.says
    plan = plan_settling(seen.places, job.timing.lease + job.timing.propagation, says)
    foreign = tuple(f"{place.foreign}; {FOREIGN}" for place in seen.places if place.foreign)
    plan = replace(plan, notes=foreign)
    lock = new_lock(job, Operation.SETTLE, seen, plan, base=None, reason=options.reason)
    if says is not None:
        lock = replace(
            says,
            actor=lock.actor,
            holder=lock.holder,
            expected_end=lock.expected_end,
            places=lock.places,
            companions=lock.companions,
        )
    done = execute(job, options, seen, plan, Facts(lock, brought=found.brought, unseen=tuple(found.away)))
    if done.result != "planned":
        done = replace(done, notes=(*foreign, *done.notes))
    if found.away and done.result != "planned":
        left = tuple(
            f"{uri} was not reached, the next command does the rest: {e.message}" for uri, e in found.away.items()
        )
        done = replace(done, notes=(*done.notes, *left), exit_status=Incomplete.exit_status)
    if says is None or done.result == "planned" or not kills(says):
        return done
    return replace(done, notes=(*done.notes, may_be_readable(job, says)), exit_status=Incomplete.exit_status)

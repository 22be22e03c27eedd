"""How a client stands, from metadata alone: pure judgement over what `Sink.survey` returned."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from bridge.config.settings import ClientSettings
from bridge.guards import Whose
from bridge.timing import span
from sinks.port import Place, Stage
from sinks.record import MANAGER, sinks_tag


@dataclass(frozen=True)
class Fallback:
    """An open fallback in one place, and since when it is one."""

    uri: str
    version: str
    since: datetime


@dataclass(frozen=True)
class Status:
    """One client at a glance. `attention`: somebody should do `next`."""

    client: str
    client_id: str
    owner: str | None
    places: tuple[Place, ...]
    state: str
    attention: bool = False
    next: str | None = None
    age: timedelta | None = None
    age_is_minimum: bool = False
    fallbacks: tuple[Fallback, ...] = ()
    retire_from: datetime | None = None
    retire_by: datetime | None = None


def judge(settings: ClientSettings, whose: Whose, places: tuple[Place, ...]) -> Status:
    """Return the status of a client whose places were surveyed. The first of the reasons for attention counts."""
    now = max(place.at for place in places)
    records = [p.record for p in places if p.record]
    promoted = min((r.promoted_at for r in records), default=None)
    latest = max((r.promoted_at for r in records), default=None)
    fallbacks = tuple(
        Fallback(p.uri, v.id, p.record.promoted_at) for p in places if p.record and (v := p.history.at(Stage.FALLBACK))
    )
    state, attention, verb = _state(settings, whose, places, now, promoted, latest if fallbacks else None)
    return Status(
        client=settings.name,
        client_id=settings.client_id,
        owner=settings.owner,
        places=places,
        state=state,
        attention=attention,
        next=whose.command(verb, places) if verb else None,
        age=now - promoted if promoted else None,
        age_is_minimum=any(r.age_is_minimum for r in records),
        fallbacks=fallbacks,
        retire_from=latest + settings.fallback_min_age if fallbacks and latest else None,
        retire_by=latest + settings.fallback_max_age if fallbacks and latest else None,
    )


def _state(
    settings: ClientSettings,
    whose: Whose,
    places: tuple[Place, ...],
    now: datetime,
    promoted: datetime | None,
    fallback_since: datetime | None,
) -> tuple[str, bool, str | None]:
    """Return the state in words, whether it wants attention, and the verb of the next command."""
    if wrong := _unsound(places, whose, now):
        return wrong
    if promoted is None:
        return "ok", False, None
    age = now - promoted
    if fallback_since and now - fallback_since > settings.fallback_max_age:
        over = now - fallback_since - settings.fallback_max_age
        return (
            f"fallback overdue since {span(over)} (fallback_max_age {span(settings.fallback_max_age)})",
            True,
            "retire",
        )
    if age > settings.max_age:
        return f"due since {span(age - settings.max_age)} (max_age {span(settings.max_age)})", True, "rotate"
    if fallback_since:
        allowed = fallback_since + settings.fallback_min_age
        if now >= allowed:
            return "ok; the fallback may be retired", False, "retire"
        return f"ok; retire from {allowed:%Y-%m-%d %H:%MZ}", False, None
    return "ok", False, None


def _unsound(places: tuple[Place, ...], whose: Whose, now: datetime) -> tuple[str, bool, str | None] | None:
    """Return what is wrong with the places themselves, the most urgent first."""
    if locked := next((p for p in places if p.lock), None):
        lock = locked.lock
        begun = f"begun {lock.started:%H:%M:%SZ}" if lock else ""
        told = f"{lock.operation} {lock.id} by {lock.actor}, {begun}, {_far(places)}" if lock else ""
        if lock and now < lock.expected_end:
            return f"in progress: {told}; counts as live until {lock.expected_end:%H:%M:%SZ}", False, None
        return f"interrupted: {told}", True, "resume"
    if any(p.unsettled for p in places):
        return "something was left behind by an interrupted operation", True, "resume"
    if foreign := [p for p in places if p.manager not in (None, MANAGER)]:
        return f"{foreign[0].uri} is managed by '{foreign[0].manager}'", True, None
    if missing := [p.uri for p in places if not p.exists]:
        return f"nothing yet in {', '.join(missing)}", True, "rotate"
    if unmanaged := [p for p in places if p.record is None]:
        told = ", ".join(p.uri for p in unmanaged)
        if any(p.wiped for p in unmanaged):
            return f"its tags were wiped: {told}", True, "adopt --repair"
        return f"not managed: {told}", True, "adopt"
    return _disagreement(places, whose)


def _far(places: tuple[Place, ...]) -> str:
    """Return how far the operation that holds the places came, as their metadata tells."""
    lock = next(p.lock for p in places if p.lock)
    published = sum(p.record is not None and p.record.rotation == lock.id for p in places)
    if published:
        return f"published in {published} of {len(places)}"
    return f"holds {sum(p.lock is not None for p in places)} of {len(places)} places, published in none"


def _disagreement(places: tuple[Place, ...], whose: Whose) -> tuple[str, bool, str | None] | None:
    """Return what is wrong with what managed places say of themselves."""
    records = [p.record for p in places if p.record]
    if any((r.client_id, r.tenant) != (records[0].client_id, records[0].tenant) for r in records) or (
        records[0].client_id != whose.client_id
    ):
        return f"holds the secret of {records[0].client_id}", True, None
    if any(r.places != tuple(sinks_tag(tuple(p.uri for p in places)).split()) for r in records):
        return f"recorded with other places: {' '.join(records[0].places)}", True, "adopt"
    if len({r.rotation for r in records}) > 1:
        return "drift: the places hold different rotations", True, "sync"
    return None

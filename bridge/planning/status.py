"""The status of a client, judged by the metadata that `Sink.survey` returned. Pure.

No value is read and no seal can be checked, so tags are shown as they are. The vaults' times bound ages.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from bridge.config.settings import ClientSettings, Exemption
from bridge.model.client_ref import ClientRef
from bridge.planning.advice import NEXT, Trouble
from bridge.planning.due import Held, due_after, held, jitter_of
from bridge.planning.sink_record import promoted as promoted_at
from sinks.clock import span
from sinks.port import SinkState, Stage
from sinks.record import MANAGER, SoftDeleted, sinks_tag
from sinks.versions import short


class Kind(StrEnum):
    """Name of a state in output for programs. The most urgent one comes first.

    The names are part of the output's contract, so scripts may compare them.
    """

    INTERRUPTED = "interrupted"
    NOT_READ = "not-read"
    DRIFT = "drift"
    MISPLACED = "misplaced"
    WIPED = "wiped"
    FALLBACK_OVERDUE = "fallback-overdue"
    DUE = "due"
    EMPTY = "empty"
    UNMANAGED = "unmanaged"
    IN_PROGRESS = "in-progress"
    EXCEPTED = "excepted"
    OK = "ok"

    @property
    def label(self) -> str:
        """The state's name for people. Where `Status.state` begins with it, the report shows it once."""
        return {Kind.WIPED: "tags wiped", Kind.UNMANAGED: "not managed"}.get(self, self.replace("-", " "))


@dataclass(frozen=True)
class Finding:
    """What there is to say about a client.

    `attention` says whether the user should act. `verb` is the verb of the command for that.
    """

    kind: Kind
    text: str
    attention: bool = False
    verb: str | None = None


@dataclass(frozen=True)
class Fallback:
    """An open fallback in one sink, and since when it is one."""

    uri: str
    version: str
    since: datetime


@dataclass(frozen=True)
class Status:
    """One client at a glance.

    It is what metadata say. Whether Auth0 accepts the values, only `verify` asks.
    """

    client: str
    """The client's name."""
    client_id: str
    """The client's id at Auth0."""
    owner: str | None
    """The client's owner, where the configuration names one."""
    sinks: tuple[SinkState, ...]
    """The sinks, as they were surveyed."""
    at: datetime
    """The vaults' time of the survey: the latest of all sinks."""
    kind: Kind
    """The state, for programs."""
    state: str
    """The state in words."""
    attention: bool = False
    """Whether the user should run `next`, or look where there is no such command."""
    next: str | None = None
    """The command that the state calls for, if there is one."""
    promoted: datetime | None = None
    """Since when the current value is current, in the sink where it is oldest."""
    age_is_minimum: bool = False
    """Whether a value was there before the bridge, so that it is at least that old."""
    due: bool = False
    """Whether the secret is older than it may be, and no exception counts."""
    due_at: datetime | None = None
    """When the secret became or becomes due: at its `max_age`, less its client's share of the jitter."""
    held_until: datetime | None = None
    """Until when `--due` begins nothing, because of windows and blackouts. None: it may begin now."""
    fallbacks: tuple[Fallback, ...] = ()
    """The open fallbacks."""
    retire_from: datetime | None = None
    """When an open fallback may be retired."""
    retire_by: datetime | None = None
    """When a fallback has to be retired. This also holds for one that was retired softly."""
    exception: Exemption | None = None
    """The exception that the configuration grants, whether it still counts or not."""

    @property
    def age(self) -> timedelta | None:
        """How old the current value is, in the sink where it is oldest.

        None where no sink has a record.
        """
        return self.at - self.promoted if self.promoted else None

    @property
    def age_in_words(self) -> str:
        """The same age in words, with a "≥" if it is a lower bound. It is "-" if it is not known."""
        return "-" if self.age is None else f"{'≥ ' if self.age_is_minimum else ''}{span(self.age)}"


def judge(settings: ClientSettings, client_ref: ClientRef, sinks: tuple[SinkState, ...]) -> Status:
    """Return the status of a client whose sinks were surveyed.

    Only the most urgent reason for attention is reported. `sinks` must not be empty.
    """
    now = max(state.at for state in sinks)
    moments = [moment for p in sinks if (moment := promoted_at(p, now))]
    # The oldest value decides when to rotate, the latest promotion when the fallback may go.
    promoted, latest = min(moments, default=None), max(moments, default=None)
    fallbacks = tuple(
        Fallback(p.uri, v.id, moment)
        for p in sinks
        if (moment := promoted_at(p, now)) and (v := p.history.at(Stage.FALLBACK))
    )
    deleted = [state.soft_deleted for state in sinks if state.soft_deleted]
    since = latest if fallbacks or deleted else None
    aged = _aged(settings, now, promoted, since, softly=_softly(deleted) if not fallbacks else "")
    waits, due_at = held(settings, now), promoted + due_after(settings) if promoted else None
    found = _unsound(sinks, client_ref, now) or _excepted(_waiting(aged, waits), settings.exception, now)
    excepted = settings.exception is not None and settings.exception.counts(now)
    return Status(
        client=settings.name,
        client_id=settings.client_id,
        owner=settings.owner,
        sinks=sinks,
        at=now,
        kind=found.kind,
        state=found.text,
        attention=found.attention,
        next=client_ref.command(found.verb, sinks) if found.verb else None,
        promoted=promoted,
        age_is_minimum=any(p.record.age_is_minimum for p in sinks if p.record),
        due=bool(due_at and now > due_at) and not excepted,
        due_at=due_at,
        held_until=waits.until if waits else None,
        fallbacks=fallbacks,
        retire_from=since + settings.fallback_min_age if since and fallbacks else None,
        retire_by=since + settings.fallback_max_age if since else None,
        exception=settings.exception,
    )


def _wrong(kind: Kind, text: str, trouble: Trouble) -> Finding:
    return Finding(kind, text, attention=True, verb=NEXT[trouble])


def _aged(
    settings: ClientSettings, now: datetime, promoted: datetime | None, since: datetime | None, *, softly: str
) -> Finding:
    """Return the finding on the ages of the current value and of the fallback.

    `since` is the time since when there is a fallback. `softly` is the text for one that was retired softly and still
    has to end.
    """
    if promoted is None:
        return Finding(Kind.OK, "ok")
    age = now - promoted
    if since and now - since > settings.fallback_max_age:
        over, limit = span(now - since - settings.fallback_max_age), span(settings.fallback_max_age)
        text = f"{Kind.FALLBACK_OVERDUE.label} since {over} (fallback_max_age {limit})"
        return _wrong(Kind.FALLBACK_OVERDUE, text, Trouble.FALLBACK_OVERDUE)
    if age > due_after(settings):
        jitter = f", {span(jitter_of(settings))} of jitter less" if jitter_of(settings) else ""
        text = f"{Kind.DUE.label} since {span(age - due_after(settings))} (max_age {span(settings.max_age)}{jitter})"
        return _wrong(Kind.DUE, text, Trouble.DUE)
    if since and softly:
        return Finding(Kind.OK, softly, verb="retire")
    if since:
        allowed = since + settings.fallback_min_age
        if now >= allowed:
            return Finding(Kind.OK, "ok; the fallback may be retired", verb="retire")
        return Finding(Kind.OK, f"ok; retire from {allowed:%Y-%m-%d %H:%MZ}")
    return Finding(Kind.OK, "ok")


def _softly(deleted: Sequence[SoftDeleted]) -> str:
    kept = all(soft_deleted.kept for soft_deleted in deleted)
    return f"ok; the fallback was retired softly, and can {'still' if kept else 'no longer'} be brought back"


def _waiting(found: Finding, waits: Held | None) -> Finding:
    """Return a finding on ages, with what `--due` waits for before it does what the finding calls for."""
    return replace(found, text=f"{found.text}; --due waits {waits.words}") if waits and found.verb else found


def _excepted(found: Finding, granted: Exemption | None, now: datetime) -> Finding:
    """Return what an exception makes of a finding on ages. It never affects what is wrong with the sinks."""
    if granted is None or found.kind not in (Kind.DUE, Kind.FALLBACK_OVERDUE):
        return found
    # An exception that has ended is named, because it explains why the state has changed.
    if not granted.counts(now):
        text = f"{found.text}; the exception of {granted.owner} ended on {granted.until}"
        return Finding(found.kind, text, found.attention, found.verb)
    text = f"{Kind.EXCEPTED.label} until {granted.until} by {granted.owner} ({granted.reason}): {found.text}"
    return Finding(Kind.EXCEPTED, text)


def _unsound(sinks: tuple[SinkState, ...], client_ref: ClientRef, now: datetime) -> Finding | None:
    """Return what is wrong with the sinks themselves, the most urgent problem first."""
    # An interruption first: everything else may be its consequence.
    if locked := next((p for p in sinks if p.lock), None):
        lock = locked.lock
        begun = f"begun {lock.started:%H:%M:%SZ}" if lock else ""
        told = f"{lock.operation} {lock.id} by {lock.actor}, {begun}, {_far(sinks)}" if lock else ""
        if lock and now < lock.expected_end:
            live = f"counts as live until {lock.expected_end:%H:%M:%SZ}"
            return Finding(Kind.IN_PROGRESS, f"{Kind.IN_PROGRESS.label}: {told}; {live}")
        return Finding(
            Kind.INTERRUPTED, f"{Kind.INTERRUPTED.label}: {told}", attention=True, verb=NEXT[Trouble.INTERRUPTED]
        )
    if strange := next((p.foreign for p in sinks if p.foreign), ""):
        return _wrong(Kind.INTERRUPTED, f"foreign: {strange}", Trouble.FOREIGN)
    if any(p.unsettled for p in sinks):
        text = "something was left behind by an interrupted operation"
        return _wrong(Kind.INTERRUPTED, text, Trouble.LEFT_OVER)
    if foreign := [p for p in sinks if p.manager not in (None, MANAGER)]:
        return Finding(Kind.MISPLACED, f"{foreign[0].uri} is managed by '{foreign[0].manager}'", attention=True)
    if missing := [p.uri for p in sinks if not p.exists]:
        return _wrong(Kind.EMPTY, f"nothing yet in {', '.join(missing)}", Trouble.EMPTY)
    if unmanaged := [p for p in sinks if p.record is None]:
        told = ", ".join(p.uri for p in unmanaged)
        if any(p.wiped for p in unmanaged):
            return _wrong(Kind.WIPED, f"its tags were wiped: {told}", Trouble.WIPED)
        return _wrong(Kind.UNMANAGED, f"{Kind.UNMANAGED.label}: {told}", Trouble.UNMANAGED)
    return _disagreement(sinks, client_ref)


def _far(sinks: tuple[SinkState, ...]) -> str:
    """Return how far the operation that holds the sinks has come, by their metadata."""
    lock = next(p.lock for p in sinks if p.lock)
    published = sum(p.record is not None and p.record.rotation == lock.id for p in sinks)
    if published:
        return f"published in {published} of {len(sinks)}"
    return f"holds {sum(p.lock is not None for p in sinks)} of {len(sinks)} sinks, published in none"


def _disagreement(sinks: tuple[SinkState, ...], client_ref: ClientRef) -> Finding | None:
    """Return what is wrong with the statements of managed sinks about themselves."""
    records = [p.record for p in sinks if p.record]
    gone = [(p, v) for p in sinks if (v := p.history.at(Stage.CURRENT)) and not v.readable]
    if gone:
        text = f"current ({short(gone[0][1].id)}) cannot be read any more in {gone[0][0].uri}"
        return _wrong(Kind.DRIFT, text, Trouble.UNREADABLE)
    if any((r.client_id, r.tenant) != (records[0].client_id, records[0].tenant) for r in records) or (
        records[0].client_id != client_ref.client_id
    ):
        return Finding(Kind.MISPLACED, f"holds the secret of {records[0].client_id}", attention=True)
    if any(r.sinks != tuple(sinks_tag(tuple(p.uri for p in sinks)).split()) for r in records):
        text = f"recorded with other sinks: {' '.join(records[0].sinks)}"
        return _wrong(Kind.MISPLACED, text, Trouble.OTHER_SINKS)
    # Values are not read here. Different rotations mean different values.
    if len({r.rotation for r in records}) > 1:
        text = f"{Kind.DRIFT.label}: the sinks hold different rotations"
        return _wrong(Kind.DRIFT, text, Trouble.DRIFT)
    return _uneven(sinks)


def _uneven(sinks: tuple[SinkState, ...]) -> Finding | None:
    """Return the finding that some sinks have a fallback and others have lost theirs.

    A retirement or a repair that stopped halfway leaves this state.
    """
    has = [p.uri for p in sinks if p.history.at(Stage.FALLBACK)]
    lost = [
        p.uri
        for p in sinks
        if p.record and len(p.record.recent) > 1 and not p.history.at(Stage.FALLBACK) and not p.soft_deleted
    ]
    if not has or not lost:
        return None
    text = f"a fallback in {', '.join(has)}, none in {', '.join(lost)}; retire ends it everywhere"
    return _wrong(Kind.DRIFT, text, Trouble.UNSEALED)

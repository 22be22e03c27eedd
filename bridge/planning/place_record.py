"""What an operation writes into a place's record. Pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from sinks.companions import afterwards
from sinks.port import Lock, Place, Record, Stage
from sinks.record import stamp
from sinks.seal import UNPROVEN
from sinks.secret import Secret

SECOND = timedelta(seconds=1)
"""Resolution of the vaults' times."""
REASON = 100  # characters of a reason that the log keeps
RETIREMENT, ANCHOR = "retirement", "anchor"
"""Names of the notes about the operation that last ended a fallback or brought it back."""


def record(
    lock: Lock, place: Place, current: Secret | None, places: tuple[str, ...], now: datetime, former: str = ""
) -> Record:
    """Return the record of a place whose value becomes `current` at `now`, by the vaults' clock.

    The log and the recent fingerprints of the place's earlier record are continued. `former` is the fallback from then
    on, in the form of `Record.former`.
    """
    old = place.record or place.remembered
    before = (lock.base, *(old.recent if old else ()))
    fingerprints = (*([current.fingerprint(lock.client_id)] if current else []), *before)
    entry = _entry(lock, now)
    return Record(
        lock.client_id,
        lock.tenant,
        places,
        lock.id,
        now,
        # An operation has one entry, even if it tags a place before it promotes it.
        log=(entry, *(line for line in (old.log if old else ()) if not line.startswith(f"{lock.id} "))),
        recent=tuple(dict.fromkeys(f for f in fingerprints if f)),
        companions=afterwards(lock.companions),
        former=former,
    )


def promoted(place: Place, now: datetime) -> datetime | None:
    """Return since when a place's current value is current, or None where the place has no record.

    The tags say so, but others may write tags. The vault's own times therefore limit the answer. It is not later than
    the last change of the place, corrected by the difference between this vault's clock and `now`, the latest time that
    any place reports. It is not earlier than the version that follows the fallback's.
    """
    if place.record is None:
        return None
    versions = [v for v in place.history.versions if v.stage is not Stage.PENDING]
    latest = [made for made in (versions[-1].created if versions else None, place.released) if made]
    told = place.record.promoted_at
    if latest:
        told = min(told, max(latest) + max(now - place.at, timedelta()))
    behind = [n for n, version in enumerate(versions) if version.stage is Stage.FALLBACK]
    following = versions[behind[0] + 1 : behind[0] + 2] if behind else []
    return max([told, *(version.created - SECOND for version in following if version.created)])


def _entry(lock: Lock, now: datetime) -> str:
    reason = f": {lock.reason[:REASON].replace(' / ', ' - ')}" if lock.reason else ""
    return f"{lock.id} {stamp(now)} {lock.operation} {lock.actor}{reason}"


def noted(lock: Lock, now: datetime, anchor: str) -> dict[str, str | None]:
    """Return the notes of an operation that leaves the record as it is.

    `anchor` belongs to the audit record, and is empty where none is kept.
    """
    return {RETIREMENT: _entry(lock, now), **({ANCHOR: anchor} if anchor else {})}


def adopted(
    lock: Lock,
    place: Place,
    current: Secret | None,
    places: tuple[str, ...],
    now: datetime,
    *,
    written: bool,
    former: str = "",
) -> Record:
    """Return the record of a place whose value was there before the bridge.

    Such a value is at least as old as the record says, unless a sealed record knows its exact age. `written`: the value
    was written just now as a new version. `former` is the fallback that the place shall have.
    """
    new = record(lock, place, current, places, now, former)
    if written:
        return replace(new, age_is_minimum=True)
    if (known := place.record or place.remembered) and known.former is not None:
        return replace(new, promoted_at=known.promoted_at, age_is_minimum=known.age_is_minimum)
    created = place.history.versions[-1].created if place.history.versions else None
    return replace(new, promoted_at=created or now, age_is_minimum=True)


def named(places: tuple[Place, ...], current: Secret | None) -> str:
    """Return the fallback that a seal under the value `current` names, in the form of `Record.former`.

    Returns "" where no such seal holds. One good seal suffices for all places. A proven fallback takes precedence.
    """
    told = [known for p in places for known in (p.record, p.remembered) if known and known.former]
    good = [r.former or "" for r in told if current and r.recent[:1] == (current.fingerprint(r.client_id),)]
    return min(good, key=lambda former: former.startswith(UNPROVEN), default="")


def unchanged(new: Record, places: tuple[Place, ...]) -> Record:
    """Return the new record with the age that the places already know for its value.

    If no place records this value, `new` is returned as it is. If several do, the earliest time counts.
    """
    known = [p.record for p in places if p.record and new.recent and p.record.recent[:1] == new.recent[:1]]
    if not known:
        return new
    first = min(known, key=lambda record: record.promoted_at)
    return replace(new, promoted_at=first.promoted_at, age_is_minimum=first.age_is_minimum)

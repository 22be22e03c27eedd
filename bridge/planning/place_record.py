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
"""The vaults tell the time in whole ones."""
REASON = 100  # characters of a reason that a log keeps
RETIREMENT, ANCHOR = "retirement", "anchor"
"""The notes of what ended a fallback last, or brought it back."""


def record(
    lock: Lock, place: Place, current: Secret | None, places: tuple[str, ...], now: datetime, former: str = ""
) -> Record:
    """Return the record of a place whose value becomes `current` at `now`, by the vaults' clock.

    `former`: the fallback from then on (`Record.former`).
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
        log=(entry, *(line for line in (old.log if old else ()) if not line.startswith(f"{lock.id} "))),
        recent=tuple(dict.fromkeys(f for f in fingerprints if f)),
        companions=afterwards(lock.companions),
        former=former,
    )


def promoted(place: Place, now: datetime) -> datetime | None:
    """Return since when a place's current value is current: what its tags say, within what the vault's times allow.

    Not later than the last change there, whatever this vault's clock is behind `now`, the latest time that any place
    tells; and not before the version that follows the fallback's.
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
    """Return the notes of an operation that leaves the record as it is; `anchor`: of the audit record, if any."""
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
    """Return the record of a place whose value was there before the bridge was: it is at least that old.

    `written`: the value was written just now, as a new version. `former`: the fallback that it shall have.
    """
    new = record(lock, place, current, places, now, former)
    if written:
        return replace(new, age_is_minimum=True)
    if (known := place.record or place.remembered) and known.former is not None:
        return replace(new, promoted_at=known.promoted_at, age_is_minimum=known.age_is_minimum)
    created = place.history.versions[-1].created if place.history.versions else None
    return replace(new, promoted_at=created or now, age_is_minimum=True)


def named(places: tuple[Place, ...], current: Secret | None) -> str:
    """Return the fallback that a seal names which holds under a value (`Record.former`); "" where none does.

    One good seal suffices for all places. One that is proven goes before others.
    """
    told = [known for p in places for known in (p.record, p.remembered) if known and known.former]
    good = [r.former or "" for r in told if current and r.recent[:1] == (current.fingerprint(r.client_id),)]
    return min(good, key=lambda former: former.startswith(UNPROVEN), default="")


def unchanged(new: Record, places: tuple[Place, ...]) -> Record:
    """Return a record for a value that is as old as one of the places says, where one of them knows the value."""
    known = [p.record for p in places if p.record and new.recent and p.record.recent[:1] == new.recent[:1]]
    if not known:
        return new
    first = min(known, key=lambda record: record.promoted_at)
    return replace(new, promoted_at=first.promoted_at, age_is_minimum=first.age_is_minimum)

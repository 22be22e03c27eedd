"""What an operation writes into a place's record. Pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from sinks.port import Lock, Place, Record
from sinks.record import stamp
from sinks.secret import Secret


def record(lock: Lock, place: Place, current: Secret | None, places: tuple[str, ...], now: datetime) -> Record:
    """Return the record of a place whose value becomes `current` at `now`, by the vaults' clock."""
    old = place.record
    before = (lock.base, *(old.recent if old else ()))
    fingerprints = (*([current.fingerprint(lock.client_id)] if current else []), *before)
    entry = f"{lock.id} {stamp(now)} {lock.operation} {lock.actor}"
    return Record(
        lock.client_id,
        lock.tenant,
        places,
        lock.id,
        now,
        log=(entry, *(old.log if old else ())),
        recent=tuple(dict.fromkeys(f for f in fingerprints if f)),
    )


def adopted(
    lock: Lock, place: Place, current: Secret | None, places: tuple[str, ...], now: datetime, *, written: bool
) -> Record:
    """Return the record of a place whose value was there before the bridge was: it is at least that old.

    `written`: the value was written just now, as a new version.
    """
    new = record(lock, place, current, places, now)
    if written:
        return replace(new, age_is_minimum=True)
    if place.record:
        return replace(new, promoted_at=place.record.promoted_at, age_is_minimum=place.record.age_is_minimum)
    created = place.history.versions[-1].created if place.history.versions else None
    return replace(new, promoted_at=created or now, age_is_minimum=True)

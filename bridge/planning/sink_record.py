"""What an operation writes into a sink's record. Pure.

There is no database (ADR 2). Beside the versions, the record is all that operations know of earlier ones.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from sinks.port import Lock, Record, SinkState, Stage
from sinks.record import OPERATION_NOTES, stamp
from sinks.seal import UNPROVEN
from sinks.secret import Secret
from sinks.sibling_keys import afterwards

SECOND = timedelta(seconds=1)
"""Resolution of the vaults' times."""
REASON = 100  # characters of a reason that the log keeps
RETIREMENT, ANCHOR = OPERATION_NOTES
"""Names of the notes about the operation that last ended a fallback or brought it back."""


def record(
    lock: Lock, state: SinkState, current: Secret | None, sinks: tuple[str, ...], now: datetime, former: str = ""
) -> Record:
    """Return the record of a sink whose value becomes `current` at `now`, by the vaults' clock.

    The log and the recent fingerprints of the sink's earlier record are continued. `former` is the fallback from then
    on, in the form of `Record.former`.
    """
    old = state.record or state.remembered
    # The base comes first, because a value from the dashboard was current as well and no record names it.
    before = (lock.base, *(old.recent if old else ()))
    fingerprints = (*([current.fingerprint(lock.client_id)] if current else []), *before)
    entry = _entry(lock, now)
    return Record(
        lock.client_id,
        lock.tenant,
        sinks,
        lock.id,
        now,
        # An operation has one entry, even if it tags a sink before it promotes it.
        log=(entry, *(line for line in (old.log if old else ()) if not line.startswith(f"{lock.id} "))),
        recent=tuple(dict.fromkeys(f for f in fingerprints if f)),
        sibling_keys=afterwards(lock.sibling_keys),
        former=former,
    )


def promoted(state: SinkState, now: datetime) -> datetime | None:
    """Return since when a sink's current value is current, or None where the sink has no record.

    The tags say so, but others may write tags. The vault's own times therefore limit the answer. It is not later than
    the last change of the sink, corrected by the difference between this vault's clock and `now`, the latest time that
    any sink reports. It is not earlier than the version that follows the fallback's.
    """
    if state.record is None:
        return None
    versions = [v for v in state.history.versions if v.stage is not Stage.PENDING]
    latest = [made for made in (versions[-1].created if versions else None, state.released) if made]
    told = state.record.promoted_at
    if latest:
        told = min(told, max(latest) + max(now - state.at, timedelta()))
    behind = [n for n, version in enumerate(versions) if version.stage is Stage.FALLBACK]
    following = versions[behind[0] + 1 : behind[0] + 2] if behind else []
    return max([told, *(version.created - SECOND for version in following if version.created)])


def _entry(lock: Lock, now: datetime) -> str:
    # The tag of the log separates its entries by ' / '.
    reason = f": {lock.reason[:REASON].replace(' / ', ' - ')}" if lock.reason else ""
    return f"{lock.id} {stamp(now)} {lock.operation} {lock.actor}{reason}"


def noted(lock: Lock, now: datetime, anchor: str) -> dict[str, str | None]:
    """Return the notes of an operation that leaves the record as it is.

    `anchor` belongs to the audit record, and is empty where none is kept.
    """
    return {RETIREMENT: _entry(lock, now), **({ANCHOR: anchor} if anchor else {})}


def adopted(
    lock: Lock,
    state: SinkState,
    current: Secret | None,
    sinks: tuple[str, ...],
    now: datetime,
    *,
    written: bool,
    former: str = "",
) -> Record:
    """Return the record of a sink whose value was there before the bridge.

    Such a value is at least as old as the record says, unless a sealed record knows its exact age. `written`: the value
    was written just now as a new version. `former` is the fallback that the sink gets.
    """
    new = record(lock, state, current, sinks, now, former)
    if written:
        return replace(new, age_is_minimum=True)
    if (known := state.record or state.remembered) and known.former is not None:
        return replace(new, promoted_at=known.promoted_at, age_is_minimum=known.age_is_minimum)
    # Foreign edits of other keys copy a value into newer versions, so its age is a lower bound.
    created = state.history.versions[-1].created if state.history.versions else None
    return replace(new, promoted_at=created or now, age_is_minimum=True)


def named(sinks: tuple[SinkState, ...], current: Secret | None) -> str:
    """Return the fallback that a seal under the value `current` names, in the form of `Record.former`.

    Returns "" where no such seal holds. One good seal suffices for all sinks. A proven fallback takes precedence.
    """
    told = [known for p in sinks for known in (p.record, p.remembered) if known and known.former]
    good = [r.former or "" for r in told if current and r.recent[:1] == (current.fingerprint(r.client_id),)]
    return min(good, key=lambda former: former.startswith(UNPROVEN), default="")


def unchanged(new: Record, sinks: tuple[SinkState, ...]) -> Record:
    """Return the new record with the age that the sinks already know for its value.

    If no sink records this value, `new` is returned as it is. If several do, the earliest time counts.
    """
    known = [p.record for p in sinks if p.record and new.recent and p.record.recent[:1] == new.recent[:1]]
    if not known:
        return new
    # The earliest, so that a repair never makes a secret look younger than it is.
    first = min(known, key=lambda record: record.promoted_at)
    return replace(new, promoted_at=first.promoted_at, age_is_minimum=first.age_is_minimum)

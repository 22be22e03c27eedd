"""What must hold at the moment of death, and at the end. Each function returns the faults that it found."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.e2e.sinks import ANCIENT, Snapshot
from tests.resilience.kill.shape import leftovers, values

if TYPE_CHECKING:
    from tests.resilience.kill.bench import Subject

BUG = ("Traceback (most recent call last)", "this should not happen")
"""What a command of ours never says."""


@dataclass(frozen=True)
class Start:
    """How a client stood before the operation: its sinks, which values Auth0 accepted, and how many it had been given.

    A value may be nowhere then: an empty sink holds none, a dashboard tells none, and what Auth0 generated may wait to
    be stored.
    """

    seen: tuple[Snapshot, ...]
    met: frozenset[str]
    values: int
    changes: int

    @classmethod
    def of(cls, subject: Subject) -> Start:
        return cls(tuple(subject.see()), frozenset(subject.met()), len(values(subject)), subject.changes)


def held(seen: Iterable[Snapshot]) -> set[str]:
    """Return every value that can be read in a sink."""
    return {value for place in seen for value in place.readable}


@dataclass(frozen=True)
class Limits:
    """What an operation may do. `makes` is how many values it may give Auth0, `ends_current` that it destroys the one
    that was current. `generated`: Auth0 makes the value, and no sink holds it before its answer was stored. `untold`:
    somebody else made it, and no document announced it."""

    makes: int = 1
    ends_current: bool = False
    generated: bool = False
    untold: bool = False


def at_death(subject: Subject, start: Start, limits: Limits) -> list[str]:
    """Look from outside, while nobody does anything."""
    met, seen = subject.met(), subject.see()
    faults = _told(subject, seen) + _foreign(start, seen)
    # What leaked need not be kept: AWS itself takes its last label away where current moves twice.
    needed = {subject.world.tenant.secret(subject.world.client_id)} if limits.ends_current else met
    if not needed <= held(seen) | (start.met - held(start.seen)) and not (limits.generated and _gap(subject)):
        faults.append("NEVER LOST: Auth0 may accept a value that no sink holds")
    for place, was, now in zip(subject.sinks, start.seen, seen, strict=True):
        if not was.exists:
            continue
        if now.current is None and was.current is not None:
            faults.append(f"{place.uri} has no current value")
        candidates = {now.current, now.pending, now.fallback} | (start.met - was.readable)
        if not (met & candidates if limits.ends_current else met <= candidates or limits.generated):
            faults.append(f"{place.uri}: Auth0 may accept a value that is no candidate there")
        told = {now.current, *now.sibling_keys}
        silent = limits.untold or limits.ends_current or None in was.sibling_keys
        if not silent and not met <= told | (start.met - was.readable):
            faults.append(f"{place.uri}: Auth0 may accept a value that does not stand in the document")
        if not limits.ends_current and was.current not in now.readable:
            faults.append(f"{place.uri}: what was current cannot be read any more")
    made = len(values(subject)) - start.values
    if made > limits.makes:
        faults.append(f"Auth0 was given {made} new values")
    return faults


def at_end(subject: Subject, start: Start) -> list[str]:
    """The client is whole: one current value everywhere, which Auth0 accepts and no other; nothing is held."""
    live, seen = subject.world.live, subject.see()
    faults = _told(subject, seen) + _foreign(start, seen) + leftovers(subject)
    known = {*values(subject), ANCIENT}
    for place, now in zip(subject.sinks, seen, strict=True):
        if now.current != live:
            faults.append(f"{place.uri}: Auth0 does not accept what is current")
        if now.pending is not None:
            faults.append(f"{place.uri}: a value is pending")
        if not now.readable - now.left <= known:
            faults.append(f"{place.uri}: a value can be read that was never live")
        if now.fallback == live:
            faults.append(f"{place.uri}: the fallback is current")
        if subject.sibling_keys and now.sibling_keys != (live, now.fallback or live):
            faults.append(f"{place.uri}: its sibling keys are not what they should be")
    return faults


def _gap(subject: Subject) -> bool:
    """Tell whether Auth0 generated a value and no write to a sink has happened since."""
    done = subject.wire.done
    made = max((n for n, call in enumerate(done) if call.endswith("/rotate-secret")), default=None)
    if made is None:
        return False
    writes = [call for call in done[made:] if call.startswith(("vault POST", "vault PUT", "aws POST Put"))]
    return not writes


def _foreign(start: Start, seen: list[Snapshot]) -> list[str]:
    return [
        f"something foreign changed: {was.beside} is {now.beside}"
        for was, now in zip(start.seen, seen, strict=True)
        if was.exists and was.current is not None and was.beside != now.beside
    ]


def _told(subject: Subject, seen: list[Snapshot]) -> list[str]:
    """No command printed a value, or failed in a way that it should not."""
    secrets = {*values(subject), ANCIENT} | held(seen)
    faults = []
    for ended in subject.said:
        if any(value in ended.out + ended.err for value in secrets):
            faults.append("a value was printed")
        if any(word in ended.out + ended.err for word in BUG):
            faults.append(f"a command failed in a way that it should not: {ended.err.strip()[-400:]}")
    return faults

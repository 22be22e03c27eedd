"""The port: what the bridge asks of a place that holds versions. The docstrings are the contract.

Storage holds no policy: it does not know Auth0, ages, or which operation may follow which. It keeps three promises:
one holder at a time (by compare-and-set), unaware readers see the change of current as one atomic step, and nothing
foreign is lost. Every method may raise `Unavailable`, `Denied` and `Refused`; no other exception leaves a sink.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from sinks.companions import Companions
from sinks.errors import BadAddress, Busy, Conflict, Denied, Expired, Lost, Refused, SinkError, Unavailable
from sinks.record import Aside, Lock, Record
from sinks.rights import Deed
from sinks.secret import Secret
from sinks.versions import History, Stage, Version

__all__ = [
    "Aside", "BadAddress", "Busy", "Conflict", "Deed", "Denied", "Expired", "Held", "History", "Lock", "Lost", "Place",
    "Promoted", "Record", "Refused", "Secret", "Sink", "SinkError", "Stage", "Unavailable", "Version",
]  # fmt: skip


@dataclass(frozen=True)
class Place:
    """What was read at one place, at one moment.

    `at` is the server's clock. `values` is filled by `Sink.read` only. `edits` counts foreign versions since current
    was tagged; `drifted` says that current is not what the bridge put there (another value, or none). `room` is how
    many more foreign writes the fallback survives (None: no limit). `unsettled` means that an operation holds the
    place or left something behind; `lock` may be unknown even so: then `unnamed` is what is known of it, which is
    neither who nor until when. `foreign` says what stands where a lock would and is none of ours: somebody else's text.
    `claimed` is the vault's time of the lock, or of what is foreign. `released` is when the vault last saw the lock key
    change (AWS: the secret), whatever was written there.
    `wiped`: the place was managed, nobody holds it, and somebody replaced its tags. `remembered` is what they said last
    or, while an operation holds the place, when that began, as far as another part of the place tells (`Sink.read`
    only). `companions`: what the documents have of them; `announced`: since when the latest one holds the pending value
    as the coming one; `astray`: they are not what they should be although nobody holds the place; `occupied`: somebody
    else's keys stand where they would (all `Sink.read` only; `sinks.companions`). `noted`: what `Sink.note` wrote.
    `aside`: the fallback that was retired softly, until it ends. `stale`: the tags name a fallback that is gone.
    `differs` names the tags that somebody has changed; what they said before is known (`Sink.read` only), and the next
    `claim` writes it again. `contradicted` says how the fallback that is tagged is not the one that the seal names.
    `mark` is the sink's own note, for `claim`.
    """

    uri: str
    at: datetime
    exists: bool
    history: History = field(default_factory=History)
    manager: str | None = None
    record: Record | None = None
    lock: Lock | None = None
    unnamed: Lock | None = None
    foreign: str = ""
    claimed: datetime | None = None
    unsettled: bool = False
    released: datetime | None = None
    edits: int = 0
    drifted: bool = False
    room: int | None = None
    keys: tuple[str, ...] = ()
    values: Mapping[Stage, Secret] = field(default_factory=dict)
    wiped: bool = False
    remembered: Record | None = None
    companions: Companions = Companions.NONE
    announced: datetime | None = None
    astray: bool = False
    occupied: tuple[str, ...] = ()
    noted: Mapping[str, str] = field(default_factory=dict)
    aside: Aside | None = None
    stale: bool = False
    differs: tuple[str, ...] = ()
    contradicted: str = ""
    notes: tuple[str, ...] = ()
    mark: object = None

    def value(self, stage: Stage) -> Secret | None:
        """Return the value that was read at a stage."""
        return self.values.get(stage)


@dataclass(frozen=True)
class Held:
    """A place that is ours. `token` is the fencing token, the sink's own.

    `looked` is the monotonic start of the last look; `value` is the pending value; None while the operation has none.
    """

    uri: str
    lock: Lock
    token: object
    looked: float
    value: Secret | None = None


@dataclass(frozen=True)
class Promoted:
    """Where a promotion put things: the ids of current and fallback.

    `untold` is why tags or labels that say so could not be written; current is what it should be all the same.
    """

    current: str
    fallback: str | None = None
    untold: str = ""


class Sink(Protocol):
    """One place in one vault. Methods that take a `Held` first make sure that it is fresh enough for its lease."""

    @property
    def uri(self) -> str:
        """The place's name, without a key: what lists of places are made of and sorted by."""
        ...

    @property
    def retirement(self) -> str:
        """What retiring leaves behind here, as a sentence: for people who are asked to agree to it."""
        ...

    def caller(self) -> Mapping[str, str]:
        """Ask the vault whom it takes us for; empty where it cannot tell."""
        ...

    def survey(self) -> Place:
        """Read metadata only, never a value. A policy without any right to read values suffices."""
        ...

    def at(self, version: str) -> Secret | None:
        """Read the value in one version, by its id; None where there is none that can be read."""
        ...

    def read(self, *, closely: bool = False) -> Place:
        """Read metadata and the values of current, pending and fallback.

        `closely`: look into the versions after the fallback, too, whether another value was current in between. Then
        the fallback is an unproven one.

        Raises:
            Refused: by name, whatever makes this place unfit to be managed (design: "named refusals").
        """
        ...

    def candidates(self, *, every: bool = False) -> tuple[Secret, ...]:
        """Return other values than those at its stages that Auth0 may accept, the likeliest first.

        What operations that died have left here, and the newest versions that can be read, at most about twenty; with
        `every`, all that are worth looking into. It reads each of them. Nothing is known of where they come from.
        """
        ...

    def recall(self, fingerprint: str, salt: str, *, endable: bool = False) -> Secret | None:
        """Find a value by its fingerprint (`Secret.fingerprint(salt)`) among the versions that can still be read.

        For a value that lost its stage: somebody wrote over it, or replaced the tags. Slow: it may read every version.
        `endable`: only where `retire` would still make it harder to reach.
        """
        ...

    def check(self, place: Place, deeds: frozenset[Deed]) -> tuple[str, ...]:
        """Find out, without changing anything, whether the caller may do all of this at a place that `read` returned.

        Asks for no right that these deeds do not take. Returns what cannot be known beforehand, as sentences.

        Raises:
            Denied: naming path and capability, or the action.
        """
        ...

    def claim(
        self, place: Place, lock: Lock, value: Secret | None, *, initial: Secret | None = None, over: bool = False
    ) -> Held:
        """Take the place, by compare-and-set on what `place` saw, and store `value` as pending.

        `over`: whatever held it then, somebody else's text too. It stays readable as an older version.

        With `initial` the place is empty and this becomes its first, current value before anything else. An answer
        that was lost is asked for again: once is enough, twice is once.

        Raises:
            Busy: somebody else holds the place or was faster. Nothing of theirs was changed.
        """
        ...

    def take_over(self, place: Place, lock: Lock) -> Held:
        """Become the holder of the operation that `place` shows, keeping its value.

        What `lock` says replaces what the lock said so far.

        Raises:
            Busy: somebody else was faster.
        """
        ...

    def look(self, held: Held) -> Held:
        """Make sure that the place is still ours, and begin a new lease.

        Raises:
            Lost: it is not.
        """
        ...

    def store(self, held: Held, value: Secret) -> Held:
        """Replace the pending value, by compare-and-set.

        Raises:
            Lost: the place is not ours any more; `value` was not stored.
        """
        ...

    def lay_out(self, held: Held, coming: Secret | None = None) -> bool:
        """Make the companions in the latest document right, as `held.lock.companions` says; current stays.

        `coming` is the next value (None: there is none). The former one is the fallback's; none is told to readers that
        this operation ends, once it announces another. Converges as `promote` does. Twice is once: returns whether
        anything had to be written.

        Raises:
            Lost: the place is not ours any more.
        """
        ...

    def promote(self, held: Held, value: Secret, record: Record, *, keep: bool = True) -> Promoted:
        """Make `value` current and, with `keep`, the value that was current (by `held.lock.base`) the fallback.

        The companions change with it, in the same step.

        Converges: whatever foreign writers do meanwhile, afterwards the latest document holds `value` and everything
        of theirs. Tags come before the write, so that readers see one atomic step. Twice is once.

        Raises:
            Lost: the place is not ours any more.
        """
        ...

    def finish(self, held: Held, base: Secret, value: Secret, *, before: float) -> bool:
        """Make `value` current, and `base` the fallback, although the place is not ours any more; nothing else.

        Only if `base` still is current. For a value that Auth0 has accepted already: its readers must not wait for
        whoever took the place. By compare-and-set, and only until `before` (monotonic). Tells whether `value` is
        current now.
        """
        ...

    def tag(self, held: Held, record: Record, *, keep_limit: bool = False, fallback: str | None = None) -> None:
        """Write what the place shall say about itself, leaving its versions as they are: the latest is current.

        `keep_limit`: leave the number of versions that the vault keeps as it is. `fallback`: the fingerprint of the
        value that is the fallback (the newest older version that holds it; where none does, or for "", there is no
        fallback); None leaves it as it is.
        """
        ...

    def note(self, notes: Mapping[str, str | None]) -> None:
        """Write texts beside the place's tags, or remove them (None), without holding it: nothing decides by them.

        A name is letters and digits, a text what a tag may hold (`sinks.record`). Others stay as they are; `forget`
        removes all.
        """
        ...

    def retire(self, held: Held, fingerprint: str | None = None, *, softly: bool = False) -> tuple[str, ...]:
        """Make the fallback unreachable: every version that holds its value, or a value of this fingerprint.

        Companions count as values. Never a version whose value is current's or pending's, nor one that is the fallback
        for another value's sake. Returns the ids. Twice is once. `softly`: so that `bring_back` can undo it; otherwise
        what was retired softly before ends as well (with a fingerprint: if it is that value).

        Raises:
            Lost: the place is not ours any more.
            Refused: the value is also current's.
        """
        ...

    def bring_back(self, held: Held) -> str | None:
        """Make what was retired softly the fallback again; return its version, None where there is none. Twice is once.

        Where the vault does not hold it any more the word of it goes, and there is none.

        Raises:
            Lost: the place is not ours any more.
        """
        ...

    def forget(self, held: Held) -> None:
        """Remove what the bridge wrote beside the values; versions stay."""
        ...

    def release(self, held: Held, outcome: str, *, ended: tuple[Secret, ...] = ()) -> None:
        """Give the place back, leaving no pending value, and none announced where companions are kept.

        Of what this process wrote or read under the lock, copies of current's value go, and of values that have `ended`
        (Auth0 was shown to refuse them). Another pending value, which Auth0 may yet come to accept, stays readable as
        an older version. Twice is once; a lock that is not ours is left alone.
        """
        ...

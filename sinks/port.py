"""The port: the interface between the bridge and a place that holds versions. Its docstrings are the contract.

A sink holds no policy. It does not know Auth0, ages, or which operation may follow which. It keeps three promises: one
lock holder at a time (by compare-and-set), readers see a change of current as one atomic step, and no foreign data is
lost. Every method may raise `Unavailable`, `Denied` and `Refused`. No exception but a `SinkError` leaves a sink.
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
    """A snapshot of one place. Fields marked (read) are filled by `Sink.read` only."""

    uri: str
    """Address of the place, without a key."""
    at: datetime
    """Time of the snapshot, by the server's clock."""
    exists: bool
    """Whether the document's key exists (AWS: the secret, and for `Sink.read` also its current document)."""
    history: History = field(default_factory=History)
    """The versions with their stages."""
    manager: str | None = None
    """What manages the place: the `managed-by` tag, or in AWS another service."""
    record: Record | None = None
    """What the tags say. None: the place is not managed, or its tags are not complete."""
    lock: Lock | None = None
    """The operation that holds the place. It may be unknown although the place is `unsettled`."""
    unnamed: Lock | None = None
    """What is known of a lock whose actor and expected end are not known."""
    foreign: str = ""
    """Description of a foreign text in the lock's position. Empty: there is none."""
    claimed: datetime | None = None
    """The vault's time of the lock, or of the foreign text."""
    unsettled: bool = False
    """Whether an operation holds the place or left something behind."""
    released: datetime | None = None
    """When the vault last saw the lock key change (AWS: the secret), whatever was written there."""
    edits: int = 0
    """Number of foreign versions since current was tagged."""
    drifted: bool = False
    """Whether current is not what the bridge put there: another value, or none."""
    room: int | None = None
    """How many more foreign writes the fallback survives. None: no limit."""
    key: str | None = None
    """The key of the value in the document (read). None: the whole text is the value."""
    keys: tuple[str, ...] = ()
    """The keys of the current document (read)."""
    values: Mapping[Stage, Secret] = field(default_factory=dict)
    """The values by stage (read)."""
    wiped: bool = False
    """Whether the place was managed, nobody holds it, and its tags were replaced."""
    remembered: Record | None = None
    """The record before the running operation, or else the last one, from another part of the place (read)."""
    companions: Companions = Companions.NONE
    """Which companions the documents have, see `sinks.companions` (read)."""
    announced: datetime | None = None
    """Since when the latest document holds the pending value as the coming one (read)."""
    astray: bool = False
    """Whether companions are wrong although nobody holds the place (read)."""
    occupied: tuple[str, ...] = ()
    """Foreign keys in the position of companions (read)."""
    noted: Mapping[str, str] = field(default_factory=dict)
    """What `Sink.note` wrote."""
    aside: Aside | None = None
    """The fallback that was retired softly, until it ends."""
    stale: bool = False
    """Whether the tags name a fallback that is gone."""
    differs: tuple[str, ...] = ()
    """Tags that another process changed. Their former text is known, and the next `claim` restores it (read)."""
    contradicted: str = ""
    """How the tagged fallback contradicts the one that the seal names."""
    notes: tuple[str, ...] = ()
    """Remarks for people, as sentences."""
    mark: object = None
    """The sink's own snapshot, for `claim` and `take_over`."""

    def value(self, stage: Stage) -> Secret | None:
        """Return the value that was read at a stage."""
        return self.values.get(stage)


@dataclass(frozen=True)
class Held:
    """A place that this process holds. `token` is the fencing token, which only the sink reads.

    `looked` is the monotonic start of the last look. `value` is the pending value, None while there is none.
    """

    uri: str
    lock: Lock
    token: object
    looked: float
    value: Secret | None = None


@dataclass(frozen=True)
class Promoted:
    """The ids of current and fallback after a promotion.

    `untold` is why tags or labels could not be written. Empty: they were. Current is right in either case.
    """

    current: str
    fallback: str | None = None
    untold: str = ""


class Sink(Protocol):
    """One place in one vault. Methods that take a `Held` first make sure that it is fresh enough for its lease.

    Except for `finish` and `release`, they raise `Lost` where this process does not hold the place any more.
    """

    @property
    def uri(self) -> str:
        """The place's name, without a key. Lists of places consist of it and are sorted by it."""
        ...

    @property
    def retirement(self) -> str:
        """What a retirement leaves behind here, as a sentence for the user who has to confirm it."""
        ...

    def caller(self) -> Mapping[str, str]:
        """Return the identity that the vault sees in this process. Empty where the vault cannot say."""
        ...

    def survey(self) -> Place:
        """Read metadata only, never a value. A policy without any right to read values suffices."""
        ...

    def at(self, version: str) -> Secret | None:
        """Return the value in one version, by its id. None: there is no readable value."""
        ...

    def read(self, *, closely: bool = False) -> Place:
        """Read metadata and the values of current, pending and fallback.

        With `closely`, also read the versions in between: a fallback is unproven if another value was current after it.

        Raises:
            Refused: this place is unfit to be managed. The message names the reason.
        """
        ...

    def candidates(self, *, every: bool = False) -> tuple[Secret, ...]:
        """Return other values than those at its stages that Auth0 may accept, the likeliest first.

        They are what dead operations left here, and the newest readable versions, at most about twenty. With `every`
        they are all values worth a request. The sink reads each of them and knows nothing of their origin.
        """
        ...

    def recall(self, fingerprint: str, salt: str, *, endable: bool = False) -> Secret | None:
        """Find a value by its fingerprint (`Secret.fingerprint(salt)`) among the versions that can still be read.

        It finds a value that lost its stage, because of a foreign write or replaced tags. It is slow: it may read every
        version. With `endable`, search only where `retire` would still make the value harder to reach.
        """
        ...

    def check(self, place: Place, deeds: frozenset[Deed]) -> tuple[str, ...]:
        """Check, without any change, that the caller may do all of `deeds` at a place that `read` returned.

        It needs no right beyond those of the deeds. Returns what cannot be known beforehand, as sentences.

        Raises:
            Denied: a right is missing. The message names path and capability, or the action.
        """
        ...

    def claim(
        self, place: Place, lock: Lock, value: Secret | None, *, initial: Secret | None = None, over: bool = False
    ) -> Held:
        """Claim the place by compare-and-set against the snapshot `place`, and store `value` as pending.

        With `over`, claim it whatever holds it in the snapshot, a foreign text too. That stays readable as an older
        version. With `initial` the place is empty, and `initial` becomes its first, current value before anything else.
        A lost answer is retried. The claim is idempotent.

        Raises:
            Busy: another operation holds the place or was faster. Nothing of it was changed.
        """
        ...

    def take_over(self, place: Place, lock: Lock) -> Held:
        """Become the lock holder of the operation that `place` shows, and keep its value. `lock` replaces its lock.

        Raises:
            Busy: another process was faster.
        """
        ...

    def look(self, held: Held) -> Held:
        """Check that this process still holds the place, and begin a new lease.

        Raises:
            Lost: it does not.
        """
        ...

    def store(self, held: Held, value: Secret) -> Held:
        """Replace the pending value, by compare-and-set.

        Raises:
            Lost: this process does not hold the place any more, and `value` was not stored.
        """
        ...

    def lay_out(self, held: Held, coming: Secret | None = None) -> bool:
        """Make the companions in the latest document right, as `held.lock.companions` says. Current stays.

        `coming` is the next value, None where there is none. The former value is the fallback's. A fallback that this
        operation ends is left out as soon as another value is announced. Converges as `promote` does, and is
        idempotent. Returns whether anything had to be written.
        """
        ...

    def promote(self, held: Held, value: Secret, record: Record, *, keep: bool = True) -> Promoted:
        """Make `value` current, and with `keep` make the former current value (by `held.lock.base`) the fallback.

        The companions change in the same step. Whatever foreign writers do meanwhile, the latest document then holds
        `value` and all of their keys. Tags come before the write, so that readers see one atomic step. Idempotent.
        """
        ...

    def finish(self, held: Held, base: Secret, value: Secret, *, before: float) -> bool:
        """Make `value` current and `base` the fallback, although the place is lost. Write nothing else.

        It acts only if `base` is still current, by compare-and-set, and only until `before` (monotonic). It serves a
        value that Auth0 has accepted: its readers must not wait for the new lock holder. Returns whether `value` is
        current now.
        """
        ...

    def tag(self, held: Held, record: Record, *, keep_limit: bool = False, fallback: str | None = None) -> None:
        """Write the tags of the place and leave its versions as they are: the latest is current.

        `keep_limit` leaves the number of versions that the vault keeps. `fallback` is the fingerprint of the fallback's
        value, which is the newest older version that holds it. There is no fallback where none does, or for "". None:
        unchanged.
        """
        ...

    def note(self, notes: Mapping[str, str | None]) -> None:
        """Write texts beside the place's tags, or remove them (None), without a lock. No decision depends on them.

        A name is letters and digits, a text what a tag may hold (`sinks.record`). Other notes stay. `forget` removes
        all.
        """
        ...

    def retire(self, held: Held, fingerprint: str | None = None, *, softly: bool = False) -> tuple[str, ...]:
        """Make every version with the fallback's value, or with this fingerprint, unreachable. Return their ids.

        Idempotent. Companions count as values. Versions of current's or pending's value stay, and the fallback of
        another value. With `softly`, `bring_back` can undo it. Without, an earlier soft retirement ends too (with a
        fingerprint: if it is of that value).

        Raises:
            Lost: this process does not hold the place any more.
            Refused: the value is also current's.
        """
        ...

    def bring_back(self, held: Held) -> str | None:
        """Make the fallback that was retired softly the fallback again, and return its version. Idempotent.

        Returns None where there is none. Where the vault does not hold it any more, its tag is removed as well.
        """
        ...

    def forget(self, held: Held) -> None:
        """Remove what the bridge wrote beside the values. Versions stay."""
        ...

    def release(self, held: Held, outcome: str, *, ended: tuple[Secret, ...] = ()) -> None:
        """Release the place, with no pending value and, where companions are kept, none announced. Idempotent.

        Of what this process wrote or read under the lock, it removes copies of current's value, and of values in
        `ended`, which Auth0 was shown to refuse. Another pending value stays readable as an older version, because
        Auth0 may yet accept it.
        """
        ...

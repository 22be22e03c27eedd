"""The port: the interface between the bridge and a versioned store. Its docstrings are the contract.

It has three parts: reading a sink, holding it, and writing to it while it is held.

A sink holds no policy. It does not know Auth0, ages, or which operation may follow which. It keeps three promises: one
lock holder at a time (by compare-and-set), readers see a change of current as one atomic step, and no foreign data is
lost.

Except for `uri` and `retirement`, every method may send requests, and may raise `Unavailable`, `Denied` and
`Refused`. No exception but a `SinkError` leaves a sink. "Idempotent" means that a caller whose answer was lost may call
the method again with the same arguments.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from sinks.errors import BadAddress, Busy, Conflict, Denied, Expired, Lost, Refused, SinkError, Unavailable
from sinks.record import Lock, Record, SoftDeleted
from sinks.rights import Deed
from sinks.secret import Secret
from sinks.state import Lease, Promoted, SinkState
from sinks.versions import History, Stage, Version

__all__ = [
    "BadAddress",
    "Busy",
    "Conflict",
    "Deed",
    "Denied",
    "Expired",
    "History",
    "Lease",
    "Lock",
    "Lockable",
    "Lost",
    "Promoted",
    "Readable",
    "Record",
    "Refused",
    "Secret",
    "Sink",
    "SinkError",
    "SinkState",
    "SoftDeleted",
    "Stage",
    "Unavailable",
    "Version",
    "Writable",
]  # fmt: skip


class Readable(Protocol):
    """One sink in one vault, for callers that change none of its versions and hold no lock."""

    @property
    def uri(self) -> str:
        """The sink's name, without a key. Lists of sinks consist of it and are sorted by it."""
        ...

    @property
    def retirement(self) -> str:
        """What a retirement leaves behind here, as a sentence for the user who has to confirm it."""
        ...

    def caller(self) -> Mapping[str, str]:
        """Return the identity that the vault sees in this process, for the audit record.

        Empty where the vault cannot say. No decision depends on it.
        """
        ...

    def survey(self, *, briefly: bool = False) -> SinkState:
        """Read metadata only, never a value.

        A policy without any right to read values suffices. Settings that make a sink unfit are no refusal here, so
        that `status` can show it.

        With `briefly`, a sink may leave out what would take a further request: versions at no stage, and the times of
        versions. By the whole state, a value is never older. Nothing is left out unless the sink is managed, nobody
        holds it, and nothing of an operation is left there.
        """
        ...

    def read(self, *, closely: bool = False) -> SinkState:
        """Read metadata and the values of current, pending and fallback.

        The result is the snapshot that `claim`, `take_over` and `check` are given. With `closely`, also read the
        versions in between: a fallback is unproven if another value was current after it.

        Raises:
            Refused: this sink is unfit to be managed. The message names the reason.
        """
        ...

    def at(self, version: str) -> Secret | None:
        """Return the value in one version, by its id.

        None: there is no such version, or no readable value in it.
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

    def check(self, state: SinkState, deeds: frozenset[Deed]) -> tuple[str, ...]:
        """Check, without any change, that the caller may do all of `deeds` at a sink that `read` returned.

        It needs no right beyond those of the deeds. Returns what cannot be known beforehand, as sentences.

        Raises:
            Denied: a right is missing. The message names path and capability, or the action.
        """
        ...

    # Without a lock, because a note must not wait for an operation, and losing one to a race does no harm.
    def note(self, notes: Mapping[str, str | None]) -> None:
        """Write texts beside the sink's tags, or remove them (None), without a lock. Idempotent.

        No decision depends on them. A name is letters and digits, and a text is cut to what a tag may hold
        (`sinks.record`). Other notes stay. `forget` removes all.
        """
        ...


class Lockable(Protocol):
    """The lock on one sink. Exactly one process holds it.

    Methods that take a `Lease` raise `Lost` where this process does not hold the sink any more, except for `release`.
    """

    def claim(
        self, state: SinkState, lock: Lock, value: Secret | None, *, initial: Secret | None = None, over: bool = False
    ) -> Lease:
        """Claim the sink by compare-and-set against the snapshot `state`, and store `value` as pending.

        With `over`, claim it whatever holds it in the snapshot, a foreign text too. That stays readable as an older
        version. With `initial` the sink is empty, and `initial` becomes its first, current value before anything else.
        A lost answer is retried. The claim is idempotent.

        Raises:
            Busy: another operation holds the sink or was faster. Nothing of it was changed.
        """
        ...

    def take_over(self, state: SinkState, lock: Lock) -> Lease:
        """Become the lock holder of the operation that `state` shows, and keep its value.

        `lock` replaces its lock. The former holder loses its next renewal. Whether the operation is dead is the
        caller's decision.

        Raises:
            Busy: another process was faster.
        """
        ...

    def renew(self, lease: Lease) -> Lease:
        """Check that this process still holds the sink, and begin a new lease.

        The lease counts from the start of this call. Only a held lease permits the calls that have no compare-and-set,
        here and at Auth0.

        Raises:
            Lost: it does not.
        """
        ...

    def store(self, lease: Lease, value: Secret) -> Lease:
        """Replace the pending value, by compare-and-set.

        The former pending value stays readable as an older version until the release.

        Raises:
            Lost: this process does not hold the sink any more, and `value` was not stored.
        """
        ...

    # It does not raise `Lost`: a sink that is lost needs no release, and its new holder must not be disturbed.
    def release(self, lease: Lease, outcome: str, *, ended: tuple[Secret, ...] = ()) -> None:
        """Release the sink, with no pending value and, where sibling keys are kept, none announced. Idempotent.

        Of what this process wrote or read under the lock, it removes copies of current's value, and of values in
        `ended`, which Auth0 was shown to refuse. Another pending value stays readable as an older version, because
        Auth0 may yet accept it.
        """
        ...


class Writable(Protocol):
    """Writes to one sink under its lock. Each renews `lease` where too little of it is left.

    Except for `finish`, they raise `Lost` where this process does not hold the sink any more.
    """

    def write_sibling_keys(self, lease: Lease, coming: Secret | None = None) -> bool:
        """Make the sibling keys in the latest document right, as `lease.lock.sibling_keys` says. Current stays.

        `coming` is the next value, None where there is none. The former value is the fallback's. A fallback that this
        operation ends is left out as soon as another value is announced. Converges as `promote` does, and is
        idempotent. Returns whether anything had to be written.
        """
        ...

    def promote(self, lease: Lease, value: Secret, record: Record, *, keep: bool = True) -> Promoted:
        """Make `value` current, and with `keep` make the former current value (by `lease.lock.base`) the fallback.

        The sibling keys change in the same step. Whatever foreign writers do meanwhile, the latest document then holds
        `value` and all of their keys. Tags come before the write, so that readers see one atomic step. Idempotent.
        """
        ...

    # The one write without the lock. A value that Auth0 has accepted must reach readers, whoever holds the sink by now.
    def finish(self, lease: Lease, base: Secret, value: Secret, *, before: float) -> bool:
        """Make `value` current and `base` the fallback, although the sink is lost. Write nothing else.

        It acts only if `base` is still current, by compare-and-set, and only until `before` (monotonic). It serves a
        value that Auth0 has accepted: its readers must not wait for the new lock holder. Returns whether `value` is
        current now.
        """
        ...

    def tag(self, lease: Lease, record: Record, *, keep_limit: bool = False, fallback: str | None = None) -> None:
        """Write the tags of the sink and leave its versions as they are: the latest is current.

        `keep_limit` leaves the number of versions that the vault keeps. `fallback` is the fingerprint of the fallback's
        value, which is the newest older version that holds it. There is no fallback where none does, or for "". None:
        unchanged.
        """
        ...

    def retire(self, lease: Lease, fingerprint: str | None = None, *, softly: bool = False) -> tuple[str, ...]:
        """Make every version with the fallback's value, or with this fingerprint, unreachable. Return their ids.

        Idempotent. Sibling keys count as values. Versions of current's or pending's value stay, and the fallback of
        another value. With `softly`, `bring_back` can undo it. Without, an earlier soft retirement ends too (with a
        fingerprint: if it is of that value).

        Raises:
            Lost: this process does not hold the sink any more.
            Refused: the value is also current's.
        """
        ...

    def bring_back(self, lease: Lease) -> str | None:
        """Make the fallback that was retired softly the fallback again, and return its version. Idempotent.

        Returns None where there is none. Where the vault does not hold it any more, its tag is removed as well.
        """
        ...

    def forget(self, lease: Lease) -> None:
        """Remove what the bridge wrote beside the values. Idempotent.

        Versions and documents stay, sibling keys included: they are the user's again.
        """
        ...


class Sink(Readable, Lockable, Writable, Protocol):
    """One sink in one vault: all three parts.

    Functions that need one part only should ask for that part.
    """

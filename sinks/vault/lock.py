"""The lock key beside a document. It is never deleted, so its version, which only grows, is a fencing token.

Claims and releases are writes with compare-and-set. A deletion has none and would restart the version numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sinks.errors import Busy, Conflict, Expired, Lost, Refused, SinkError, Unavailable
from sinks.seal import NOTHING
from sinks.secret import unlike
from sinks.state import Lease
from sinks.vault.errors import AGAIN
from sinks.vault.grip import version_of
from sinks.vault.state import (
    KEPT,
    LOCK_VERSION,
    held_by,
    idle_document,
    is_idle_of,
    is_ours,
    lock_document,
    managed_tag,
)

if TYPE_CHECKING:
    from sinks.clock import Clock
    from sinks.document import Document
    from sinks.record import Lock
    from sinks.seal import Said
    from sinks.secret import Secret
    from sinks.vault.api import Kv
    from sinks.vault.responses import Entry
    from sinks.vault.state import Mark

TRIES = 3
CANDIDATES = 16  # how many older versions of the key are read for values that Auth0 may accept
KEPT_VERSIONS = 50  # of the key. What a release leaves there on purpose is removed by this limit only


class LockKey:
    """The key at `path`. Its document names the lock holder and holds the pending value at `key`.

    It remembers the versions that this process wrote or read as locks, because a release destroys no others.
    """

    def __init__(self, kv: Kv, uri: str, path: str, key: str, clock: Clock, lease: float) -> None:
        self._kv = kv
        self._uri = uri
        self.path = path
        self._key = key
        self._clock = clock
        self._lease = lease
        self._before = NOTHING  # what the sink said when the operation began
        self._named = NOTHING  # what the key's metadata says: see `managed_tag`
        self._ours: dict[int, Secret | None] = {}  # versions that this process wrote or read as locks, with each value
        self._foreign: list[int] = []  # versions that are neither locks nor idle records of ours
        self.told = NOTHING  # what the sink says now
        self.began = datetime.min.replace(tzinfo=UTC)  # the server's time of the claim

    def take(
        self,
        lock: Lock,
        value: Secret | None,
        mark: Mark,
        *,
        before: Said,
        told: Said,
        found: Secret | None = None,
    ) -> Lease:
        """Write the lock by compare-and-set: the key must still be at the version in `mark`.

        `before` is what the sink said about itself when the operation began, and `told` is what it says now. `found`
        is the value that was pending until then. Where an answer is lost, the key is read to find out whether the write
        was done.

        Raises:
            Busy: the key has another version, and this lock is not its holder.
        """
        started, cas = self._clock.monotonic(), mark.lock_version
        self._before, self._named, self.told = before, told, told
        known = {n: value for n, value in self._ours.items() if n < cas}  # read while looking for candidates
        self._ours, self.began = {**known, **({cas: found} if mark.ours else {})}, self._kv.now()
        self._foreign = [*(n for n in self._foreign if n < cas), *([cas] if cas and not mark.ours else [])]
        document = lock_document(lock, self._key, value, before)
        for _ in range(TRIES):
            written = None
            with suppress(Conflict, Unavailable):  # either may hide a write that was done
                written = self._kv.write(self.path, document, cas=cas)
            if written := written or self._taken_after_all(lock, cas):
                self._ours[written.version] = value
                lease = Lease(self._uri, lock, written.version, started, value)
                if written.fading:
                    # The setting can have been made after the check. The vault would delete the pending value.
                    self._give_back(lease, idle_document(lock, "not claimed", told))
                    raise fading(self.path)
                return lease
            self._clock.sleep(self._lease / 10)
        raise Unavailable(f"it is not known whether {self._uri} was locked", AGAIN, unsure=True)

    def _taken_after_all(self, lock: Lock, cas: int) -> Entry | None:
        try:
            # Its answer may have been lost, or be late. By the holder's word we know our own lock.
            entry, other = self._read()
        except Unavailable:
            raise Unavailable(f"it is not known whether {self._uri} was locked", AGAIN, unsure=True) from None
        if entry and _same(lock, other):
            return entry
        if (entry.version if entry else 0) != cas:
            what = "is held by another operation" if other else "was changed by another operation meanwhile"
            raise Busy(f"{self._uri} {what}", other)
        return None

    def name(self, lease: Lease) -> Lease:
        """Write the lock holder to the key's metadata, for readers of metadata. The key's document is authoritative."""
        tags = {**lease.lock.tags(), LOCK_VERSION: str(lease.token), **managed_tag(self.told)}
        lease = self.within(
            lease, lambda before: self._kv.tag(self.path, tags, max_versions=KEPT_VERSIONS, before=before)
        )
        self._named = self.told
        return lease

    def end(self, fingerprint: str, salt: str) -> None:
        """Destroy the key's older versions that hold a value which ends, as left by an interrupted release.

        Versions that this process does not know yet are read for that.
        """
        meta = self._kv.metadata(self.path)
        readable = [n for n, (_, ok) in (meta.versions if meta else {}).items() if ok and meta and n < meta.current]
        for number in readable:
            if number not in self._ours:
                self._value_at(number)
        ending = [n for n in readable if (v := self._ours.get(n)) is not None and v.fingerprint(salt) == fingerprint]
        if ending:
            self._kv.destroy(self.path, ending)
            self._ours = {n: value for n, value in self._ours.items() if n not in ending}

    def _value_at(self, number: int) -> Secret | None:
        entry = self._kv.read(self.path, number)
        value = entry.document.get(self._key) if entry and entry.document else None
        # Remembered by origin, because a release destroys ours and keeps what is foreign.
        if is_ours(entry):
            self._ours[number] = value
        elif entry and entry.document and number not in self._foreign:
            self._foreign.append(number)
        return value

    def candidates(self) -> tuple[Secret, ...]:
        """Return the values in the newest readable versions, whichever process wrote them, newest first.

        At most `CANDIDATES` versions are read.
        """
        meta = self._kv.metadata(self.path)
        readable = sorted((n for n, (_, ok) in (meta.versions if meta else {}).items() if ok), reverse=True)
        return unlike((), [value for n in readable[:CANDIDATES] if (value := self._value_at(n)) is not None])

    def renew(self, lease: Lease) -> Lease:
        """Check that the key is at our version with our lock, and begin a new lease.

        Raises:
            Lost: another version or another holder is there.
        """
        started = self._clock.monotonic()
        entry, lock = self._read()
        if entry is None or entry.version != lease.token or lock is None or lock.holder != lease.lock.holder:
            by = f"; {lock.actor} holds it now" if lock else ""
            raise Lost(f"{self._uri} is not ours any more{by}", "run resume: it tells where things stand")
        return replace(lease, renewed=started)

    def fresh(self, lease: Lease) -> Lease:
        """Return `lease` with at least half of its time left. It is renewed where less is left."""
        spent = self._clock.monotonic() - lease.renewed
        return lease if spent < self._lease / 2 else self.renew(lease)

    def deadline(self, lease: Lease) -> float:
        """Return the monotonic time by which a call under this lease must have ended."""
        return lease.renewed + self._lease

    def within(self, lease: Lease, call: Callable[[float], None]) -> Lease:
        """Do an idempotent call without compare-and-set within a lease.

        Where its answer was lost or came too late, the lease is renewed and the call repeated.
        """
        failure: Unavailable | None = None
        for _ in range(TRIES):
            lease = self.fresh(lease)
            try:
                call(self.deadline(lease))
            except Expired:  # it may have been carried out, and is idempotent
                lease = self.renew(lease)
            except Unavailable as error:
                failure = error
                self._clock.sleep(self._lease / 10)
                lease = self.renew(lease)
            else:
                return lease
        raise failure or Unavailable(f"{self._uri} answers too slowly: nothing ends within its lease", "run resume")

    def store(self, lease: Lease, value: Secret) -> Lease:
        """Write the lock again with `value`, by compare-and-set.

        Raises:
            Lost: the key is not ours any more, and the value was not stored.
            Refused: the server is going to delete what was written.
            Unavailable: it is not known whether the value was stored.
        """
        document = lock_document(lease.lock, self._key, value, self._before)
        try:
            written = self._kv.write(self.path, document, cas=version_of(lease))
        except (Conflict, Unavailable) as error:
            written = self._stored_after_all(lease, value, document, error)
        if written.fading:
            raise fading(self.path)
        self._ours[written.version] = value
        return self.name(replace(lease, token=written.version, value=value))

    def _stored_after_all(self, lease: Lease, value: Secret, document: Document, error: SinkError) -> Entry:
        entry, lock = self._read()
        if entry is None or not _same(lease.lock, lock):
            raise Lost(f"{self._uri} is not ours any more; the value was not stored", "run resume") from None
        if entry.document and entry.document.get(self._key) == value:
            return entry
        if isinstance(error, Conflict):
            raise Lost(f"{self._uri} changed under us; the value was not stored", "run resume") from None
        try:
            return self._kv.write(self.path, document, cas=entry.version)
        except Conflict:  # the first write arrived late, or another process took over
            raise Unavailable(f"it is not known whether {self._uri} stored the value", "run resume") from None

    def release(self, lease: Lease, outcome: str, *, gone: tuple[Secret, ...]) -> None:
        """Write an idle record over our version, then destroy the older versions that are of no use any more.

        `gone` are values that may be removed here: the document holds them by now, or Auth0 was shown to refuse them.
        Another pending value stays, and the key's metadata names its version: Auth0 may carry out a dead process's
        request very late.
        """
        kept = sorted(n for n, value in self._ours.items() if value is not None and value not in gone)
        kept = sorted({*kept, *self._foreign})
        more = {**managed_tag(self.told), **({KEPT: self._kept(kept)} if kept else {})}
        if kept or bool(self.told.tags) != bool(self._named.tags):
            with suppress(Lost, Refused):
                lease = self.within(lease, lambda before: self._kv.tag(self.path, more, before=before))
        idle = self._give_back(lease, idle_document(lease.lock, outcome, self.told))
        if idle is None:
            return  # held by another process, which releases it
        # Exact numbers that this process knows, all below the idle record's, so never a later holder's version.
        older = sorted(n for n in self._ours if n < idle and n not in kept and n)
        if not older:
            return
        try:
            self._kv.destroy(self.path, older)
        except Unavailable:
            self._clock.sleep(self._lease / 10)
            self._kv.destroy(self.path, older)

    def _kept(self, numbers: list[int]) -> str:
        meta = self._kv.metadata(self.path)
        # Newest first. Candidates are read from no more versions than these.
        said = (meta.tags.get(KEPT, "") if meta else "").split()
        return " ".join(dict.fromkeys((*map(str, reversed(numbers)), *said[:CANDIDATES])))

    def _give_back(self, lease: Lease, document: Document) -> int | None:
        """Write the idle record and return its version. None: this process does not hold the lock any more."""
        token = version_of(lease)
        failure: SinkError | None = None
        for _ in range(TRIES):
            try:
                return self._kv.write(self.path, document, cas=token).version
            except (Conflict, Unavailable) as error:
                failure = error
            entry, lock = self._read()
            if entry and is_idle_of(lease.lock, entry):
                return entry.version  # the write was done, its answer was lost
            if entry is None or not _same(lease.lock, lock):
                return None
            token = entry.version  # ours, from a store whose answer was lost
            self._clock.sleep(self._lease / 10)
        raise failure or Unavailable(f"could not release {self._uri}")

    def _read(self) -> tuple[Entry | None, Lock | None]:
        entry = self._kv.read(self.path)
        return entry, held_by(entry)


def fading(path: str) -> Refused:
    """Return the error for a value that the server is going to delete by itself."""
    return Refused(
        f"Vault is going to delete what was written to {path}: somebody set delete_version_after",
        f"unset it: bao kv metadata put -delete-version-after=0s {path}",
    )


def _same(lock: Lock, other: Lock | None) -> bool:
    # Without a holder's word it could be anybody's, so such a lock is never taken for ours.
    return other is not None and bool(lock.holder) and other.holder == lock.holder

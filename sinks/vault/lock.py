"""The lock key beside a document: claimed and released by compare-and-set, never deleted, so its version is a fence."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, cast

from sinks.errors import Busy, Conflict, Lost, Unavailable
from sinks.port import Held
from sinks.vault.place import LOCK_VERSION, held_by, idle_document, lock_document

if TYPE_CHECKING:
    from sinks.clock import Clock
    from sinks.document import Document
    from sinks.record import Lock
    from sinks.secret import Secret
    from sinks.vault.kv import Entry, Kv

HISTORY = 32  # how many versions back a release cleans; Vault keeps 10 unless told otherwise


class LockKey:
    """The key at `path`: its document names the holder and holds the pending value at `key`."""

    def __init__(self, kv: Kv, uri: str, path: str, key: str, clock: Clock, lease: float) -> None:
        self._kv = kv
        self._uri = uri
        self.path = path
        self._key = key
        self._clock = clock
        self._lease = lease

    def take(self, lock: Lock, value: Secret | None, cas: int) -> Held:
        """Write the lock if the key is still at version `cas`.

        Raises:
            Busy: it is not, and the holder is somebody else.
        """
        started = self._clock.monotonic()
        try:
            version = self._kv.write(self.path, lock_document(lock, self._key, value), cas=cas).version
        except (Conflict, Unavailable) as error:
            version = self._taken_after_all(lock, error)
        held = Held(self._uri, lock, version, started, value)
        # For readers of metadata only; the truth about the lock stands in its document.
        self._kv.tag(self.path, {**lock.tags(), LOCK_VERSION: str(version)}, before=started + self._lease)
        return held

    def _taken_after_all(self, lock: Lock, error: Conflict | Unavailable) -> int:
        """Find out whether a write whose answer was lost, or that lost a race, was ours."""
        entry, other = self._read()
        if entry and other and other.holder == lock.holder:
            return entry.version
        if isinstance(error, Conflict):
            raise Busy(f"{self._uri} is held by another operation", other) from None
        raise error

    def look(self, held: Held) -> Held:
        """Make sure that the key is at our version and says our words; begin a new lease."""
        started = self._clock.monotonic()
        entry, lock = self._read()
        if entry is None or entry.version != held.token or lock is None or lock.holder != held.lock.holder:
            by = f"; {lock.actor} holds it now" if lock else ""
            raise Lost(f"{self._uri} is not ours any more{by}", "run resume: it tells where things stand")
        return replace(held, looked=started)

    def store(self, held: Held, value: Secret) -> Held:
        """Write the lock again, with the value."""
        document = lock_document(held.lock, self._key, value)
        try:
            version = self._kv.write(self.path, document, cas=cast(int, held.token)).version
        except (Conflict, Unavailable) as error:
            version = self._stored_after_all(held, value, document, error)
        self._kv.tag(self.path, {LOCK_VERSION: str(version)})
        return replace(held, token=version, value=value)

    def _stored_after_all(self, held: Held, value: Secret, document: Document, error: Conflict | Unavailable) -> int:
        entry, lock = self._read()
        if entry is None or lock is None or lock.holder != held.lock.holder:
            raise Lost(f"{self._uri} is not ours any more; the value was not stored", "run resume") from None
        if entry.document and entry.document.get(self._key) == value:
            return entry.version
        if isinstance(error, Conflict):
            raise Lost(f"{self._uri} changed under us; the value was not stored", "run resume") from None
        return self._kv.write(self.path, document, cas=entry.version).version

    def release(self, held: Held, outcome: str) -> None:
        """Write an idle record over our version, then destroy what the older ones hold."""
        token = cast(int, held.token)
        try:
            idle = self._kv.write(self.path, idle_document(held.lock, outcome), cas=token).version
        except (Conflict, Unavailable) as error:
            entry, lock = self._read()
            ours = lock is not None and lock.holder == held.lock.holder
            if entry and ours and isinstance(error, Unavailable):
                idle = self._kv.write(self.path, idle_document(held.lock, outcome), cas=entry.version).version
            elif entry and entry.version == token + 1 and lock is None:
                idle = entry.version  # the write was done, its answer was lost
            else:
                return  # somebody else's now: theirs to release
        # Exact numbers, all below the idle record's: they cannot mean a later holder's version.
        self._kv.destroy(self.path, range(max(1, idle - HISTORY), idle))

    def _read(self) -> tuple[Entry | None, Lock | None]:
        entry = self._kv.read(self.path)
        return entry, held_by(entry, self.path)

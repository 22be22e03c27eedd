"""The lock key beside a document: claimed and released by compare-and-set, never deleted, so its version is a fence."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, cast

from sinks.errors import Busy, Conflict, Expired, Lost, SinkError, Unavailable
from sinks.port import Held
from sinks.vault.answers import AGAIN
from sinks.vault.place import LOCK_VERSION, held_by, idle_document, is_idle_of, lock_document, managed_tag

if TYPE_CHECKING:
    from sinks.clock import Clock
    from sinks.document import Document
    from sinks.record import Lock, Record
    from sinks.secret import Secret
    from sinks.vault.kv import Entry, Kv

HISTORY = 32  # how many versions back a release cleans; Vault keeps 10 unless told otherwise
TRIES = 3


class LockKey:
    """The key at `path`: its document names the holder and holds the pending value at `key`."""

    def __init__(self, kv: Kv, uri: str, path: str, key: str, clock: Clock, lease: float) -> None:
        self._kv = kv
        self._uri = uri
        self.path = path
        self._key = key
        self._clock = clock
        self._lease = lease
        self._before: Record | None = None  # what the place said when the operation began
        self._named: Record | None = None  # what the key's metadata says: see `managed_tag`
        self._dropped = False  # an older version of the key holds a value that was replaced
        self.told: Record | None = None  # what it says now; None: it is not managed

    def take(self, lock: Lock, value: Secret | None, cas: int, *, before: Record | None, told: Record | None) -> Held:
        """Write the lock if the key is still at version `cas`.

        `before` is what the place said about itself when the operation began, `told` what it says now.

        Raises:
            Busy: it is not, and the holder is somebody else.
        """
        started = self._clock.monotonic()
        self._before, self._named, self.told, self._dropped = before, told, told, False
        document = lock_document(lock, self._key, value, before)
        for _ in range(TRIES):
            with suppress(Conflict, Unavailable):
                return Held(self._uri, lock, self._kv.write(self.path, document, cas=cas).version, started, value)
            if version := self._taken_after_all(lock, cas):
                return Held(self._uri, lock, version, started, value)
            self._clock.sleep(self._lease / 10)
        raise Unavailable(f"it is not known whether {self._uri} was locked", AGAIN, unsure=True)

    def _taken_after_all(self, lock: Lock, cas: int) -> int | None:
        """Find out whether a write whose answer was lost, or that lost a race, was ours; None: it was not done yet."""
        try:
            entry, other = self._read()
        except Unavailable:
            raise Unavailable(f"it is not known whether {self._uri} was locked", AGAIN, unsure=True) from None
        if entry and _same(lock, other):
            return entry.version
        if (entry.version if entry else 0) != cas:
            what = "is held by another operation" if other else "was changed by another operation meanwhile"
            raise Busy(f"{self._uri} {what}", other)
        return None

    def name(self, held: Held) -> Held:
        """Say in the key's metadata who holds it: for readers of metadata; the truth stands in its document."""
        tags = {**held.lock.tags(), LOCK_VERSION: str(held.token), **managed_tag(self.told)}
        held = self.within(held, lambda before: self._kv.tag(self.path, tags, before=before))
        self._named = self.told
        return held

    def look(self, held: Held) -> Held:
        """Make sure that the key is at our version and says our words; begin a new lease."""
        started = self._clock.monotonic()
        entry, lock = self._read()
        if entry is None or entry.version != held.token or lock is None or lock.holder != held.lock.holder:
            by = f"; {lock.actor} holds it now" if lock else ""
            raise Lost(f"{self._uri} is not ours any more{by}", "run resume: it tells where things stand")
        return replace(held, looked=started)

    def fresh(self, held: Held) -> Held:
        """Return a lease of which at least half is left."""
        spent = self._clock.monotonic() - held.looked
        return held if spent < self._lease / 2 else self.look(held)

    def deadline(self, held: Held) -> float:
        """Return when a call under this lease must have ended."""
        return held.looked + self._lease

    def within(self, held: Held, call: Callable[[float], None]) -> Held:
        """Do a call that has no compare-and-set, and of which twice is once, within a lease.

        Where its answer was lost or came too late: look, and do it again.
        """
        failure: Unavailable | None = None
        for _ in range(TRIES):
            held = self.fresh(held)
            try:
                call(self.deadline(held))
            except Expired:
                held = self.look(held)
            except Unavailable as error:
                failure = error
                self._clock.sleep(self._lease / 10)
                held = self.look(held)
            else:
                return held
        raise failure or Unavailable(f"{self._uri} answers too slowly: nothing ends within its lease", "run resume")

    def store(self, held: Held, value: Secret) -> Held:
        """Write the lock again, with the value."""
        document = lock_document(held.lock, self._key, value, self._before)
        self._dropped = self._dropped or held.value not in (None, value)
        try:
            version = self._kv.write(self.path, document, cas=cast(int, held.token)).version
        except (Conflict, Unavailable) as error:
            version = self._stored_after_all(held, value, document, error)
        return self.name(replace(held, token=version, value=value))

    def _stored_after_all(self, held: Held, value: Secret, document: Document, error: SinkError) -> int:
        entry, lock = self._read()
        if entry is None or not _same(held.lock, lock):
            raise Lost(f"{self._uri} is not ours any more; the value was not stored", "run resume") from None
        if entry.document and entry.document.get(self._key) == value:
            return entry.version
        if isinstance(error, Conflict):
            raise Lost(f"{self._uri} changed under us; the value was not stored", "run resume") from None
        try:
            return self._kv.write(self.path, document, cas=entry.version).version
        except Conflict:  # the first write arrived late, or somebody took over
            raise Unavailable(f"it is not known whether {self._uri} stored the value", "run resume") from None

    def release(self, held: Held, outcome: str, *, kept: Secret | None) -> None:
        """Write an idle record over our version, then destroy what the older ones hold.

        `kept` is the value that the document holds by now.
        """
        if (self.told is None) != (self._named is None):
            with suppress(Lost):
                self.within(held, lambda before: self._kv.tag(self.path, managed_tag(self.told), before=before))
        dropped = self._dropped or held.value not in (None, kept)
        idle = self._give_back(held, idle_document(held.lock, outcome, self.told, dropped=dropped))
        if idle is None:
            return  # somebody else's now: theirs to release
        # Exact numbers, all below the idle record's: they cannot mean a later holder's version.
        older = range(max(1, idle - HISTORY), idle)
        try:
            self._kv.destroy(self.path, older)
        except Unavailable:
            self._clock.sleep(self._lease / 10)
            self._kv.destroy(self.path, older)

    def _give_back(self, held: Held, document: Document) -> int | None:
        """Return the idle record's version; None where the lock is not ours any more."""
        token = cast(int, held.token)
        failure: SinkError | None = None
        for _ in range(TRIES):
            try:
                return self._kv.write(self.path, document, cas=token).version
            except (Conflict, Unavailable) as error:
                failure = error
            entry, lock = self._read()
            if entry and is_idle_of(held.lock, entry):
                return entry.version  # the write was done, its answer was lost
            if entry is None or not _same(held.lock, lock):
                return None
            token = entry.version  # ours, stored again by a call whose answer was lost
            self._clock.sleep(self._lease / 10)
        raise failure or Unavailable(f"could not release {self._uri}")

    def _read(self) -> tuple[Entry | None, Lock | None]:
        entry = self._kv.read(self.path)
        return entry, held_by(entry, self.path)


def _same(lock: Lock, other: Lock | None) -> bool:
    """Tell whether both are the same claim; one without a holder's word is never known again."""
    return other is not None and bool(lock.holder) and other.holder == lock.holder

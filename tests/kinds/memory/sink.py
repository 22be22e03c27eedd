"""A sink in this process's memory as a `Sink`: the reference for what the port means."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace

from sinks.clock import Clock, SystemClock
from sinks.document import Document
from sinks.errors import Busy, Lost, Refused
from sinks.port import Lease, Promoted, SinkState
from sinks.record import MANAGED_BY, OWN_PREFIX, SIBLING_KEYS_TAG, Lock, Record, SoftDeleted, drifted, note_tags, noted
from sinks.rights import Deed
from sinks.secret import Secret, unlike
from sinks.sibling_keys import (
    WRITTEN,
    SiblingKeys,
    afterwards,
    announces,
    sibling_keys_written,
    values_in,
    with_sibling_keys,
)
from sinks.versions import Stage, Version

from .store import MemoryStore, Stored, without

DEFAULT_KEY = "client_secret"


class MemorySink:
    """One document in a `MemoryStore`."""

    def __init__(self, uri: str, store: MemoryStore, *, key: str = DEFAULT_KEY, clock: Clock | None = None) -> None:
        self._uri = uri
        self._store = store
        self._path = uri.partition("://")[2]
        self._key = key
        self._clock = clock or SystemClock()

    uri = property(lambda self: self._uri, doc="The sink's name.")
    retirement = "these versions are gone"

    def caller(self) -> Mapping[str, str]:
        """Nobody asks here (`Sink.caller`)."""
        return {}

    def survey(self, *, briefly: bool = False) -> SinkState:  # metadata are in few requests
        """Read metadata only (`Sink.survey`)."""
        with self._store.at(self._path) as stored:
            return self._place(stored)

    def _place(self, stored: Stored) -> SinkState:
        record = Record.from_tags(stored.tags)
        return SinkState(
            self._uri,
            self._store.now(),
            exists=stored.latest is not None,
            history=stored.history,
            manager=stored.tags.get(MANAGED_BY),
            record=record,
            lock=stored.lock,
            claimed=stored.claimed if stored.lock else None,
            unsettled=stored.lock is not None or stored.unclean,
            wiped=record is None and stored.latest is not None and stored.lock is None and stored.told is not None,
            remembered=stored.before if stored.lock else stored.told,
            edits=int(stored.latest) - int(stored.tagged) if stored.latest and stored.tagged else 0,
            noted=noted(stored.tags),
            soft_deleted=SoftDeleted.from_tags(stored.tags),
            snapshot=stored.token,
        )

    def read(self, *, closely: bool = False) -> SinkState:  # versions tell nothing here
        """Read metadata and values (`Sink.read`)."""
        with self._store.at(self._path) as there:
            stored = there.healed(self._key)
            place, document = self._place(stored), stored.documents.get(stored.latest or "")
            place = replace(place, record=stored.known(self._key) if place.record else None)
            current, fallback = stored.value(self._key), stored.history.at(Stage.FALLBACK)
            before = stored.value(self._key, fallback.id) if fallback else None
            found = {Stage.CURRENT: current, Stage.PENDING: stored.pending, Stage.FALLBACK: before}
            values = {stage: value for stage, value in found.items() if value}
            place = replace(
                place,
                keys=document.keys if document else (),
                unusable=document.unusable(self._key) if document else "",
                values=values,
                history=stored.history.added(Version("pending", Stage.PENDING)) if stored.pending else stored.history,
                drifted=drifted(place.record, current),
                released=stored.claimed if stored.lock else stored.released,
            )
            made = stored.history.versions[-1].created if stored.history.versions else None
            return with_sibling_keys(place, document, self._key, made)

    def at(self, version: str) -> Secret | None:
        """Read one version (`Sink.at`)."""
        with self._store.at(self._path) as stored:
            return stored.value(self._key, version)

    def candidates(self, *, every: bool = False) -> tuple[Secret, ...]:  # it is quick here
        """Return what was left behind, and what other versions hold (`Sink.candidates`)."""
        with self._store.at(self._path) as stored:
            older = (stored.value(self._key, version.id) for version in reversed(stored.history.versions))
            return unlike((), [value for value in (*reversed(stored.left), *older) if value])

    def recall(self, fingerprint: str, salt: str, *, endable: bool = False) -> Secret | None:  # all can
        """Look through all versions (`Sink.recall`)."""
        with self._store.at(self._path) as stored:
            version = next(stored.holding(self._key, fingerprint, salt), None)
            return stored.value(self._key, version) if version else None

    def check(self, place: SinkState, deeds: frozenset[Deed]) -> tuple[str, ...]:  # the port's signature
        """Everything is allowed."""
        return ()

    def claim(
        self, place: SinkState, lock: Lock, value: Secret | None, *, initial: Secret | None = None, over: bool = False
    ) -> Lease:
        """Take the sink if nothing has happened to its lock since it was read (`Sink.claim`)."""
        if place.lock and place.lock.holder != lock.holder and not over:
            raise Busy(f"{self._uri} is held by another operation", place.lock)
        with self._store.at(self._path) as stored:
            healed = stored if over else stored.healed(self._key)
            held = self._take(stored, place, lock, value)
            stored.begin(healed, self._key)
            if initial and stored.value(self._key) not in (None, initial):
                self.release(held, "not claimed")
                raise Busy(f"{self._uri} was empty, and somebody else wrote a value there meanwhile", None)
            if initial:
                self.promote(held, initial, Record.first(lock, self._store.now(), initial), keep=False)
            return held

    def take_over(self, place: SinkState, lock: Lock) -> Lease:
        """Become the holder (`Sink.take_over`)."""
        with self._store.at(self._path) as stored:
            return self._take(stored, place, lock, stored.pending)

    def _take(self, stored: Stored, place: SinkState, lock: Lock, value: Secret | None) -> Lease:
        if stored.lock and lock.holder and stored.lock.holder == lock.holder:
            return Lease(self._uri, lock, stored.token, self._clock.monotonic(), value)
        if stored.token != place.snapshot:
            raise Busy(f"{self._uri} is held by another operation", stored.lock)
        if stored.pending not in (None, value):
            stored.left.append(stored.pending)
        stored.token, stored.lock, stored.pending = stored.token + 1, lock, value
        stored.claimed = self._store.now()
        return Lease(self._uri, lock, stored.token, self._clock.monotonic(), value)

    @contextmanager
    def _ours(self, held: Lease) -> Iterator[Stored]:
        with self._store.at(self._path) as stored:
            if stored.token != held.token:
                raise Lost(f"{self._uri} is not ours any more", "run resume: it tells where things stand")
            yield stored

    def renew(self, held: Lease) -> Lease:
        """Make sure that the sink is ours (`Sink.renew`)."""
        with self._ours(held):
            return replace(held, renewed=self._clock.monotonic())

    def store(self, held: Lease, value: Secret) -> Lease:
        """Replace the pending value (`Sink.store`)."""
        with self._ours(held) as stored:
            if stored.pending not in (None, value):
                stored.left.append(stored.pending)
            stored.token, stored.pending = stored.token + 1, value
            return replace(held, token=stored.token, value=value)

    def promote(self, held: Lease, value: Secret, record: Record, *, keep: bool = True) -> Promoted:
        """Write the value as the latest version (`Sink.promote`)."""
        with self._ours(held) as stored:
            if keep and held.lock.ends:
                self._write_sibling_keys(held, value)
            old, new = stored.latest, stored.latest
            if stored.value(self._key) != value:
                base = self._base(stored, held, None) if keep else None
                former = stored.value(self._key, base) if base else None
                new = stored.write(self._sibling_keys_written(held, stored, value, former=former), self._store.now())
            if new != old or stored.tags.get("bridge_rotation") != record.rotation:
                stored.promote(new or "", self._base(stored, held, new) if keep else None)
            stored.tell(record)
            self._write_sibling_keys(held)
            fallback = stored.history.at(Stage.FALLBACK)
            return Promoted(stored.tagged or "", fallback.id if fallback else None)

    def finish(self, held: Lease, base: Secret, value: Secret, *, before: float) -> bool:
        """Write the value over what was current (`Sink.finish`)."""
        with self._store.at(self._path) as stored:
            was = stored.latest
            if stored.value(self._key) == base and self._clock.monotonic() < before:
                new = stored.write(self._sibling_keys_written(held, stored, value, former=base), self._store.now())
                stored.promote(new, was)
            return stored.value(self._key) == value

    def write_sibling_keys(self, held: Lease, coming: Secret | None = None) -> bool:
        """Write the sibling keys that are not right (`Sink.write_sibling_keys`)."""
        return self._write_sibling_keys(held, coming)

    def _write_sibling_keys(self, held: Lease, coming: Secret | None = None, *, former: bool = True) -> bool:
        with self._ours(held) as stored:
            current, fallback = stored.value(self._key), stored.history.at(Stage.FALLBACK)
            if held.lock.sibling_keys not in WRITTEN or current is None:
                return False
            stored.tags[SIBLING_KEYS_TAG] = afterwards(held.lock.sibling_keys)
            coming = coming if coming != current else None
            told = fallback and former and not (coming and held.lock.ends)
            before = stored.value(self._key, fallback.id) if told and fallback else None
            wanted = self._sibling_keys_written(held, stored, current, coming, before)
            if wanted == stored.document:
                return False
            stored.tagged = stored.write(wanted, self._store.now())
            return True

    def _sibling_keys_written(
        self, held: Lease, stored: Stored, current: Secret, coming: Secret | None = None, former: Secret | None = None
    ) -> Document:
        kept = held.lock.sibling_keys
        return sibling_keys_written(stored.document, self._key, kept, current, coming=coming, former=former)

    def _base(self, stored: Stored, held: Lease, new: str | None) -> str | None:
        """Return the newest version below the new one that holds what was current when the operation began."""
        for version in reversed(stored.history.versions):
            value = stored.value(self._key, version.id)
            if version.id != new and value and held.lock.base in ("", value.fingerprint(held.lock.client_id)):
                return version.id
        return None

    def tag(
        self,
        held: Lease,
        record: Record,
        *,
        keep_limit: bool = False,  # there is none
        fallback: str | None = None,
    ) -> None:
        """Write the tags of what is there (`Sink.tag`)."""
        with self._ours(held) as stored:
            if stored.latest is None:
                raise Refused(f"{self._uri} holds nothing to tag")
            stored.tell(record)
            if fallback is None:
                version = stored.history.at(Stage.FALLBACK)
                stored.promote(stored.latest, version.id if version else None)
                return
            found = list(stored.holding(self._key, fallback, held.lock.client_id))
            stored.promote(stored.latest, next(iter(found), None) if stored.latest not in found else None)

    def retire(self, held: Lease, fingerprint: str | None = None, *, softly: bool = False) -> tuple[str, ...]:
        """Take away every older version that holds the value (`Sink.retire`)."""
        with self._ours(held) as stored:
            salt, fallback = held.lock.client_id, stored.history.at(Stage.FALLBACK)
            tagged = stored.value(self._key, fallback.id) if fallback else None
            target = fingerprint if fingerprint is not None else tagged and tagged.fingerprint(salt)
            staying = [v.fingerprint(salt) for v in (stored.value(self._key), stored.pending) if v]
            soft_deleted = SoftDeleted.from_tags(stored.tags)
            if target is None and soft_deleted and soft_deleted.fingerprint not in staying:
                target = soft_deleted.fingerprint
            if target in staying:
                raise Refused(f"the value to retire is the current one at {self._uri}; nothing was destroyed")
            if target in [v.fingerprint(salt) for v in values_in(stored.document, self._key, held.lock.sibling_keys)]:
                self._write_sibling_keys(held, former=False)
            found = tuple(stored.holding(self._key, target, salt, held.lock.sibling_keys))[::-1] if target else ()
            ended = (
                stored.end_soft_deleted()
                if soft_deleted and not softly and fingerprint in (None, soft_deleted.fingerprint)
                else ()
            )
            if softly and target and fallback and found:
                others = (version for version in found if version != fallback.id)
                stored.soft_delete(SoftDeleted(target, (fallback.id, *others)))
            else:
                stored.end(found, fingerprint)
            return (*ended, *found)

    def bring_back(self, held: Lease) -> str | None:
        """Put back what was set aside (`Sink.bring_back`)."""
        with self._ours(held) as stored:
            return stored.bring_back()

    def note(self, notes: Mapping[str, str | None]) -> None:
        """Change tags (`Sink.note`)."""
        with self._store.at(self._path) as stored:
            changed = {**stored.tags, **note_tags(notes)}
            stored.tags = {name: text for name, text in changed.items() if text is not None}

    def forget(self, held: Lease) -> None:
        """Remove our tags (`Sink.forget`)."""
        with self._ours(held) as stored:
            stored.tags = {k: v for k, v in stored.tags.items() if k != MANAGED_BY and not k.startswith(OWN_PREFIX)}
            stored.history, stored.tagged = without(stored.history, Stage.CURRENT, Stage.FALLBACK), None
            stored.told = None

    def release(self, held: Lease, outcome: str, *, ended: tuple[Secret, ...] = ()) -> None:  # unread
        """Give the sink back (`Sink.release`)."""
        with self._store.at(self._path) as stored:
            if stored.token == held.token and stored.lock is not None:
                if stored.tags.get(SIBLING_KEYS_TAG) == SiblingKeys.KEEP and announces(stored.document, self._key):
                    self._write_sibling_keys(held)
                gone = (*ended, stored.value(self._key))
                stored.left = [
                    v for v in (*stored.left, *([stored.pending] if stored.pending else [])) if v not in gone
                ]
                stored.token, stored.lock, stored.pending = stored.token + 1, None, None
                stored.released, stored.unclean = self._store.now(), False

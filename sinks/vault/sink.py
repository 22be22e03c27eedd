"""A document in Vault's KV version 2 as a `Sink`. Why each guard is there: docs/protocol.md."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, cast

from sinks.document import Document
from sinks.errors import Busy, Conflict, Denied, Expired, Refused, SinkError, Unavailable
from sinks.port import Held, Place, Promoted
from sinks.record import MANAGED_BY, OWN_PREFIX, Lock, Record, drifted
from sinks.vault.answers import AGAIN
from sinks.vault.lock import LockKey
from sinks.vault.place import CURRENT, FALLBACK, Mark, held_by, refusal, surveyed, version_limit
from sinks.versions import History, Stage, Version

if TYPE_CHECKING:
    from sinks.clock import Clock
    from sinks.secret import Secret
    from sinks.vault.kv import Entry, Kv, Meta

TRIES, FAILURES = 20, 5
KEPT_VERSIONS = 20


class VaultSink:
    """One document. The latest version is always current, because that is what unaware readers read."""

    def __init__(
        self, uri: str, kv: Kv, path: str, key: str, *, lock_path: str, clock: Clock, lease: timedelta
    ) -> None:
        self._uri = uri
        self._kv = kv
        self._path = path
        self._key = key
        self._clock = clock
        self._lease = lease.total_seconds()
        self._lock = LockKey(kv, uri, lock_path, key, clock, self._lease)
        self._known: dict[tuple[int, datetime], Secret] = {}

    @property
    def uri(self) -> str:
        """The place's name."""
        return self._uri

    @property
    def retirement(self) -> str:
        """What retiring leaves behind."""
        return "Vault destroys these versions for ever"

    def survey(self) -> Place:
        """Read metadata only (`Sink.survey`)."""
        config = self._kv.config(self._path)
        lock_meta, meta = self._kv.metadata(self._lock.path), self._kv.metadata(self._path)
        return surveyed(self._uri, self._kv.now(), config, meta, lock_meta)

    def read(self) -> Place:
        """Read metadata and values (`Sink.read`)."""
        config = self._kv.config(self._path)
        lock_entry = self._kv.read(self._lock.path)  # first: whatever operation changes the rest, moves this on
        lock = held_by(lock_entry, self._lock.path)
        meta = self._kv.metadata(self._path)
        if refused := refusal(self._uri, config, meta):
            raise refused
        main = self._remembered(self._kv.read(self._path)) if meta and meta.current else None
        place = surveyed(self._uri, self._kv.now(), config, meta, None)
        document = main.document if main else None
        values = self._values(place.history, document, lock_entry if lock else None)
        current = values.get(Stage.CURRENT)
        return replace(
            place,
            lock=lock,
            unsettled=place.unsettled or lock is not None,
            history=_with_pending(place.history, lock_entry) if Stage.PENDING in values else place.history,
            released=lock_entry.created if lock_entry and not lock else None,
            keys=document.keys if document else (),
            values=values,
            drifted=drifted(place.record, current),
            notes=(*place.notes, *(() if config else ("the mount's settings: not checked (no permission)",))),
            mark=Mark(lock_entry.version if lock_entry else 0),
        )

    def _values(self, history: History, main: Document | None, lock: Entry | None) -> dict[Stage, Secret]:
        fallback = history.at(Stage.FALLBACK)
        entry = self._remembered(self._kv.read(self._path, int(fallback.id))) if fallback else None
        found = {
            Stage.CURRENT: main and main.get(self._key),
            Stage.PENDING: lock and lock.document and lock.document.get(self._key),
            Stage.FALLBACK: entry and entry.document and entry.document.get(self._key),
        }
        return {stage: value for stage, value in found.items() if value}

    def check(self, place: Place) -> tuple[str, ...]:  # noqa: ARG002  # Vault needs the same for every place
        """Ask for the capabilities that a change needs (`Sink.check`)."""
        lacking = self._kv.capabilities(
            {
                f"data:{self._path}": ("create", "read", "update"),
                f"metadata:{self._path}": ("read", "patch"),
                f"destroy:{self._path}": ("update",),
                f"data:{self._lock.path}": ("create", "read", "update"),
                f"metadata:{self._lock.path}": ("read", "patch"),
                f"destroy:{self._lock.path}": ("update",),
            }
        )
        if lacking:
            raise Denied(
                f"the Vault token may not change {self._uri}; it lacks: {', '.join(lacking)}",
                "add these capabilities to its policy",
            )
        return ()

    def claim(self, place: Place, lock: Lock, value: Secret | None, *, initial: Secret | None = None) -> Held:
        """Take the lock key; fill an empty place under it (`Sink.claim`)."""
        if place.lock and place.lock.holder != lock.holder:
            raise Busy(f"{self._uri} is held by another operation", place.lock)
        held = self._lock.take(lock, value, _mark(place).lock_version)
        try:
            held = self._lock.name(held)
            if initial is not None:
                self._write_first(held, initial)
        except SinkError:
            self._give_back(held)  # nobody knows the pending value yet, so nothing is lost with it
            raise
        return held

    def _give_back(self, held: Held) -> None:
        try:
            self._lock.release(held, "not claimed")
        except SinkError:
            raise Unavailable(f"{self._uri} was locked, and could not be given back", AGAIN, unsure=True) from None

    def take_over(self, place: Place, lock: Lock) -> Held:
        """Write the same lock again with another holder (`Sink.take_over`)."""
        return self._lock.name(self._lock.take(lock, place.value(Stage.PENDING), _mark(place).lock_version))

    def look(self, held: Held) -> Held:
        """Read the lock key again (`Sink.look`)."""
        return self._lock.look(held)

    def store(self, held: Held, value: Secret) -> Held:
        """Write the lock key again, with the value (`Sink.store`)."""
        return self._lock.store(held, value)

    def release(self, held: Held, outcome: str) -> None:
        """Write an idle record and destroy the lock key's older versions (`Sink.release`)."""
        self._lock.release(held, outcome)

    def _write_first(self, held: Held, initial: Secret) -> None:
        lock = held.lock
        record = Record(lock.client_id, lock.tenant, lock.places, lock.id, self._kv.now(), age_is_minimum=True)
        self._converge(held, initial, record, keep=False, only_first=True)

    def promote(self, held: Held, value: Secret, record: Record, *, keep: bool = True) -> Promoted:
        """Tag, then write by compare-and-set, until the latest document holds the value (`Sink.promote`)."""
        return self._converge(held, value, record, keep=keep)

    def _converge(self, held: Held, value: Secret, record: Record, *, keep: bool, only_first: bool = False) -> Promoted:
        failures = 0
        for _ in range(TRIES):
            try:
                entry = self._kv.read(self._path)
                held = self._lock.fresh(held)
                present = self._value(entry)
                if entry and present == value:
                    return self._already(held, entry, record, keep=keep)
                if only_first and present:
                    raise Busy(f"{self._uri} was empty, and somebody else wrote a value there meanwhile", None)
                if entry is None:
                    return self._write_new(held, value, record)
                return self._write_current(held, entry, value, record, keep=keep)
            except (Conflict, Expired):
                continue  # somebody wrote between, or it took too long: read again and decide again
            except Unavailable as error:
                failures += 1
                if failures == FAILURES:
                    raise Unavailable(error.message, error.hint, unsure=True) from None
                self._clock.sleep(self._lease / 10)  # done or not: reading tells
        raise Unavailable(f"others kept writing to {self._uri}; gave up after {TRIES} tries", "run resume")

    def _write_new(self, held: Held, value: Secret, record: Record) -> Promoted:
        """Write the first version, then tag: nobody reads yet, and tagging a key into being would replace its tags."""
        self._kv.write(self._path, Document.of(self._key, value), cas=0, before=self._lock.deadline(held))
        meta = self._kv.metadata(self._path)
        self._tag_main(held, _tags(record, Promoted("1")), meta)
        return Promoted("1")

    def _write_current(self, held: Held, entry: Entry, value: Secret, record: Record, *, keep: bool) -> Promoted:
        document = entry.document or Document({})
        promoted = Promoted(str(entry.version + 1), self._base(held, entry) if keep else None)
        deadline = self._lock.deadline(held)
        self._kv.tag(self._path, _tags(record, promoted), before=deadline)
        self._kv.write(self._path, document.with_value(self._key, value), cas=entry.version, before=deadline)
        return promoted

    def _already(self, held: Held, entry: Entry, record: Record, *, keep: bool) -> Promoted:
        """Make the tags fit a document that holds the value already."""
        if entry.tags.get("bridge_rotation") == record.rotation and (keep or FALLBACK not in entry.tags):
            return Promoted(entry.tags.get(CURRENT, str(entry.version)), entry.tags.get(FALLBACK))
        promoted = Promoted(str(entry.version), self._older_base(held, entry.version) if keep else None)
        self._tag_main(held, _tags(record, promoted))
        return promoted

    def _base(self, held: Held, entry: Entry) -> str | None:
        """Return the version that holds what was current: the latest, or an older one if somebody changed the value."""
        value = self._value(entry)
        if value and held.lock.base in ("", value.fingerprint(held.lock.client_id)):
            return str(entry.version)
        return self._older_base(held, entry.version)

    def _older_base(self, held: Held, below: int) -> str | None:
        for number, value in self._values_below(below):
            if value.fingerprint(held.lock.client_id) == held.lock.base:
                return str(number)
        return None

    def _values_below(self, below: int) -> Iterator[tuple[int, Secret]]:
        """Yield the readable older versions with a value, newest first."""
        meta = self._kv.metadata(self._path)
        made = {n: at for n, (at, readable) in meta.versions.items() if readable and n < below} if meta else {}
        for number in sorted(made, reverse=True):
            known = self._known.get((number, made[number]))
            if value := known or self._value(self._remembered(self._kv.read(self._path, number))):
                yield number, value

    def _remembered(self, entry: Entry | None) -> Entry | None:
        """Remember a version's value: it never changes, and number and time are no other's, even in a key made anew."""
        if entry and (value := self._value(entry)):
            self._known[entry.version, entry.created] = value
        return entry

    def tag(self, held: Held, record: Record, *, keep_limit: bool = False) -> None:
        """Adopt what is there: tags only, and room for more versions (`Sink.tag`)."""
        meta = self._kv.metadata(self._path)
        if meta is None:
            raise Refused(f"{self._uri} holds nothing to adopt")
        self._tag_main(held, {**record.tags(), CURRENT: str(meta.current)}, None if keep_limit else meta)

    def _tag_main(self, held: Held, tags: Mapping[str, str | None], raise_limit_of: Meta | None = None) -> Held:
        """Tag the document; with its metadata given, let the vault keep enough versions of it."""
        raised = None
        if raise_limit_of and version_limit(self._kv.config(self._path), raise_limit_of) < KEPT_VERSIONS:
            raised = KEPT_VERSIONS
        return self._lock.within(
            held, lambda before: self._kv.tag(self._path, tags, max_versions=raised, before=before)
        )

    def retire(self, held: Held, fingerprint: str | None = None) -> tuple[str, ...]:
        """Destroy every older version that holds the value, then untag (`Sink.retire`)."""
        entry = self._kv.read(self._path)
        latest = entry.version if entry else 0
        tagged = int(entry.tags.get(FALLBACK, "0")) if entry else 0
        salt = held.lock.client_id
        fallback = self._value(self._kv.read(self._path, tagged)) if tagged and fingerprint is None else None
        target = fallback.fingerprint(salt) if fallback else fingerprint
        if target and target in [v.fingerprint(salt) for v in (self._value(entry), held.value) if v]:
            raise Refused(f"the value to retire is the current one at {self._uri}; nothing was destroyed")
        found = [n for n, old in self._values_below(latest) if old.fingerprint(salt) == target] if target else []
        if found:
            held = self._lock.within(held, lambda before: self._kv.destroy(self._path, found, before=before))
        if tagged and (fingerprint is None or tagged in found):
            self._tag_main(held, {FALLBACK: None})
        return tuple(str(number) for number in sorted(found))

    def forget(self, held: Held) -> None:
        """Remove our tags; the lock key stays, idle (`Sink.forget`)."""
        meta = self._kv.metadata(self._path)
        ours = [tag for tag in (meta.tags if meta else {}) if tag.startswith(OWN_PREFIX) or tag == MANAGED_BY]
        if ours:
            self._tag_main(held, dict.fromkeys(ours))

    def _value(self, entry: Entry | None) -> Secret | None:
        return entry.document.get(self._key) if entry and entry.document else None


def _mark(place: Place) -> Mark:
    return cast(Mark, place.mark)  # this sink's own note, opaque to everybody else


def _tags(record: Record, promoted: Promoted) -> dict[str, str | None]:
    return {**record.tags(), CURRENT: promoted.current, FALLBACK: promoted.fallback}


def _with_pending(history: History, entry: Entry | None) -> History:
    if entry is None or entry.document is None:
        return history
    return history.added(Version(f"pending/{entry.version}", Stage.PENDING, entry.created))

"""A document in Vault's KV version 2 as a `Sink`. Why each guard is there: docs/protocol.md."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from sinks.document import Document
from sinks.errors import Busy, Conflict, Denied, Expired, Refused, SinkError, Unavailable
from sinks.port import Held, Place, Promoted
from sinks.record import MANAGED_BY, OWN_PREFIX, Lock, Record
from sinks.secret import unlike
from sinks.vault.answers import AGAIN
from sinks.vault.lock import LockKey
from sinks.vault.place import (
    CURRENT,
    FALLBACK,
    has_dropped,
    held_by,
    leftovers,
    mark_of,
    record_tags,
    refusal,
    surveyed,
    version_in,
    version_limit,
    with_lock,
    with_values,
    without_lock,
    wrong_key,
)  # fmt: skip
from sinks.vault.values import Values
from sinks.versions import History, Stage

if TYPE_CHECKING:
    from sinks.clock import Clock
    from sinks.secret import Secret
    from sinks.vault.kv import Entry, Kv, Meta

TRIES, FAILURES = 20, 5
KEPT_VERSIONS = 20
UNCHECKED = "the mount's settings: not checked (no permission)"


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
        self._values = Values(kv, path, key)
        self._left = Values(kv, lock_path, key)
        self._unclean = False  # the last survey saw that a release was interrupted
        self._kept: Secret | None = None  # what we have promoted

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
        self._unclean = bool(leftovers(lock_meta))
        return surveyed(self._uri, self._kv.now(), config, meta, lock_meta)

    def read(self) -> Place:
        """Read metadata and values (`Sink.read`)."""
        config = self._kv.config(self._path)
        lock_entry = self._kv.read(self._lock.path)  # first: whatever operation changes the rest, moves this on
        lock = held_by(lock_entry, self._lock.path)
        meta = self._kv.metadata(self._path)
        other_key = wrong_key(lock_entry, self._key, self._uri) if lock else None
        if refused := refusal(self._uri, config, meta) or other_key:
            raise refused
        main = self._values.entry() if meta and meta.current else None
        place = without_lock(self._uri, self._kv.now(), config, meta)
        found = {
            Stage.CURRENT: self._values.of(main),
            Stage.PENDING: self._left.of(lock_entry) if lock else None,
            Stage.FALLBACK: self._fallback(place.history),
        }
        values = {stage: value for stage, value in found.items() if value}
        place = with_values(place, main, values)
        place = with_lock(place, lock, lock_entry, self._lock.path)
        place = place if config else replace(place, notes=(*place.notes, UNCHECKED))
        return place if lock else self._with_left(place, likely=has_dropped(lock_entry, self._lock.path))

    def _fallback(self, history: History) -> Secret | None:
        fallback = history.at(Stage.FALLBACK)
        return self._values.of(self._values.entry(int(fallback.id))) if fallback else None

    def _with_left(self, place: Place, *, likely: bool) -> Place:
        """Look for what an interrupted release left in the lock key: one request more, so only where it is likely."""
        if not (likely or self._unclean or place.unsettled or place.drifted or place.wiped):
            return place
        lock_meta = self._kv.metadata(self._lock.path)
        if lock_meta is None or not leftovers(lock_meta):
            return place
        found = [value for _, value in self._left.below(lock_meta.current, lock_meta)]
        return replace(place, unsettled=True, left=unlike(place.values.values(), found))

    def recall(self, fingerprint: str, salt: str) -> Secret | None:
        """Look through the document's versions, newest first (`Sink.recall`)."""
        return self._values.recall(fingerprint, salt)

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
        known = place.record or place.remembered
        held = self._lock.take(lock, value, mark_of(place).lock_version, before=known, told=known)
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
            self._lock.release(held, "not claimed", kept=self._kept)
        except SinkError:
            raise Unavailable(f"{self._uri} was locked, and could not be given back", AGAIN, unsure=True) from None

    def take_over(self, place: Place, lock: Lock) -> Held:
        """Write the lock again, as another holder, with the same value (`Sink.take_over`)."""
        before, told = place.remembered or place.record, place.record or place.remembered
        value = place.value(Stage.PENDING)
        return self._lock.name(self._lock.take(lock, value, mark_of(place).lock_version, before=before, told=told))

    def look(self, held: Held) -> Held:
        """Read the lock key again (`Sink.look`)."""
        return self._lock.look(held)

    def store(self, held: Held, value: Secret) -> Held:
        """Write the lock key again, with the value (`Sink.store`)."""
        return self._lock.store(held, value)

    def release(self, held: Held, outcome: str) -> None:
        """Write an idle record and destroy the lock key's older versions (`Sink.release`)."""
        self._lock.release(held, outcome, kept=self._kept)

    def _write_first(self, held: Held, initial: Secret) -> None:
        lock = held.lock
        record = Record(lock.client_id, lock.tenant, lock.places, lock.id, self._kv.now(), age_is_minimum=True)
        self._converge(held, initial, record, keep=False, only_first=True)

    def promote(self, held: Held, value: Secret, record: Record, *, keep: bool = True) -> Promoted:
        """Tag, then write by compare-and-set, until the latest document holds the value (`Sink.promote`)."""
        promoted = self._converge(held, value, record, keep=keep)
        self._kept = value
        return promoted

    def _converge(self, held: Held, value: Secret, record: Record, *, keep: bool, only_first: bool = False) -> Promoted:
        failures = 0
        for _ in range(TRIES):
            try:
                entry = self._kv.read(self._path)
                held = self._lock.fresh(held)
                present = self._values.of(entry)
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
        self._tag_main(held, record_tags(record, Promoted("1")), meta)
        self._lock.told = record
        return Promoted("1")

    def _write_current(self, held: Held, entry: Entry, value: Secret, record: Record, *, keep: bool) -> Promoted:
        document = entry.document or Document({})
        promoted = Promoted(str(entry.version + 1), self._base(held, entry) if keep else None)
        deadline = self._lock.deadline(held)
        self._kv.tag(self._path, record_tags(record, promoted), before=deadline)
        self._lock.told = record
        self._kv.write(self._path, document.with_value(self._key, value), cas=entry.version, before=deadline)
        return promoted

    def _already(self, held: Held, entry: Entry, record: Record, *, keep: bool) -> Promoted:
        """Make the tags fit a document that holds the value already."""
        self._lock.told = record
        if entry.tags.get("bridge_rotation") == record.rotation and (keep or FALLBACK not in entry.tags):
            return Promoted(entry.tags.get(CURRENT, str(entry.version)), entry.tags.get(FALLBACK))
        promoted = Promoted(str(entry.version), self._older_base(held, entry.version) if keep else None)
        self._tag_main(held, record_tags(record, promoted))
        return promoted

    def _base(self, held: Held, entry: Entry) -> str | None:
        """Return the version that holds what was current: the latest, or an older one if somebody changed the value."""
        value = self._values.of(entry)
        if value and held.lock.base in ("", value.fingerprint(held.lock.client_id)):
            return str(entry.version)
        return self._older_base(held, entry.version)

    def _older_base(self, held: Held, below: int) -> str | None:
        found = self._values.older(held.lock.base, held.lock.client_id, below)
        return str(found) if found else None

    def tag(self, held: Held, record: Record, *, keep_limit: bool = False, fallback: str | None = None) -> None:
        """Tag what is there, and make room for more versions (`Sink.tag`)."""
        meta = self._kv.metadata(self._path)
        if meta is None:
            raise Refused(f"{self._uri} holds nothing to tag")
        tags: dict[str, str | None] = {**record.tags(), CURRENT: str(meta.current)}
        if fallback is not None:
            number = self._values.older(fallback, held.lock.client_id, meta.current + 1, meta)
            tags[FALLBACK] = str(number) if number and number < meta.current else None  # never current's value
        self._tag_main(held, tags, None if keep_limit else meta)
        self._lock.told = record

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
        tagged = (version_in(entry.tags, FALLBACK) or 0) if entry else 0
        salt = held.lock.client_id
        fallback = self._values.of(self._values.entry(tagged)) if tagged and fingerprint is None else None
        target = fallback.fingerprint(salt) if fallback else fingerprint
        if target and target in [v.fingerprint(salt) for v in (self._values.of(entry), held.value) if v]:
            raise Refused(f"the value to retire is the current one at {self._uri}; nothing was destroyed")
        values = {n: old.fingerprint(salt) for n, old in self._values.below(latest)} if target else {}
        found = [number for number, value in values.items() if value == target]
        if found:
            held = self._lock.within(held, lambda before: self._kv.destroy(self._path, found, before=before))
        gone = tagged in found or (target and tagged not in values)  # now, or by who died before it could untag
        if tagged and (fingerprint is None or gone):
            self._tag_main(held, {FALLBACK: None})
        return tuple(str(number) for number in sorted(found))

    def forget(self, held: Held) -> None:
        """Remove our tags; the lock key stays, idle (`Sink.forget`)."""
        meta = self._kv.metadata(self._path)
        ours = [tag for tag in (meta.tags if meta else {}) if tag.startswith(OWN_PREFIX) or tag == MANAGED_BY]
        if ours:
            self._tag_main(held, dict.fromkeys(ours))
        self._lock.told = None

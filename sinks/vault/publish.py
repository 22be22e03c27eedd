"""Writes the latest document and its tags, and repeats until both are right, whatever others write meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from sinks.document import Document
from sinks.errors import Busy, Conflict, Expired, Refused, Unavailable
from sinks.record import SIBLING_KEYS_TAG, Record
from sinks.seal import Where, kept
from sinks.sibling_keys import WRITTEN, SiblingKeys, afterwards, announces, sibling_keys_written
from sinks.state import Promoted
from sinks.vault.grip import version_of
from sinks.vault.lock import fading
from sinks.vault.responses import Entry
from sinks.vault.state import CURRENT, FALLBACK, version_in, version_limit

if TYPE_CHECKING:
    from sinks.clock import Clock
    from sinks.seal import Said
    from sinks.secret import Secret
    from sinks.state import Lease
    from sinks.vault.api import Kv
    from sinks.vault.lock import LockKey
    from sinks.vault.responses import Meta
    from sinks.vault.values import Values

T = TypeVar("T")
TRIES, FAILURES = 20, 5
"""How often a step is decided anew, and how many calls without an answer end it."""
KEPT_VERSIONS = 20
"""How many versions the vault shall keep of a managed document at least."""


class Publisher:
    """One document under its lock. Tags precede the write they belong to, so that readers see one step."""

    def __init__(
        self, uri: str, kv: Kv, path: str, key: str, lock: LockKey, values: Values, clock: Clock, lease: float
    ) -> None:
        self._where = Where(uri, key)
        self._uri = uri
        self._kv = kv
        self._path = path
        self._key = key
        self._lock = lock
        self._values = values
        self._clock = clock
        self._pause = lease / 10
        self._announced = False  # by this process

    def write_first(self, lease: Lease, initial: Secret) -> None:
        """Make a value the first one of an empty sink.

        Raises:
            Busy: another process wrote another value meanwhile.
        """
        self._converge(lease, initial, Record.first(lease.lock, self._kv.now(), initial), keep=False, only_first=True)

    def promote(self, lease: Lease, value: Secret, record: Record, *, keep: bool) -> Promoted:
        """Make the latest document hold a value (`Sink.promote`).

        Where the sibling keys are still wrong afterwards, they are written once more, and that version is current.
        """
        if keep and lease.lock.ends:  # the version that becomes the fallback must not hold a value that ends
            self.write_sibling_keys(lease, value)
        promoted = self._converge(lease, value, record, keep=keep)
        latest = self._kv.read(self._path) if self.write_sibling_keys(lease) else None
        return replace(promoted, current=str(latest.version)) if latest else promoted

    def take_back(self, lease: Lease) -> None:
        """Take back an announced value from the sibling keys, if one is announced.

        It does so only where this process announced it, or where the tags say that the sibling keys are the bridge's.
        """
        if lease.lock.sibling_keys != SiblingKeys.KEEP:
            return
        entry = self._kv.read(self._path)
        ours = self._announced or (entry is not None and entry.tags.get(SIBLING_KEYS_TAG) == SiblingKeys.KEEP)
        if entry and ours and announces(entry.document, self._key):
            self.write_sibling_keys(lease)

    def write_sibling_keys(self, lease: Lease, coming: Secret | None = None, *, former: bool = True) -> bool:
        """Make the sibling keys right (`Sink.write_sibling_keys`). Without `former`, the fallback's value is left out.

        Returns whether anything was written, by any attempt. Without sibling keys it does nothing.
        """
        if lease.lock.sibling_keys not in WRITTEN:
            return False

        written = False  # by any attempt, also by one whose answer is lost

        def step(lease: Lease, entry: Entry | None) -> bool:
            nonlocal written
            value = self._values.of(entry)
            if entry is None or entry.document is None or value is None:
                return False  # there is no value yet for them to accompany
            told = coming if coming != value else None  # a value that is current already is not announced
            before = self._former(lease, entry, told) if former else None
            wanted = self._sibling_keys_written(lease, entry.document, value, told, before)
            right = wanted == entry.document
            self._announced, written = told is not None, written or not right
            version, deadline = entry.version + (not right), self._lock.deadline(lease)
            tags = {CURRENT: str(version), SIBLING_KEYS_TAG: afterwards(lease.lock.sibling_keys).value}
            # Tags first: after a death in between, the next process knows whose sibling keys they are.
            if any(entry.tags.get(name) != text for name, text in tags.items()):
                self._kv.tag(self._path, tags, before=deadline)
            if not right:
                self._kv.write(self._path, wanted, cas=entry.version, before=deadline)
            return written

        return self._until_done(lease, step)

    def _former(self, lease: Lease, entry: Entry, coming: Secret | None) -> Secret | None:
        """Return the fallback's value, unless the operation announces another value and ends the fallback."""
        number = version_in(entry.tags, FALLBACK)
        ending = coming is not None and lease.lock.ends
        return self._value_in(entry, number) if number and number < entry.version and not ending else None

    def _value_in(self, entry: Entry, number: int) -> Secret | None:
        return self._values.of(entry if number == entry.version else self._values.entry(number))

    def _sibling_keys_written(
        self, lease: Lease, document: Document, current: Secret, coming: Secret | None, former: Secret | None
    ) -> Document:
        return sibling_keys_written(document, self._key, lease.lock.sibling_keys, current, coming=coming, former=former)

    def finish(self, lease: Lease, base: Secret, value: Secret, *, before: float) -> bool:
        """Write the value over the former current value, once (`Sink.finish`).

        The tags for the two versions go along where Vault takes them. There is no retry.
        """
        with suppress(Conflict, Expired, Unavailable):
            entry = self._kv.read(self._path)
            # Only where current still is `base`: another value there is the new holder's, and newer than ours.
            if entry and entry.document and self._values.of(entry) == base:
                former = base if lease.lock.sibling_keys in WRITTEN else None
                document = self._sibling_keys_written(lease, entry.document, value, None, former)
                where: dict[str, str | None] = {CURRENT: str(entry.version + 1), FALLBACK: str(entry.version)}
                with suppress(Refused):
                    # Readers of the former value need the fallback's tag, but a refused tag must not keep the value
                    # from the others.
                    self._kv.tag(self._path, where, before=before)
                self._kv.write(self._path, document, cas=entry.version, before=before)
        return self._values.of(self._kv.read(self._path)) == value

    def _until_done(self, lease: Lease, step: Callable[[Lease, Entry | None], T]) -> T:
        """Read the document and do a step based on it, until no other write comes in between.

        A lost compare-and-set, or a call that came too late, is followed by another round.

        Raises:
            Unavailable: too many calls got no answer, or others kept writing. `unsure`: a write may have been done.
        """
        failures = 0
        for _ in range(TRIES):
            try:
                entry = self._kv.read(self._path)
                lease = self._lock.fresh(lease)
                return step(lease, entry)
            except (Conflict, Expired):
                continue  # another writer came in between, or it took too long: read again and decide again
            except Unavailable as error:
                failures += 1  # counted over all rounds, so that a dead server ends them
                if failures == FAILURES:
                    raise Unavailable(error.message, error.hint, unsure=True) from None
                self._clock.sleep(self._pause)  # the next reading shows whether the write was done
        raise Unavailable(f"others kept writing to {self._uri}; gave up after {TRIES} tries", "run resume")

    def _readable(self, entry: Entry) -> Document:
        # Foreign keys must survive a destroyed latest version, so they come from the newest one that can be read.
        return next((document for _, document in self._values.documents(entry.version)), Document({}))

    def _unreadable(self) -> Entry | None:
        # A reading gives no number for a destroyed version, and the next compare-and-set needs it.
        meta = self._kv.metadata(self._path)
        return Entry(meta.current, meta.versions[meta.current][0], None, meta.tags) if meta and meta.current else None

    def _converge(
        self, lease: Lease, value: Secret, record: Record, *, keep: bool, only_first: bool = False
    ) -> Promoted:
        missed: list[int] = []  # nothing was readable: there is no version yet, or the latest one was destroyed

        def step(lease: Lease, entry: Entry | None) -> Promoted:
            present = self._values.of(entry)
            if entry and present == value and not entry.fading:
                return self._already(lease, entry, record, keep=keep)
            # Never over a value that somebody wrote into the empty sink meanwhile: it may be the live one.
            if only_first and present and present != value:
                raise Busy(f"{self._uri} was empty, and somebody else wrote a value there meanwhile", None)
            if entry is None and not missed:
                missed.append(1)
                return self._write_new(lease, value, record)
            entry = entry or self._unreadable()
            if entry is None:
                return self._write_new(lease, value, record)
            return self._write_current(lease, entry, value, record, keep=keep)

        return self._until_done(lease, step)

    def _write_new(self, lease: Lease, value: Secret, record: Record) -> Promoted:
        """Write the first version, then tag it.

        Nobody reads the document yet, and a tag on a missing key would make the key and replace its tags.
        """
        document = self._sibling_keys_written(lease, Document({}), value, None, None)
        if self._kv.write(self._path, document, cas=0, before=self._lock.deadline(lease)).fading:
            raise fading(self._path)
        told = self.told(lease, record, value)
        self.tag(lease, {**_stages(Promoted("1")), **told.whole}, self._kv.metadata(self._path))
        self._lock.told = told
        return Promoted("1")

    def _write_current(self, lease: Lease, entry: Entry, value: Secret, record: Record, *, keep: bool) -> Promoted:
        base = self._base(lease, entry) if keep else None
        promoted = Promoted(str(entry.version + 1), str(base) if base else None)
        former = self._value_in(entry, base) if base and lease.lock.sibling_keys in WRITTEN else None
        document = self._sibling_keys_written(lease, entry.document or self._readable(entry), value, None, former)
        deadline, untold, told = self._lock.deadline(lease), "", self.told(lease, record, value)
        try:
            # Tags first, so that readers see one step: the document. After a death in between, the tag names a version
            # that does not exist yet, which the next reading shows.
            self._kv.tag(self._path, {**_stages(promoted), **told.whole}, before=deadline)
            self._lock.told = told
        except Refused as error:  # no room among other tags, which must not delay readers
            untold = error.message
        if self._kv.write(self._path, document, cas=entry.version, before=deadline).fading:
            raise fading(self._path)
        return replace(promoted, untold=untold)

    def _already(self, lease: Lease, entry: Entry, record: Record, *, keep: bool) -> Promoted:
        # An earlier attempt, or a foreign writer, has put the value there. Only the tags are left to do.
        told = self._lock.told = self.told(lease, record, self._values.of(entry))
        if kept(entry.tags) == told.tags and (keep or FALLBACK not in entry.tags):
            return Promoted(entry.tags.get(CURRENT, str(entry.version)), entry.tags.get(FALLBACK))
        base = self._older_base(lease, entry.version) if keep else None
        promoted = Promoted(str(entry.version), str(base) if base else None)
        never = None if CURRENT in entry.tags else self._kv.metadata(self._path)  # its writer died before it tagged
        try:
            self.tag(lease, {**_stages(promoted), **told.whole}, never)
        except Refused as error:
            return replace(promoted, untold=error.message)
        return promoted

    def _base(self, lease: Lease, entry: Entry) -> int | None:
        value = self._values.of(entry)
        # A foreign write may have put another value there. Then the former one is in an older version.
        if value and lease.lock.base in ("", value.fingerprint(lease.lock.client_id)):
            return entry.version
        return self._older_base(lease, entry.version)

    def _older_base(self, lease: Lease, below: int) -> int | None:
        return self._values.older(lease.lock.base, lease.lock.client_id, below)

    def told(self, lease: Lease, record: Record, current: Secret | None) -> Said:
        """Return what the sink shall say once `current` is current.

        It is sealed if the record names a fallback, with the lock key's version as the sequence.
        """
        sequence = version_of(lease)
        return self._lock.told.changed(record.tags(), self._where, current, sequence, record.former)

    def retag(
        self, lease: Lease, tags: Mapping[str, str | None], entry: Entry | None, former: str | None = None
    ) -> Lease:
        """Change tags beside an unchanged value, and renew the seal where there was one.

        `former` is the fallback that the seal names from now on. None: the same one.
        """
        told, sequence = self._lock.told, version_of(lease)
        wanted = told.former if former is None or told.former is None else former
        told = told.changed(tags, self._where, self._values.of(entry), sequence, wanted)
        lease = self.tag(lease, {**tags, **(told.whole if told.former is not None else {})})
        self._lock.told = told
        return lease

    def tag(self, lease: Lease, tags: Mapping[str, str | None], raise_limit_of: Meta | None = None) -> Lease:
        """Tag the document. With its metadata given, also raise a low number of kept versions.

        `raise_limit_of` is that metadata. The vault then keeps at least `KEPT_VERSIONS` versions.
        """
        raised = None
        if raise_limit_of and version_limit(self._kv.config(self._path), raise_limit_of) < KEPT_VERSIONS:
            raised = KEPT_VERSIONS
        return self._lock.within(
            lease, lambda before: self._kv.tag(self._path, tags, max_versions=raised, before=before)
        )


def _stages(promoted: Promoted) -> dict[str, str | None]:
    return {CURRENT: promoted.current, FALLBACK: promoted.fallback}

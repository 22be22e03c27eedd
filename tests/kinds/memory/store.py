"""What this process's memory holds, and what people without the bridge do to it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime

from sinks.clock import SystemClock
from sinks.document import Document
from sinks.record import MANAGED_BY, MANAGER, SOFT_DELETED_TAG, Lock, Record, SoftDeleted
from sinks.secret import Secret
from sinks.sibling_keys import values_in
from sinks.versions import History, Stage, Version


@dataclass
class Stored:
    """One sink. The latest version is what readers get; `token` grows with every change of the lock.

    `told` is the record as it was last written by the bridge, `before` what it was when the present operation began.
    `left` are pending values that nobody published and that Auth0 may yet accept, `soft_deleted` the documents that
    were retired softly, `unclean` says that a release was interrupted.
    """

    history: History = field(default_factory=History)
    documents: dict[str, Document] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    tagged: str | None = None
    lock: Lock | None = None
    pending: Secret | None = None
    claimed: datetime | None = None
    unclean: bool = False
    token: int = 0
    released: datetime | None = None
    told: Record | None = None
    before: Record | None = None
    left: list[Secret] = field(default_factory=list)
    soft_deleted: dict[str, Document] = field(default_factory=dict)

    @property
    def latest(self) -> str | None:
        """The version that readers get."""
        return self.history.versions[-1].id if self.history.versions else None

    def value(self, key: str, version: str | None = None) -> Secret | None:
        """Return the value in a version, the latest by default."""
        document = self.documents.get(version or self.latest or "")
        return document.get(key) if document else None

    @property
    def document(self) -> Document:
        """What the latest version holds."""
        return self.documents.get(self.latest or "", Document({}))

    def sealed(self, key: str) -> Record | None:
        """Return what was told last, if that is about the value that is current: nobody else can write there."""
        value, told = self.value(key), self.told
        holds = told and told.former is not None and value and told.recent[:1] == (value.fingerprint(told.client_id),)
        return told if holds else None

    def known(self, key: str) -> Record | None:
        """Return the record in the tags, with its seal where it is what was told last."""
        record, told = Record.from_tags(self.tags), self.sealed(key)
        return told if told and record and told.tags() == record.tags() else record

    def tell(self, record: Record) -> None:
        """Write what the sink says about itself."""
        self.tags.update(record.tags())
        self.told = record

    def healed(self, key: str) -> Stored:
        """Return the sink with the tags and the fallback that were told last, if that holds and nobody is at it."""
        told, soft_deleted = self.sealed(key), SoftDeleted.from_tags(self.tags)
        if told is None or self.lock is not None or self.tags.get(MANAGED_BY, MANAGER) != MANAGER:
            return self
        ended = soft_deleted is not None and soft_deleted.fingerprint == told.fallback
        wanted = None if ended else next(self.holding(key, told.fallback, told.client_id), None)
        found = replace(self, tags={**self.tags, **told.tags()})
        fallback = found.history.at(Stage.FALLBACK)
        if fallback is None or fallback.id not in self.holding(key, told.fallback, told.client_id):
            found.promote(self.latest or "", wanted)
        found.tagged = self.tagged or self.latest
        return found

    def begin(self, healed: Stored, key: str) -> None:
        """Write the tags again that somebody has changed, and remember what they say."""
        self.tags, self.history, self.tagged = healed.tags, healed.history, healed.tagged
        self.told = self.before = self.sealed(key) or Record.from_tags(self.tags) or self.told

    def write(self, document: Document, at: datetime) -> str:
        """Write the next version. Who was current by being the latest, is no more."""
        number = str(len(self.history.versions) + 1)
        self.documents[number] = document
        carried = Stage.CURRENT if self.history.at(Stage.CURRENT) else None
        self.history = without(self.history, Stage.CURRENT).added(Version(number, carried, at))
        return number

    def promote(self, new: str, base: str | None) -> None:
        """Move the stages: `new` becomes current, `base` the only fallback."""
        history = without(self.history, Stage.CURRENT, Stage.FALLBACK)
        if base:
            history = history.moved((base, Stage.CURRENT)).moved((base, Stage.FALLBACK))
        self.history, self.tagged = history.moved((new, Stage.CURRENT)), new

    def holding(self, key: str, fingerprint: str, salt: str, sibling_keys: str = "") -> Iterator[str]:
        """Yield the versions that hold a value, newest first; the fallback only where it is its own."""
        for version in reversed(self.history.versions):
            asked = "" if version.stage is Stage.FALLBACK else sibling_keys
            values = values_in(self.documents.get(version.id), key, asked)
            if fingerprint in [value.fingerprint(salt) for value in values]:
                yield version.id

    def retire(self, version: str) -> None:
        """Take a version's document away."""
        moved = self.history.moved((version, Stage.RETIRED)).versions
        self.history = History(tuple(replace(v, readable=v.stage is not Stage.RETIRED) for v in moved))
        del self.documents[version]

    def end(self, versions: tuple[str, ...], fingerprint: str | None) -> None:
        """Take versions away that hold a value; None: the fallback's, whatever it is."""
        for version in versions:
            self.retire(version)
        if self.told and self.told.former and fingerprint in (None, self.told.fallback):
            self.told = replace(self.told, former="")

    def soft_delete(self, soft_deleted: SoftDeleted) -> None:
        """Take versions away until they are brought back, or ended."""
        self.tags[SOFT_DELETED_TAG] = soft_deleted.tag()
        self.soft_deleted = {version: self.documents[version] for version in soft_deleted.versions}
        for version in soft_deleted.versions:
            self.retire(version)

    def end_soft_deleted(self) -> tuple[str, ...]:
        """Take away for good what was set aside."""
        ended, self.soft_deleted = tuple(self.soft_deleted), {}
        del self.tags[SOFT_DELETED_TAG]
        return ended

    def bring_back(self) -> str | None:
        """Make what was set aside the fallback again."""
        soft_deleted = SoftDeleted.from_tags(self.tags)
        if soft_deleted is None:
            return None
        first = soft_deleted.versions[0]
        stages = {**dict.fromkeys(soft_deleted.versions), first: Stage.FALLBACK}
        history = without(self.history, Stage.FALLBACK).versions
        back = (replace(v, stage=stages[v.id], readable=True) if v.id in stages else v for v in history)
        self.history = History(tuple(back))
        self.documents |= self.soft_deleted
        self.end_soft_deleted()
        return first


def without(history: History, *stages: Stage) -> History:
    """Return a history in which nothing holds these stages."""
    return History(tuple(replace(v, stage=None if v.stage in stages else v.stage) for v in history.versions))


@dataclass
class MemoryStore:
    """A server's worth of sinks, and its clock. What others do to a sink has methods of its own here."""

    now: Callable[[], datetime] = SystemClock().now
    _sinks: dict[str, Stored] = field(default_factory=dict)
    _one_at_a_time: threading.RLock = field(default_factory=threading.RLock)

    @contextmanager
    def at(self, path: str) -> Iterator[Stored]:
        """Have a sink to oneself for one step."""
        with self._one_at_a_time:
            yield self._sinks.setdefault(path, Stored())

    def write_key(self, path: str, key: str, value: str) -> None:
        """Write one key of a document, as somebody who knows nothing of the bridge."""
        with self.at(path) as stored:
            stored.write(stored.document.with_value(key, Secret(value)), self.now())

    def tag(self, path: str, name: str, value: str) -> None:
        """Tag a sink, as somebody who knows nothing of the bridge."""
        with self.at(path) as stored:
            stored.tags[name] = value

    def wipe_tags(self, path: str) -> None:
        """Replace all tags by none, as somebody who knows nothing of the bridge."""
        with self.at(path) as stored:
            stored.tags, stored.tagged = {}, None
            stored.history = without(stored.history, Stage.CURRENT, Stage.FALLBACK)

    def interrupt_release(self, path: str) -> None:
        """Give a sink back as a process does that dies before it has cleaned up."""
        with self.at(path) as stored:
            stored.left += [stored.pending] if stored.pending else []
            stored.token, stored.lock, stored.pending, stored.released = stored.token + 1, None, None, self.now()
            stored.unclean = True

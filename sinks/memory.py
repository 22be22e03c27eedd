"""A place in this process's memory: the reference for what the port means. Each method is one atomic step."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from sinks.clock import Clock, SystemClock
from sinks.document import Document
from sinks.errors import BadAddress, Busy, Lost, Refused
from sinks.port import Held, Place, Promoted
from sinks.record import MANAGED_BY, OWN_PREFIX, Lock, Record, drifted
from sinks.secret import Secret
from sinks.versions import History, Stage, Version

DEFAULT_KEY = "client_secret"
REFERENCES: tuple[str, ...] = ()


@dataclass
class Stored:
    """One place. The latest version is what readers get; `token` grows with every change of the lock."""

    history: History = field(default_factory=History)
    documents: dict[str, Document] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    tagged: str | None = None
    lock: Lock | None = None
    pending: Secret | None = None
    token: int = 0
    released: datetime | None = None

    @property
    def latest(self) -> str | None:
        """The version that readers get."""
        return self.history.versions[-1].id if self.history.versions else None

    def value(self, key: str, version: str | None = None) -> Secret | None:
        """Return the value in a version, the latest by default."""
        document = self.documents.get(version or self.latest or "")
        return document.get(key) if document else None

    def write(self, key: str, value: Secret, at: datetime) -> str:
        """Write the next version, the latest with one key changed. Who was current by being the latest, is no more."""
        number = str(len(self.history.versions) + 1)
        self.documents[number] = self.documents.get(self.latest or "", Document({})).with_value(key, value)
        carried = Stage.CURRENT if self.history.at(Stage.CURRENT) else None
        self.history = _without(self.history, Stage.CURRENT).added(Version(number, carried, at))
        return number

    def promote(self, new: str, base: str | None) -> None:
        """Move the stages: `new` becomes current, `base` the only fallback."""
        history = _without(self.history, Stage.CURRENT, Stage.FALLBACK)
        if base:
            history = history.moved((base, Stage.CURRENT)).moved((base, Stage.FALLBACK))
        self.history, self.tagged = history.moved((new, Stage.CURRENT)), new

    def retire(self, version: str) -> None:
        """Take a version's document away."""
        moved = self.history.moved((version, Stage.RETIRED)).versions
        self.history = History(tuple(replace(v, readable=v.stage is not Stage.RETIRED) for v in moved))
        del self.documents[version]


def _without(history: History, *stages: Stage) -> History:
    return History(tuple(replace(v, stage=None if v.stage in stages else v.stage) for v in history.versions))


@dataclass
class MemoryStore:
    """A server's worth of places, and its clock. What others do to a place has methods of its own here."""

    now: Callable[[], datetime] = SystemClock().now
    _places: dict[str, Stored] = field(default_factory=dict)
    _one_at_a_time: threading.RLock = field(default_factory=threading.RLock)

    @contextmanager
    def at(self, path: str) -> Iterator[Stored]:
        """Have a place to oneself for one step."""
        with self._one_at_a_time:
            yield self._places.setdefault(path, Stored())

    def write_key(self, path: str, key: str, value: str) -> None:
        """Write one key of a document, as somebody who knows nothing of the bridge."""
        with self.at(path) as stored:
            stored.write(key, Secret(value), self.now())

    def tag(self, path: str, name: str, value: str) -> None:
        """Tag a place, as somebody who knows nothing of the bridge."""
        with self.at(path) as stored:
            stored.tags[name] = value


STORES: dict[str, MemoryStore] = {}


@dataclass(frozen=True)
class Settings:
    """Which of this process's stores; it comes into being when it is first named."""

    __pydantic_config__ = {"extra": "forbid"}  # noqa: RUF012  # read by pydantic when a configuration is checked

    store: str = "default"


def from_environment(environ: Mapping[str, str]) -> Settings:  # noqa: ARG001  # what every kind of store offers
    """Return the default store: the environment says nothing about memory."""
    return Settings()


def open(  # noqa: A001  # the name that every kind of store offers
    name: str,
    target: str,
    settings: Settings,
    *,
    resolve: Callable[[str], Secret],  # noqa: ARG001  # as above
    clock: Clock,
    lease: timedelta,  # noqa: ARG001  # as above
) -> MemorySink:
    """Open the document at `target` (`path[#key]`).

    Raises:
        BadAddress: no path, or an empty key.
    """
    path, marked, key = target.partition("#")
    if not path or (marked and not key):
        raise BadAddress(f"'{name}://{target}' names no document", "write memory://PATH or memory://PATH#KEY")
    store = STORES.setdefault(settings.store, MemoryStore())
    return MemorySink(f"{name}://{path}", store, key=key or DEFAULT_KEY, clock=clock)


class MemorySink:
    """One document in a `MemoryStore`."""

    def __init__(self, uri: str, store: MemoryStore, *, key: str = DEFAULT_KEY, clock: Clock | None = None) -> None:
        self._uri = uri
        self._store = store
        self._path = uri.partition("://")[2]
        self._key = key
        self._clock = clock or SystemClock()

    @property
    def uri(self) -> str:
        """The place's name."""
        return self._uri

    @property
    def retirement(self) -> str:
        """What retiring leaves behind."""
        return "these versions are gone"

    def survey(self) -> Place:
        """Read metadata only (`Sink.survey`)."""
        with self._store.at(self._path) as stored:
            return self._place(stored)

    def _place(self, stored: Stored) -> Place:
        record = Record.from_tags(stored.tags)
        return Place(
            self._uri,
            self._store.now(),
            exists=stored.latest is not None,
            history=stored.history,
            manager=stored.tags.get(MANAGED_BY),
            record=record,
            lock=stored.lock,
            unsettled=stored.lock is not None,
            edits=int(stored.latest) - int(stored.tagged) if stored.latest and stored.tagged else 0,
            mark=stored.token,
        )

    def read(self) -> Place:
        """Read metadata and values (`Sink.read`)."""
        with self._store.at(self._path) as stored:
            place, document = self._place(stored), stored.documents.get(stored.latest or "")
            current, fallback = stored.value(self._key), stored.history.at(Stage.FALLBACK)
            found = {
                Stage.CURRENT: current,
                Stage.PENDING: stored.pending,
                Stage.FALLBACK: stored.value(self._key, fallback.id) if fallback else None,
            }
            return replace(
                place,
                keys=document.keys if document else (),
                values={stage: value for stage, value in found.items() if value},
                history=stored.history.added(Version("pending", Stage.PENDING)) if stored.pending else stored.history,
                drifted=drifted(place.record, current),
                released=None if stored.lock else stored.released,
            )

    def check(self, place: Place) -> tuple[str, ...]:  # noqa: ARG002  # the port's signature
        """Everything is allowed."""
        return ()

    def claim(self, place: Place, lock: Lock, value: Secret | None, *, initial: Secret | None = None) -> Held:
        """Take the place if nothing has happened to its lock since it was read (`Sink.claim`)."""
        if place.lock and place.lock.holder != lock.holder:
            raise Busy(f"{self._uri} is held by another operation", place.lock)
        with self._store.at(self._path) as stored:
            held = self._take(stored, place, lock, value)
            if initial and stored.value(self._key) not in (None, initial):
                self.release(held, "not claimed")
                raise Busy(f"{self._uri} was empty, and somebody else wrote a value there meanwhile", None)
            if initial:
                now = self._store.now()
                record = Record(lock.client_id, lock.tenant, lock.places, lock.id, now, age_is_minimum=True)
                self.promote(held, initial, record, keep=False)
            return held

    def take_over(self, place: Place, lock: Lock) -> Held:
        """Become the holder (`Sink.take_over`)."""
        with self._store.at(self._path) as stored:
            return self._take(stored, place, lock, stored.pending)

    def _take(self, stored: Stored, place: Place, lock: Lock, value: Secret | None) -> Held:
        if stored.lock and lock.holder and stored.lock.holder == lock.holder:
            return Held(self._uri, lock, stored.token, self._clock.monotonic(), value)
        if stored.token != place.mark:
            raise Busy(f"{self._uri} is held by another operation", stored.lock)
        stored.token, stored.lock, stored.pending = stored.token + 1, lock, value
        return Held(self._uri, lock, stored.token, self._clock.monotonic(), value)

    @contextmanager
    def _ours(self, held: Held) -> Iterator[Stored]:
        with self._store.at(self._path) as stored:
            if stored.token != held.token:
                raise Lost(f"{self._uri} is not ours any more", "run resume: it tells where things stand")
            yield stored

    def look(self, held: Held) -> Held:
        """Make sure that the place is ours (`Sink.look`)."""
        with self._ours(held):
            return replace(held, looked=self._clock.monotonic())

    def store(self, held: Held, value: Secret) -> Held:
        """Replace the pending value (`Sink.store`)."""
        with self._ours(held) as stored:
            stored.token, stored.pending = stored.token + 1, value
            return replace(held, token=stored.token, value=value)

    def promote(self, held: Held, value: Secret, record: Record, *, keep: bool = True) -> Promoted:
        """Write the value as the latest version (`Sink.promote`)."""
        with self._ours(held) as stored:
            old, new = stored.latest, stored.latest
            if stored.value(self._key) != value:
                new = stored.write(self._key, value, self._store.now())
            if new != old or stored.tags.get("bridge_rotation") != record.rotation:
                stored.promote(new or "", self._base(stored, held, new) if keep else None)
            stored.tags.update(record.tags())
            fallback = stored.history.at(Stage.FALLBACK)
            return Promoted(stored.tagged or "", fallback.id if fallback else None)

    def _base(self, stored: Stored, held: Held, new: str | None) -> str | None:
        """Return the newest version below the new one that holds what was current when the operation began."""
        for version in reversed(stored.history.versions):
            value = stored.value(self._key, version.id)
            if version.id != new and value and held.lock.base in ("", value.fingerprint(held.lock.client_id)):
                return version.id
        return None

    def tag(self, held: Held, record: Record, *, keep_limit: bool = False) -> None:  # noqa: ARG002  # there is none
        """Adopt what is there (`Sink.tag`)."""
        with self._ours(held) as stored:
            if stored.latest is None:
                raise Refused(f"{self._uri} holds nothing to adopt")
            fallback = stored.history.at(Stage.FALLBACK)
            stored.tags.update(record.tags())
            stored.promote(stored.latest, fallback.id if fallback else None)

    def retire(self, held: Held, fingerprint: str | None = None) -> tuple[str, ...]:
        """Take away every older version that holds the value (`Sink.retire`)."""
        with self._ours(held) as stored:
            salt, fallback = held.lock.client_id, stored.history.at(Stage.FALLBACK)
            tagged = stored.value(self._key, fallback.id) if fallback else None
            target = fingerprint if fingerprint is not None else tagged and tagged.fingerprint(salt)
            if target in [v.fingerprint(salt) for v in (stored.value(self._key), stored.pending) if v]:
                raise Refused(f"the value to retire is the current one at {self._uri}; nothing was destroyed")
            values = {v.id: stored.value(self._key, v.id) for v in stored.history.versions}
            found = tuple(i for i, value in values.items() if value and value.fingerprint(salt) == target)
            for version in found:
                stored.retire(version)
            return found

    def forget(self, held: Held) -> None:
        """Remove our tags (`Sink.forget`)."""
        with self._ours(held) as stored:
            stored.tags = {k: v for k, v in stored.tags.items() if k != MANAGED_BY and not k.startswith(OWN_PREFIX)}
            stored.history, stored.tagged = _without(stored.history, Stage.CURRENT, Stage.FALLBACK), None

    def release(self, held: Held, outcome: str) -> None:  # noqa: ARG002  # nobody reads it here
        """Give the place back (`Sink.release`)."""
        with self._store.at(self._path) as stored:
            if stored.token == held.token and stored.lock is not None:
                stored.token, stored.lock, stored.pending = stored.token + 1, None, None
                stored.released = self._store.now()

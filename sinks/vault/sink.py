"""A document in Vault's KV version 2 as a `Sink`. docs/internals/protocol.md gives the reason for each guard."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from itertools import islice
from typing import TYPE_CHECKING

from sinks.errors import Busy, Denied, Lost, Refused, SinkError, Unavailable
from sinks.record import MANAGED_BY, OWN_PREFIX, Lock, Record, note_tags
from sinks.rights import Deed
from sinks.seal import NOTHING, Where
from sinks.secret import unlike
from sinks.sibling_keys import with_sibling_keys
from sinks.state import Lease, Promoted, SinkState
from sinks.vault.errors import AGAIN
from sinks.vault.grip import mark_of
from sinks.vault.holding import holding, told_apart, with_doubt
from sinks.vault.lock import LockKey
from sinks.vault.publish import Publisher
from sinks.vault.retire import Retiring
from sinks.vault.rights import needed
from sinks.vault.state import (
    CURRENT,
    FALLBACK,
    foreign,
    held_by,
    refusal,
    stages,
    surveyed,
    with_lock,
    with_values,
    without_lock,
)  # fmt: skip
from sinks.vault.values import Values
from sinks.versions import History, Stage

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sinks.clock import Clock
    from sinks.secret import Secret
    from sinks.vault.api import Kv
    from sinks.vault.responses import Meta

CALLER_SECONDS = 5.0  # only a record needs the answer, so no operation waits longer for it
NEWEST = 5  # how many of the document's versions are read for values that Auth0 may accept
FORGET = "forget"  # the operation that removes tags
NAMED = 40  # how many versions the tag of a soft retirement can name in any case
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
        self._where = Where(uri, key)
        self._clock = clock
        self._lease = lease.total_seconds()
        self._lock = LockKey(kv, uri, lock_path, key, clock, self._lease)
        self._values = Values(kv, path, key)
        self._publisher = Publisher(uri, kv, path, key, self._lock, self._values, clock, self._lease)
        self._retiring = Retiring(uri, kv, path, self._lock, self._values, self._publisher)
        self._kept: Secret | None = None  # the value that this process has promoted
        self._current: Secret | None = None  # the current value at the last reading
        self._amiss: dict[str, str | None] = {}  # the tags to restore

    @property
    def uri(self) -> str:
        """The sink's name."""
        return self._uri

    @property
    def retirement(self) -> str:
        """What a retirement leaves behind."""
        return "Vault destroys these versions for ever"

    def caller(self) -> Mapping[str, str]:
        """Look the token up (`Sink.caller`)."""
        return self._kv.caller(self._clock.monotonic() + CALLER_SECONDS)

    def survey(self, *, briefly: bool = False) -> SinkState:  # noqa: ARG002  # metadata are in few requests
        """Read metadata only (`Sink.survey`)."""
        config = self._kv.config(self._path)
        lock_meta, meta = self._kv.metadata(self._lock.path), self._kv.metadata(self._path)
        return surveyed(self._uri, self._kv.now(), config, meta, lock_meta)

    def read(self, *, closely: bool = False) -> SinkState:
        """Read metadata and values (`Sink.read`).

        Tags that another process changed are replaced by the sealed copy in the lock key, where that is valid. The
        pending value is in the lock key's document.
        """
        config = self._kv.config(self._path)
        # The lock key first: an operation that changes the rest moves its version on, and then the claim's `cas` fails.
        lock_entry = self._kv.read(self._lock.path)
        strange = foreign(lock_entry, self._lock.path, self._key)
        lock = None if strange else held_by(lock_entry)
        meta = self._kv.metadata(self._path)
        if refused := refusal(self._uri, config, meta):
            raise refused
        main = self._values.entry() if meta and meta.current else None
        found = holding(meta, main, lock_entry, self._values, self._where)
        found = with_doubt(found, self._values) if closely else found
        state = without_lock(self._uri, self._kv.now(), config, found.meta, found.said.former)
        staged = {
            Stage.CURRENT: self._values.of(main),
            Stage.PENDING: self._values.of(lock_entry) if lock else None,
            Stage.FALLBACK: self._fallback(state.history, found.meta),
        }
        values = {stage: value for stage, value in staged.items() if value}
        self._current = values.get(Stage.CURRENT)
        state = with_values(state, main, values, self._key)
        state = told_apart(with_lock(state, lock, strange, lock_entry, found.said, found.copy), found)
        state = with_sibling_keys(state, main.document if main else None, self._key, main.created if main else None)
        return state if config else replace(state, notes=(*state.notes, UNCHECKED))

    def _fallback(self, history: History, meta: Meta | None) -> Secret | None:
        fallback = history.at(Stage.FALLBACK)
        return self._values.at(int(fallback.id), meta) if fallback and meta else None

    def at(self, version: str) -> Secret | None:
        """Read one version (`Sink.at`)."""
        return self._values.of(self._values.entry(int(version))) if version.isdigit() else None

    def candidates(self, *, every: bool = False) -> tuple[Secret, ...]:
        """Read the lock key's older versions, then the document's newest ones (`Sink.candidates`).

        These are up to 16 versions of the lock key and the newest 5 values of the document, or with `every` all of
        them.
        """
        newest = (value for _, value in self._values.below(None))
        return unlike((), (*self._lock.candidates(), *islice(newest, None if every else NEWEST)))

    def recall(self, fingerprint: str, salt: str, *, endable: bool = False) -> Secret | None:  # noqa: ARG002  # all can
        """Read the document's versions, newest first (`Sink.recall`)."""
        return self._values.recall(fingerprint, salt)

    def check(self, state: SinkState, deeds: frozenset[Deed]) -> tuple[str, ...]:
        """Ask for the capabilities that these deeds need here (`Sink.check`).

        The first claim of a sink also needs the right to create the lock key. A soft retirement in a long history also
        needs the right to destroy.
        """
        on_document, on_lock = needed({*deeds, *self._besides(state, deeds)})
        wanted = {f"{endpoint}:{self._path}": each for endpoint, each in on_document.items()}
        wanted |= {f"{endpoint}:{self._lock.path}": each for endpoint, each in on_lock.items()}
        if lacking := self._kv.capabilities(wanted):
            raise Denied(
                f"the Vault token may not change {self._uri}; it lacks: {', '.join(lacking)}",
                "add these capabilities to its policy",
            )
        return ()

    @staticmethod
    def _besides(state: SinkState, deeds: frozenset[Deed]) -> Iterator[Deed]:
        if Deed.HOLD in deeds and mark_of(state).lock_version == 0:
            yield Deed.BEGIN
        if Deed.RETIRE_SOFTLY in deeds and len(state.history.versions) > NAMED:
            yield Deed.RETIRE  # versions for which the tag has no room are destroyed

    def claim(
        self, state: SinkState, lock: Lock, value: Secret | None, *, initial: Secret | None = None, over: bool = False
    ) -> Lease:
        """Claim the lock key, and fill an empty sink under it (`Sink.claim`).

        Where a later step of the claim fails, the lock is given back before the error leaves.
        """
        # Our own word there is from a claim whose answer was lost.
        if state.lock and state.lock.holder != lock.holder and not over:
            raise Busy(f"{self._uri} is held by another operation", state.lock)
        if state.foreign and not over:  # never taken for a lock, and never destroyed
            raise Busy(f"{self._uri}: {state.foreign}", None)
        mark, self._kept, found = mark_of(state), None, state.value(Stage.PENDING)
        known = mark.said if state.record else mark.before if state.remembered else NOTHING
        self._amiss = {**known.whole, **stages(state)} if state.differs and not over else {}
        lease = self._lock.take(lock, value, mark, before=known, told=known, found=found)
        try:
            lease = self._named(lease, needed=over)
            if initial is not None:
                self._publisher.write_first(lease, initial)
                self._kept = initial
        except SinkError:
            self._give_back(lease)  # the pending value is not in use yet, so nothing is lost with it
            raise
        return lease

    def _named(self, lease: Lease, *, needed: bool) -> Lease:
        """Write the lock holder to the key's metadata. With `needed`, go on even where the vault refuses that."""
        try:
            return self._lock.name(lease)
        except Refused:
            if not needed:
                raise
            return lease

    def _give_back(self, lease: Lease) -> None:
        try:
            gone = () if lease.value is None else (lease.value,)  # it is not in use anywhere
            self._lock.release(lease, "not claimed", gone=gone)
        except SinkError:
            raise Unavailable(f"{self._uri} was locked, and could not be given back", AGAIN, unsure=True) from None

    def take_over(self, state: SinkState, lock: Lock) -> Lease:
        """Write the lock again with another holder and the same value (`Sink.take_over`)."""
        mark, value, self._kept = mark_of(state), state.value(Stage.PENDING), None
        before, told = (mark.before, mark.said) if state.remembered else (mark.said, mark.said)
        if not told.tags and lock.operation != FORGET:  # in a `forget` they were removed on purpose
            told = before
        self._amiss = {**told.whole, **stages(state)} if state.differs else {}
        return self._named(self._lock.take(lock, value, mark, before=before, told=told, found=value), needed=True)

    def _mended(self, lease: Lease) -> Lease:
        # Not at the claim: by now, late calls of a former lock holder have ended, so what is written stays.
        amiss, self._amiss = self._amiss, {}
        return self._publisher.tag(lease, amiss) if amiss else lease

    def renew(self, lease: Lease) -> Lease:
        """Read the lock key again (`Sink.renew`)."""
        return self._lock.renew(lease)

    def store(self, lease: Lease, value: Secret) -> Lease:
        """Write the lock key again, with the value (`Sink.store`)."""
        return self._lock.store(lease, value)

    def release(self, lease: Lease, outcome: str, *, ended: tuple[Secret, ...] = ()) -> None:
        """Write an idle record and destroy the lock key's older versions (`Sink.release`).

        Without a promotion by this process, it first restores changed tags and takes back an announced value.
        """
        if self._kept is None:  # otherwise a promotion has done that
            with suppress(Lost, Refused):
                lease = self._mended(lease)
                self._publisher.take_back(lease)
        self._lock.release(lease, outcome, gone=(*ended, *(value for value in (self._kept, self._current) if value)))

    def write_sibling_keys(self, lease: Lease, coming: Secret | None = None) -> bool:
        """Write the sibling keys by compare-and-set until they are right (`Sink.write_sibling_keys`)."""
        return self._publisher.write_sibling_keys(self._mended(lease), coming)

    def promote(self, lease: Lease, value: Secret, record: Record, *, keep: bool = True) -> Promoted:
        """Tag, then write by compare-and-set, until the latest document holds the value (`Sink.promote`)."""
        promoted = self._publisher.promote(lease, value, record, keep=keep)
        self._kept, self._amiss = value, {}
        return promoted

    def finish(self, lease: Lease, base: Secret, value: Secret, *, before: float) -> bool:
        """Write the document by compare-and-set, and nothing but the tags of its versions besides (`Sink.finish`)."""
        return self._publisher.finish(lease, base, value, before=before)

    def tag(self, lease: Lease, record: Record, *, keep_limit: bool = False, fallback: str | None = None) -> None:
        """Tag the versions as they are, and raise a low number of kept versions (`Sink.tag`).

        Raises:
            Refused: the sink holds nothing to tag.
        """
        meta = self._kv.metadata(self._path)
        if meta is None:
            raise Refused(f"{self._uri} holds nothing to tag")
        told = self._publisher.told(lease, record, self._kept or self._current)
        tags: dict[str, str | None] = {**told.whole, CURRENT: str(meta.current)}
        if fallback is not None:
            number = self._values.older(fallback, lease.lock.client_id, meta.current + 1, meta)
            tags[FALLBACK] = str(number) if number and number < meta.current else None  # never current's value
        self._publisher.tag(lease, tags, None if keep_limit else meta)
        self._lock.told, self._amiss = told, {}

    def retire(self, lease: Lease, fingerprint: str | None = None, *, softly: bool = False) -> tuple[str, ...]:
        """Destroy or delete every older version that holds the value (`Sink.retire`).

        With `softly` they are deleted, which `bring_back` can undo. Destroyed versions are lost for good.
        """
        return self._retiring.retire(self._mended(lease), fingerprint, softly=softly)

    def bring_back(self, lease: Lease) -> str | None:
        """Undelete the versions of the soft retirement (`Sink.bring_back`)."""
        return self._retiring.bring_back(self._mended(lease))

    def note(self, notes: Mapping[str, str | None]) -> None:
        """Change custom metadata (`Sink.note`)."""
        self._kv.tag(self._path, note_tags(notes))

    def forget(self, lease: Lease) -> None:
        """Remove our tags (`Sink.forget`).

        The lock key stays, idle: its version is the fencing token, and a deletion would restart the numbers.
        """
        meta = self._kv.metadata(self._path)
        ours = [tag for tag in (meta.tags if meta else {}) if tag.startswith(OWN_PREFIX) or tag == MANAGED_BY]
        if ours:
            self._publisher.tag(lease, dict.fromkeys(ours))
        self._lock.told, self._amiss = NOTHING, {}

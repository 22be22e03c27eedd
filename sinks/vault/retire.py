"""Ends a value in one document: for good, or softly so that it can be restored.

Every death on the way leaves something that the same call, given again, finishes.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from sinks.errors import Refused
from sinks.record import SOFT_DELETED_TAG, SoftDeleted
from sinks.vault.state import FALLBACK, soft_deleted_in, version_in

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sinks.document import Document
    from sinks.state import Lease
    from sinks.vault.api import Kv
    from sinks.vault.lock import LockKey
    from sinks.vault.publish import Publisher
    from sinks.vault.responses import Entry
    from sinks.vault.values import Values

SECOND = timedelta(seconds=1)  # the server's clock has whole seconds


class Retiring:
    """Retirements in one document under its lock.

    Versions are removed by their exact numbers, which are found by value: a number in a tag may be anyone's.
    """

    def __init__(self, uri: str, kv: Kv, path: str, lock: LockKey, values: Values, publisher: Publisher) -> None:
        self._uri = uri
        self._kv = kv
        self._path = path
        self._lock = lock
        self._values = values
        self._publisher = publisher

    def retire(self, lease: Lease, fingerprint: str | None, *, softly: bool) -> tuple[str, ...]:
        """End the value in the sibling keys, in older versions, then in the tags as in `Sink.retire`."""
        entry = self._kv.read(self._path)
        tagged = (version_in(entry.tags, FALLBACK) or 0) if entry else 0
        salt, told = lease.lock.client_id, self._lock.told
        # Never current's or pending's value: Auth0 accepts one of them, or will.
        staying = [v.fingerprint(salt) for v in (self._values.of(entry), lease.value) if v]
        soft_deleted = SoftDeleted.from_tags(entry.tags if entry and told.former is None else told.tags)
        former = _former(soft_deleted, fingerprint, staying)
        target = (self._fallback(tagged, salt) if fingerprint is None else fingerprint) or former
        if target and target in staying:
            raise Refused(f"the value to retire is the current one at {self._uri}; nothing was destroyed")
        # The latest version cannot go, so the value has to leave its sibling keys first.
        if entry and target in self._fingerprints(lease, entry.document):
            self._publisher.write_sibling_keys(lease, former=False)
            entry = self._kv.read(self._path)
        older = dict(self._values.documents(entry.version if entry else 0)) if target else {}
        found = [n for n, document in older.items() if self._goes(lease, document, target, kept=n == tagged)]
        ending = soft_deleted if soft_deleted and _ends(soft_deleted, target, fingerprint, softly=softly) else None
        doomed = self._deleted(ending) if ending else []
        if ending and former:
            doomed += [n for n, document in older.items() if self._goes(lease, document, former, kept=n == tagged)]
        if softly and found and target:
            lease, unnamed = self._soft_delete(lease, entry, target, found, tagged, None if ending else soft_deleted)
            doomed += unnamed
        else:
            doomed += [n for n in found if n not in doomed]
        if doomed:
            lease = self._lock.within(lease, lambda before: self._kv.destroy(self._path, doomed, before=before))
        gone = tagged in found or (target and tagged not in older)  # now, or by a process that died before it untagged
        ended = [FALLBACK] if tagged and (fingerprint is None or gone) else []
        if ending and not (softly and found):
            ended += [SOFT_DELETED_TAG]
        # The seal names the fallback as long as it can be restored.
        none = not softly and told.fallback and (fingerprint is None or told.fallback == target)
        if ended or none:
            self._publisher.retag(lease, dict.fromkeys(ended), entry, "" if none else None)
        if target and not softly and (fingerprint is None or lease.lock.base in lease.lock.ends):
            self._lock.end(target, salt)
        return tuple(str(number) for number in sorted({*found, *doomed}))

    def _fallback(self, tagged: int, salt: str) -> str | None:
        """Return the fallback's fingerprint: from the seal, else from the value in the tagged version."""
        told = self._lock.told
        if told.former is not None:
            return None if told.is_soft_deleted else told.fallback
        value = self._values.of(self._values.entry(tagged)) if tagged else None
        return value.fingerprint(salt) if value else None

    def _deleted(self, soft_deleted: SoftDeleted) -> list[int]:
        """Return the versions in the tag that the vault itself deleted before this operation began.

        None of them is readable. Anyone who may write metadata may write a tag, but a deletion and its time come from
        the vault.
        """
        meta = self._kv.metadata(self._path)
        gone = meta.deleted if meta else {}
        # Only what the vault says was deleted before: a forged tag must not destroy what somebody deletes now.
        return [
            n
            for n in _numbers(soft_deleted)
            if n in gone and gone[n] < self._lock.began + SECOND and meta and n < meta.current
        ]

    def _soft_delete(
        self,
        lease: Lease,
        entry: Entry | None,
        target: str,
        found: Sequence[int],
        tagged: int,
        before: SoftDeleted | None,
    ) -> tuple[Lease, list[int]]:
        """Name the versions in a tag, then delete them. Return those for which the tag has no room.

        The tag comes first because values of deleted versions cannot be read. Only by the tag can another process
        finish this, undo it or end it for good.
        """
        wanted = dict.fromkeys((tagged, *(_numbers(before) if before else ()), *found))
        tag = SoftDeleted(target, tuple(str(number) for number in wanted if number)).tag()
        lease = self._publisher.retag(lease, {SOFT_DELETED_TAG: tag}, entry)
        named = [n for n in found if str(n) in tag.split()[1:]]
        lease = self._lock.within(lease, lambda before: self._kv.delete(self._path, named, before=before))
        return lease, [n for n in found if n not in named]

    def bring_back(self, lease: Lease) -> str | None:
        """Undelete what was retired softly, then tag it as the fallback (`Sink.bring_back`).

        None: nothing was retired softly, or Vault does not hold it any more. Then the tag is removed as well.
        """
        meta = self._kv.metadata(self._path)
        soft_deleted = soft_deleted_in(meta) if meta else None
        if meta is None or soft_deleted is None:
            return None
        entry = self._kv.read(self._path)
        # A lock or tag that no command could end would be worse than a lost way back.
        if not soft_deleted.kept:
            self._publisher.retag(lease, {SOFT_DELETED_TAG: None}, entry, "")
            return None
        first = soft_deleted.versions[0]
        numbers = [number for number in _numbers(soft_deleted) if number in meta.deleted]
        if numbers:
            lease = self._lock.within(lease, lambda before: self._kv.undelete(self._path, numbers, before=before))
        self._publisher.retag(lease, {FALLBACK: first, SOFT_DELETED_TAG: None}, entry)
        return first

    def _fingerprints(self, lease: Lease, document: Document | None) -> tuple[str, ...]:
        return self._values.fingerprints(document, lease.lock.client_id, lease.lock.sibling_keys)

    def _goes(self, lease: Lease, document: Document, target: str | None, *, kept: bool) -> bool:
        """Return whether a version holds the value that ends.

        The fallback's version (`kept`) counts by its own value only, not by its sibling keys.
        """
        found = self._fingerprints(lease, document)
        return target in (found[:1] if kept else found)


def _former(soft_deleted: SoftDeleted | None, fingerprint: str | None, staying: Sequence[str]) -> str | None:
    """Return the fingerprint of the earlier soft retirement if copies of its value end too.

    Such copies were written since, or were not named by an interrupted retirement. A value that stays in use is
    excluded.
    """
    if (
        soft_deleted is None
        or fingerprint not in (None, soft_deleted.fingerprint)
        or soft_deleted.fingerprint in staying
    ):
        return None
    return soft_deleted.fingerprint


def _ends(soft_deleted: SoftDeleted, target: str | None, fingerprint: str | None, *, softly: bool) -> bool:
    # For good it ends with its value. Softly it ends because the new one takes its tag.
    if softly:
        return target is not None and soft_deleted.fingerprint != target
    return fingerprint in (None, soft_deleted.fingerprint)


def _numbers(soft_deleted: SoftDeleted) -> list[int]:
    return [int(version) for version in soft_deleted.versions if version.isdigit()]

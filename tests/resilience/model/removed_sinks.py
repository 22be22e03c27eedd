"""Guards of `sinks`, each removed on purpose.

`tests.resilience.model.mutants` and `tests.resilience.deaths.planted` plant them.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

import sinks.aws.lock
import sinks.aws.publish
import sinks.vault.sink
from sinks.aws.grip import grip_of
from sinks.aws.listing import PENDING, Listing
from sinks.aws.lock import Claims
from sinks.aws.publish import Publisher as AwsPublisher
from sinks.document import Document
from sinks.port import Conflict, Lease, Promoted
from sinks.vault.lock import LockKey
from sinks.vault.publish import Publisher as VaultPublisher
from sinks.vault.retire import Retiring as VaultRetiring
from sinks.vault.state import CURRENT, is_ours
from tests.resilience.model import aws_model, vault_model
from tests.resilience.model.world import OK, VALUE_KEY, Key

Patch = pytest.MonkeyPatch


def delete_lock(patch: Patch) -> None:
    def release(self: Any, held: Lease, outcome: str, **more: Any) -> None:
        self.renew(held)
        self._kv._call("delete", self.path)

    patch.setattr(LockKey, "release", release)
    patch.setitem(vault_model._CHANGES, "delete", lambda key, clock: (None, (OK,)))


def no_look_vault(patch: Patch) -> None:
    patch.setattr(LockKey, "renew", lambda self, held: replace(held, renewed=self._clock.monotonic()))


def no_look_aws(patch: Patch) -> None:
    def renew(self: Any, held: Lease) -> Lease:
        looked, listing = self._clock.monotonic(), self._access.listing()
        return replace(held, renewed=looked, token=replace(grip_of(held), listing=listing))

    patch.setattr(Claims, "renew", renew)


def no_cas_on(which: str) -> Callable[[Patch], None]:
    def remove(patch: Patch) -> None:
        real = vault_model._write

        def write(key: Key | None, clock: float, document: str, cas: int) -> Any:
            is_lock = '"secret-bridge"' in document
            return real(key, clock, document, (key.current if key else 0) if is_lock == (which == "lock") else cas)

        patch.setitem(vault_model._CHANGES, "write", write)

    return remove


def tag_after_write(patch: Patch) -> None:
    def write_current(self: Any, held: Lease, entry: Any, value: Any, record: Any, *, keep: bool) -> Promoted:
        document, deadline = entry.document, self._lock.deadline(held)
        self._kv.write(self._path, document.with_value(self._key, value), cas=entry.version, before=deadline)
        raise Conflict("read again: then only the tags are missing")

    patch.setattr(VaultPublisher, "_write_current", write_current)


def by_number(patch: Patch) -> None:
    real = VaultPublisher._converge

    def converge(self: Any, held: Lease, value: Any, record: Any, **more: Any) -> Promoted:
        entry = self._kv.read(self._path)
        if entry and entry.version > int(entry.tags.get(CURRENT, entry.version)):
            done: Promoted = self._already(held, entry, record, keep=more["keep"])
        else:
            done = real(self, held, value, record, **more)
        return done

    patch.setattr(VaultPublisher, "_converge", converge)


def unlocked(operation: str) -> Callable[[Patch], None]:
    def remove(patch: Patch) -> None:
        take, renew, store, release, name = (
            getattr(LockKey, method) for method in ("take", "renew", "store", "release", "name")
        )

        def pretended(real: Any) -> Any:
            def method(self: Any, held: Lease, *args: Any, **more: Any) -> Any:
                free = held.lock.operation == operation
                return replace(held, renewed=self._clock.monotonic()) if free else real(self, held, *args, **more)

            return method

        def taken(self: Any, lock: Any, value: Any, cas: int, **more: Any) -> Lease:
            if lock.operation != operation:
                held: Lease = take(self, lock, value, cas, **more)
                return held
            return Lease(self._uri, lock, cas, self._clock.monotonic(), value)

        patch.setattr(LockKey, "take", taken)
        for method, real in (("renew", renew), ("store", store), ("release", release), ("name", name)):
            patch.setattr(LockKey, method, pretended(real))

    return remove


def ids_from_another_call(patch: Patch) -> None:
    from tests.resilience.model.program import _now

    patch.setattr(Listing, "next_id", lambda self, arn: f"{len(self.versions)}-{_now.run.token()}")


def same_label(patch: Patch) -> None:
    """Who was overtaken finds what seems to be its own label."""
    patch.setattr(sinks.aws.lock, "own_label", lambda chain, holder: f"BRIDGE:{chain}:same")
    patch.setattr(Listing, "is_held_by", lambda self, lock, version=None: bool(self.label and lock.id in self.label))


def no_pin(patch: Patch) -> None:
    patch.setattr(AwsPublisher, "_pin", lambda self, held, listing, value, *, keep: listing.fallback)


def label_by_force(patch: Patch) -> None:
    real = aws_model._label

    def label(place: Any, clock: float, stage: str, remove: Any, to: Any) -> Any:
        present = aws_model.holder(place, stage)
        return real(place, clock, stage, present.id if present else None, to)

    patch.setitem(aws_model._CHANGES, "label", label)


def incomplete_document(patch: Patch) -> None:
    def sibling_keys_written(document: Any, key: Any, kept: Any, value: Any, **more: Any) -> Any:
        return SameValue(document.with_value(key, value))

    class SameValue(Document):
        """A document that is taken for equal to whichever has the same value."""

        __hash__ = None  # type: ignore[assignment]

        def __init__(self, document: Document) -> None:
            super().__init__(json.loads(document.reveal_text()))

        def __eq__(self, other: object) -> bool:
            return isinstance(other, Document) and other.get(VALUE_KEY) == self.get(VALUE_KEY)

    patch.setattr(sinks.aws.publish, "sibling_keys_written", sibling_keys_written)


def announced_for_ever(patch: Patch) -> None:
    """What is given up stays in the documents."""
    for publisher in (VaultPublisher, AwsPublisher):
        real = publisher.write_sibling_keys

        def write_sibling_keys(self: Any, held: Any, coming: Any = None, *, real: Any = real, **more: Any) -> Any:
            return real(self, held, coming, **more) if coming else None

        patch.setattr(publisher, "write_sibling_keys", write_sibling_keys)


def fallback_with_what_ends(patch: Patch) -> None:
    """The version that becomes the fallback still holds the value that ends, and goes with it."""
    patch.setattr(VaultPublisher, "_former", lambda self, held, entry, coming: _former(self, held, entry))
    patch.setattr(
        VaultRetiring, "_goes", lambda self, held, document, target, kept: target in self._fingerprints(held, document)
    )


def deleted_before_named(patch: Patch) -> None:
    """A soft retirement deletes the versions, and then says which."""
    real = VaultRetiring._soft_delete

    def soft_delete(self: Any, held: Lease, entry: Any, target: str, found: Any, *args: Any) -> Any:
        self._kv.delete(self._path, found)
        return real(self, held, entry, target, found, *args)

    patch.setattr(VaultRetiring, "_soft_delete", soft_delete)


def _former(publisher: Any, held: Any, entry: Any) -> Any:
    number = int(entry.tags.get("bridge_fallback", "0"))
    return publisher._value_in(entry, number) if 0 < number < entry.version else None


def dropped_value_destroyed(patch: Patch) -> None:
    """A release destroys whatever this process wrote at the lock key, or read there as a lock."""
    real = LockKey.release

    def release(self: Any, held: Lease, outcome: str, *, gone: tuple[Any, ...]) -> None:
        real(self, held, outcome, gone=(*gone, *filter(None, self._ours.values())))

    patch.setattr(LockKey, "release", release)


def pending_by_force(patch: Patch) -> None:
    """AWS: a new pending version is put with AWSPENDING at once, whoever has that label."""

    def put(self: Any, version: str, text: Any, grip: Any) -> None:
        self._access.put(version, text, grip.label, PENDING)

    patch.setattr(Claims, "_put", put)


def fence_from_idle_records(patch: Patch) -> None:
    """Vault: a lock key that says nothing of ours, because somebody wrote over it, counts as free for long."""
    real = sinks.vault.sink.with_lock

    def with_lock(place: Any, lock: Any, strange: str, entry: Any) -> Any:
        found = real(place, lock, strange, entry)
        return found if is_ours(entry) else replace(found, released=None)

    patch.setattr(sinks.vault.sink, "with_lock", with_lock)

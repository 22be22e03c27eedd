"""Sets current, the fallback's label and the tags, and repeats until all are right, whatever others write meanwhile."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import TYPE_CHECKING

from sinks.aws.grip import grip_of
from sinks.aws.listing import CURRENT, FALLBACK, OWN, PREVIOUS, Listing
from sinks.aws.state import CURRENT_TAG, FALLBACK_TAG, NONE, empty, fallback_in, text_of
from sinks.errors import Conflict, Expired, Refused, Unavailable
from sinks.record import SIBLING_KEYS_TAG
from sinks.sibling_keys import (
    WRITTEN,
    SiblingKeys,
    afterwards,
    announces,
    next_of,
    previous_of,
    sibling_keys_written,
    values_in,
)
from sinks.state import Lease, Promoted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sinks.aws.access import Access
    from sinks.aws.address import Target
    from sinks.aws.lock import Claims
    from sinks.document import Document
    from sinks.record import Record
    from sinks.secret import Secret

LAYOUT = f"{OWN}layout:"
"""Prefix of the label on a version that has current's document with other sibling keys, until that version is current.

The holder's word follows it, so that a holder takes only its own version for such a one.
"""


class Publisher:
    """One secret under its lock.

    A step renews the lease first and decides by the listing from that. So a concurrent change only leads to another
    round.
    """

    def __init__(self, uri: str, target: Target, access: Access, claims: Claims) -> None:
        self._uri = uri
        self._key = target.key
        self._access = access
        self._claims = claims
        self._announced = False  # by this process

    def document(self, version: str | None) -> Document:
        """Read a version's document, or return an empty one where there is none."""
        found = self._access.document(version) if version else None
        return found or empty(bare=self._key is None)

    def fingerprint(self, lease: Lease, version: str | None) -> str | None:
        """Return the fingerprint of a version's value.

        It is salted with the client's id. None: the version is None, or holds no value at the key.
        """
        value = self.document(version).get(self._key)
        return value.fingerprint(lease.lock.client_id) if value else None

    def fingerprints(self, lease: Lease, version: str | None) -> tuple[str, ...]:
        """Return the fingerprints of all of a version's values, sibling keys included. Unreadable ones give none."""
        document = self._access.readable(version) if version else None
        found = values_in(document, self._key, lease.lock.sibling_keys)
        return tuple(value.fingerprint(lease.lock.client_id) for value in found)

    def promote(self, lease: Lease, value: Secret, record: Record, *, keep: bool) -> Promoted:
        """Pin the fallback, move AWSCURRENT, then write the tags (`Sink.promote`).

        Where AWS refuses the fallback's label or the tags, AWSCURRENT moves all the same, and `Promoted.untold` says
        why.
        """
        if keep and lease.lock.ends:  # the version that becomes the fallback must not hold a value that ends
            self.write_sibling_keys(lease, value)

        untold: list[str] = []

        def step(lease: Lease) -> Lease | Promoted:
            listing = grip_of(lease).listing
            document, fallback = self.document(listing.current), None
            try:
                fallback = self._pin(lease, listing, value, keep=keep)
            except Refused as error:  # no room among other labels, which must not delay readers
                untold[:] = [error.message]
            told = fallback if lease.lock.sibling_keys in WRITTEN else None
            former = self.document(told).get(self._key)
            wanted = sibling_keys_written(document, self._key, lease.lock.sibling_keys, value, former=former)
            current = listing.current
            # The claim has put this document already, unless somebody edited another key since.
            if document != wanted:
                current = grip_of(lease).version
                if self._access.document(current) != wanted:
                    return self._claims.advance(lease, wanted, value)
                self._access.api.label(CURRENT, remove=listing.current, to=current, before=self._claims.deadline(lease))
            promoted = Promoted(current or NONE, fallback, "; ".join(untold))
            try:
                self._tag(lease, value, record, promoted)
            except Refused as error:
                promoted = replace(promoted, untold=error.message)
            # The release may trust these labels, and needs no further listing.
            self._claims.promoted = grip_of(lease)
            return promoted

        return self._claims.under_lease(lease, step)

    def finish(self, lease: Lease, base: Secret, value: Secret, *, before: float) -> bool:
        """Move AWSCURRENT from the version that holds `base`, and nothing else (`Sink.finish`).

        The fallback's label goes along where AWS permits it.
        """
        mine = grip_of(lease).version
        with contextlib.suppress(Conflict, Expired, Unavailable):
            listing = self._access.listing()
            current = listing.current
            # Somebody else may hold the sink by now. Only a move from exactly the version that holds `base` takes
            # nothing from them.
            if current and self._fits(current, base, mine, value):
                with contextlib.suppress(Refused):
                    self._access.api.label(FALLBACK, remove=listing.holder(FALLBACK), to=current, before=before)
                self._access.api.label(CURRENT, remove=current, to=mine, before=before)
        current = self._access.listing().current
        return current is not None and self._access.value(current, self._key) == value

    def _fits(self, current: str, base: Secret, mine: str, value: Secret) -> bool:
        """Return whether `mine` is current's document with another value, so that no foreign edit would be lost."""
        old, new, beside = self.document(current), self.document(mine), (next_of(self._key), previous_of(self._key))
        if old.get(self._key) != base or new.get(self._key) != value:
            return False
        return old.with_value(self._key, value).without(*beside) == new.without(*beside)

    def take_back(self, lease: Lease) -> None:
        """Take back an announced value from the sibling keys, if one is announced.

        It does so only where this process announced it, or where the tags say that the sibling keys are the bridge's.
        """
        if lease.lock.sibling_keys != SiblingKeys.KEEP:
            return
        lease = self._claims.renew(lease)
        announced = announces(self.document(grip_of(lease).listing.current), self._key)
        if announced and (self._announced or self._access.described().tags.get(SIBLING_KEYS_TAG) == SiblingKeys.KEEP):
            self.write_sibling_keys(lease)

    def write_sibling_keys(self, lease: Lease, coming: Secret | None = None, *, former: bool = True) -> bool:
        """Put current's document with other sibling keys, and move AWSCURRENT to it (`Sink.write_sibling_keys`).

        AWSPENDING stays where it is, so the lock does not move. Without `former`, the fallback's value is left out.
        """
        if lease.lock.sibling_keys not in WRITTEN:
            return False
        label, written = f"{LAYOUT}{lease.lock.holder}", False

        def step(lease: Lease) -> Lease | bool:
            nonlocal written
            listing, deadline = grip_of(lease).listing, self._claims.deadline(lease)
            document = self.document(listing.current)
            value = document.get(self._key)
            if listing.current is None or value is None:
                return False  # there is no value yet for them to accompany
            tags = self._access.described().tags
            told = coming if coming != value else None  # a value that is current already is not announced
            before = self._former(lease, listing, told) if former else None
            wanted = sibling_keys_written(
                document, self._key, lease.lock.sibling_keys, value, coming=told, former=before
            )
            made = listing.holder(label)
            if document == wanted:
                self._tag_layout(lease, tags, listing.current)
                if made:
                    self._access.api.label(label, remove=made, before=deadline)
                return written
            self._announced, written = told is not None, True
            if made and made != listing.current and self._access.document(made) == wanted:
                self._access.api.label(CURRENT, remove=listing.current, to=made, before=deadline)
            else:
                # The tags come before the document, so that another process that finishes this knows whose sibling keys
                # they are.
                self._tag_layout(lease, tags, tags.get(CURRENT_TAG, listing.current))
                self._access.put(listing.next_id(grip_of(lease).arn), text_of(wanted, self._uri), label)
            return lease

        return self._claims.under_lease(lease, step)

    def _tag_layout(self, lease: Lease, tags: Mapping[str, str], current: str) -> None:
        wanted = {CURRENT_TAG: current, SIBLING_KEYS_TAG: afterwards(lease.lock.sibling_keys) or NONE}
        if any(tags.get(name) != text for name, text in wanted.items()):
            self._access.api.tag(wanted, before=self._claims.deadline(lease))

    def _former(self, lease: Lease, listing: Listing, coming: Secret | None) -> Secret | None:
        """Return the fallback's value, unless the operation announces another value and ends the fallback."""
        if (coming is not None and lease.lock.ends) or listing.holder(FALLBACK) is None:
            return None
        version = listing.fallback or fallback_in(listing, self._access.described().tags)
        return self.document(version).get(self._key)

    def _pin(self, lease: Lease, listing: Listing, value: Secret, *, keep: bool) -> str | None:
        """Put FALLBACK on the version that was current when the operation began. Without `keep`, remove it."""
        # A value that leaked or was refused is no candidate, so nothing is pinned.
        if not keep:
            self.unpin(lease, listing)
            return None
        target = self._base(lease, listing, value)
        return self.pin_at(lease, listing, target) if target else listing.fallback

    def _base(self, lease: Lease, listing: Listing, value: Secret) -> str | None:
        lock = lease.lock
        # Current, unless a foreign value is there or the promotion is done already.
        likely: tuple[str | None, ...] = (listing.current, listing.holder(FALLBACK))
        if lock.base:  # a write of sibling keys has moved AWSPREVIOUS, so more versions are possible
            likely = (*likely, grip_of(lease).base, listing.holder(PREVIOUS), *listing.likeliest())
        for version in dict.fromkeys(likely):
            old = self._access.value(version, self._key) if version and listing.get(version) else None
            if version and old and old != value and lock.base in ("", old.fingerprint(lock.client_id)):
                return version
        return None

    def unpin(self, lease: Lease, listing: Listing) -> None:
        """Remove FALLBACK from its version, if any.

        The version itself stays readable by its id.
        """
        holder = listing.holder(FALLBACK)
        if holder is not None:
            self._access.api.label(FALLBACK, remove=holder, before=self._claims.deadline(lease))

    def _tag(self, lease: Lease, value: Secret, record: Record, promoted: Promoted) -> None:
        where = {CURRENT_TAG: promoted.current, FALLBACK_TAG: promoted.fallback or NONE}
        self.tag(lease, {**record.tags(), **where}, value, record.former)

    def tag(
        self, lease: Lease, tags: Mapping[str, str], current: Secret | None = None, former: str | None = None
    ) -> None:
        """Write tags, with the seal (`Sealing.tags`).

        `current` and `former` are given where the current value changes, and None where it stays.
        """
        grip = grip_of(lease)
        wanted = self._claims.sealing.tags(tags, grip.listing.top(grip.arn), current=current, former=former)
        self._access.api.tag(wanted, before=self._claims.deadline(lease))

    def pin_at(self, lease: Lease, listing: Listing, target: str | None) -> str | None:
        """Put FALLBACK on a version. None: remove it.

        Returns `target`. The move names the present holder, so it is a compare-and-set. Nothing is sent where FALLBACK
        is there already.
        """
        if target is None:
            self.unpin(lease, listing)
        elif target != listing.holder(FALLBACK):
            before = self._claims.deadline(lease)
            self._access.api.label(FALLBACK, remove=listing.holder(FALLBACK), to=target, before=before)
        return target

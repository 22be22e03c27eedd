"""Ends a value in one secret by the removal of its labels. AWS keeps the version, so it may be restored for a while."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sinks.aws.grip import grip_of
from sinks.aws.listing import FALLBACK, PREVIOUS, Listing
from sinks.aws.state import FALLBACK_TAG, NONE
from sinks.errors import Refused
from sinks.record import SOFT_DELETED_TAG, SoftDeleted

if TYPE_CHECKING:
    from sinks.aws.access import Access
    from sinks.aws.lock import Claims
    from sinks.aws.publish import Publisher
    from sinks.state import Lease


class Retiring:
    """Retirements in one secret under its lock.

    AWS cannot destroy a version. What ends loses its labels and stays readable by version id.
    """

    def __init__(self, uri: str, access: Access, claims: Claims, publisher: Publisher) -> None:
        self._uri = uri
        self._access = access
        self._claims = claims
        self._publisher = publisher

    def retire(self, lease: Lease, fingerprint: str | None, *, softly: bool) -> tuple[str, ...]:
        """Drop AWSPREVIOUS, left-over labels of ours and FALLBACK from versions that hold the value (`Sink.retire`).

        FALLBACK goes last, so that a second attempt still finds the value. Foreign labels stay.

        Raises:
            Refused: the value is current's or pending's.
        """
        lease = self._claims.renew(lease)
        pinned = grip_of(lease).listing.fallback
        target = self._publisher.fingerprint(lease, pinned) if fingerprint is None else fingerprint
        soft_deleted = self._soft_deleted(lease)
        target = target or (self._former(lease, soft_deleted) if soft_deleted and fingerprint is None else None)
        retired: dict[str, None] = {}
        # First, because it moves AWSCURRENT, and AWSPREVIOUS follows to the version that holds the value beside
        # current.
        self._untell(lease, target)

        def step(lease: Lease) -> Lease | bool:
            listing = grip_of(lease).listing
            in_use = (self._publisher.fingerprint(lease, v) for v in (listing.current, listing.pending))
            if target in in_use:
                raise Refused(f"the value to retire is in use at {self._uri}; its labels stay")
            if softly and target and listing.fallback:  # first, so that a process that finishes this can undo it
                self._tag(lease, {SOFT_DELETED_TAG: SoftDeleted(target, (listing.fallback,)).tag()})
            for stage, version in self._labels(listing):
                found = self._publisher.fingerprints(lease, version)  # an unreadable version matches no value
                if target not in (found[:1] if version == listing.holder(FALLBACK) else found):
                    continue
                if stage == FALLBACK:  # first the tag, because an interrupted promotion finds the fallback by it
                    self._access.api.tag({FALLBACK_TAG: NONE}, before=self._claims.deadline(lease))
                self._access.api.label(stage, remove=version, before=self._claims.deadline(lease))
                retired[version] = None
            return True

        if target:
            self._claims.under_lease(lease, step)
        ended = () if softly else self._ended(lease, target, fingerprint, soft_deleted)
        return tuple(dict.fromkeys((*retired, *ended)))

    def _ended(
        self, lease: Lease, target: str | None, fingerprint: str | None, soft_deleted: SoftDeleted | None
    ) -> tuple[str, ...]:
        """Record that the seal's fallback and an earlier soft retirement have ended. Return the latter's versions."""
        if fingerprint is None or self._claims.sealing.fallback == target:
            self._claims.sealing.end()
        if soft_deleted is None or fingerprint not in (None, soft_deleted.fingerprint):
            return ()
        self._claims.under_lease(lease, lambda lease: self._tag(lease, {SOFT_DELETED_TAG: NONE}))
        return soft_deleted.versions

    def _untell(self, lease: Lease, target: str | None) -> None:
        if target and target in self._publisher.fingerprints(lease, grip_of(lease).listing.current)[1:]:
            self._publisher.write_sibling_keys(lease, former=False)

    def bring_back(self, lease: Lease) -> str | None:
        """Pin the version again, then tag it (`Sink.bring_back`).

        Returns None where nothing was retired softly, or where AWS has removed the version meanwhile. Then the tag is
        removed as well.
        """
        soft_deleted = self._soft_deleted(lease)
        if soft_deleted is None:
            return None

        def step(lease: Lease) -> Lease | str:
            listing, version = grip_of(lease).listing, soft_deleted.versions[0]
            if listing.get(version) is None:
                self._claims.sealing.end()
                self._tag(lease, {SOFT_DELETED_TAG: NONE})
                return ""
            self._publisher.pin_at(lease, listing, version)
            self._tag(lease, {FALLBACK_TAG: version, SOFT_DELETED_TAG: NONE})
            return version

        return self._claims.under_lease(lease, step) or None

    def _former(self, lease: Lease, soft_deleted: SoftDeleted) -> str | None:
        """Return the fingerprint of an earlier soft retirement, unless its value is in use again.

        Versions that were written with it since end too.
        """
        listing = grip_of(lease).listing
        in_use = (self._publisher.fingerprint(lease, v) for v in (listing.current, listing.pending))
        return None if soft_deleted.fingerprint in in_use else soft_deleted.fingerprint

    def _soft_deleted(self, lease: Lease) -> SoftDeleted | None:
        """Read what was retired softly. Where there was nothing at the claim, no request is made."""
        return SoftDeleted.from_tags(self._access.described().tags) if grip_of(lease).soft_deleted else None

    def _tag(self, lease: Lease, tags: dict[str, str]) -> bool:
        self._publisher.tag(lease, tags)
        return True

    def _labels(self, listing: Listing) -> tuple[tuple[str, str], ...]:
        # FALLBACK last: by its version the value is found, also by a second attempt after a death in between.
        left = [(stage, version) for version, stage in listing.left_over()]
        found = ((PREVIOUS, listing.holder(PREVIOUS)), *left, (FALLBACK, listing.holder(FALLBACK)))
        return tuple((stage, version) for stage, version in found if version)

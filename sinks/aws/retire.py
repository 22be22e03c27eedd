"""Ends a value in one secret by the removal of its labels. AWS keeps the version, so it may be restored for a while."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sinks.aws.grip import grip_of
from sinks.aws.listing import FALLBACK, PREVIOUS, Listing
from sinks.aws.state import FALLBACK_TAG, NONE
from sinks.errors import Refused
from sinks.record import ASIDE_TAG, Aside

if TYPE_CHECKING:
    from sinks.aws.access import Access
    from sinks.aws.lock import Claims
    from sinks.aws.publish import Publisher
    from sinks.state import Held


class Retiring:
    """Retirements in one secret under its lock.

    AWS cannot destroy a version. What ends loses its labels and stays readable by version id.
    """

    def __init__(self, uri: str, access: Access, claims: Claims, publisher: Publisher) -> None:
        self._uri = uri
        self._access = access
        self._claims = claims
        self._publisher = publisher

    def retire(self, held: Held, fingerprint: str | None, *, softly: bool) -> tuple[str, ...]:
        """Drop AWSPREVIOUS, left-over labels of ours and FALLBACK from versions that hold the value (`Sink.retire`).

        FALLBACK goes last, so that a second attempt still finds the value. Foreign labels stay.

        Raises:
            Refused: the value is current's or pending's.
        """
        held = self._claims.look(held)
        pinned = grip_of(held).listing.fallback
        target = self._publisher.fingerprint(held, pinned) if fingerprint is None else fingerprint
        aside = self._aside(held)
        target = target or (self._former(held, aside) if aside and fingerprint is None else None)
        retired: dict[str, None] = {}
        # First, because it moves AWSCURRENT, and AWSPREVIOUS follows to the version that holds the value beside
        # current.
        self._untell(held, target)

        def step(held: Held) -> Held | bool:
            listing = grip_of(held).listing
            in_use = (self._publisher.fingerprint(held, v) for v in (listing.current, listing.pending))
            if target in in_use:
                raise Refused(f"the value to retire is in use at {self._uri}; its labels stay")
            if softly and target and listing.fallback:  # first, so that a process that finishes this can undo it
                self._tag(held, {ASIDE_TAG: Aside(target, (listing.fallback,)).tag()})
            for stage, version in self._labels(listing):
                found = self._publisher.fingerprints(held, version)  # an unreadable version matches no value
                if target not in (found[:1] if version == listing.holder(FALLBACK) else found):
                    continue
                if stage == FALLBACK:  # first the tag, because an interrupted promotion finds the fallback by it
                    self._access.api.tag({FALLBACK_TAG: NONE}, before=self._claims.deadline(held))
                self._access.api.label(stage, remove=version, before=self._claims.deadline(held))
                retired[version] = None
            return True

        if target:
            self._claims.under_lease(held, step)
        ended = () if softly else self._ended(held, target, fingerprint, aside)
        return tuple(dict.fromkeys((*retired, *ended)))

    def _ended(self, held: Held, target: str | None, fingerprint: str | None, aside: Aside | None) -> tuple[str, ...]:
        """Record that the seal's fallback and an earlier soft retirement have ended. Return the latter's versions."""
        if fingerprint is None or self._claims.sealing.fallback == target:
            self._claims.sealing.end()
        if aside is None or fingerprint not in (None, aside.fingerprint):
            return ()
        self._claims.under_lease(held, lambda held: self._tag(held, {ASIDE_TAG: NONE}))
        return aside.versions

    def _untell(self, held: Held, target: str | None) -> None:
        """Remove a value that ends from current's companions."""
        if target and target in self._publisher.fingerprints(held, grip_of(held).listing.current)[1:]:
            self._publisher.lay_out(held, former=False)

    def bring_back(self, held: Held) -> str | None:
        """Pin the version again, then tag it (`Sink.bring_back`).

        Returns None where nothing was retired softly, or where AWS has removed the version meanwhile. Then the tag is
        removed as well.
        """
        aside = self._aside(held)
        if aside is None:
            return None

        def step(held: Held) -> Held | str:
            listing, version = grip_of(held).listing, aside.versions[0]
            if listing.get(version) is None:
                self._claims.sealing.end()
                self._tag(held, {ASIDE_TAG: NONE})
                return ""
            self._publisher.pin_at(held, listing, version)
            self._tag(held, {FALLBACK_TAG: version, ASIDE_TAG: NONE})
            return version

        return self._claims.under_lease(held, step) or None

    def _former(self, held: Held, aside: Aside) -> str | None:
        """Return the fingerprint of an earlier soft retirement, unless its value is in use again.

        Versions that were written with it since end too.
        """
        listing = grip_of(held).listing
        in_use = (self._publisher.fingerprint(held, v) for v in (listing.current, listing.pending))
        return None if aside.fingerprint in in_use else aside.fingerprint

    def _aside(self, held: Held) -> Aside | None:
        """Read what was retired softly. Where there was nothing at the claim, no request is made."""
        return Aside.from_tags(self._access.described().tags) if grip_of(held).aside else None

    def _tag(self, held: Held, tags: dict[str, str]) -> bool:
        self._publisher.tag(held, tags)
        return True

    def _labels(self, listing: Listing) -> tuple[tuple[str, str], ...]:
        """Return the labels that a retirement may drop, each with its version."""
        left = [(stage, version) for version, stage in listing.left_over()]
        found = ((PREVIOUS, listing.holder(PREVIOUS)), *left, (FALLBACK, listing.holder(FALLBACK)))
        return tuple((stage, version) for stage, version in found if version)

"""A secret in AWS Secrets Manager as a `Sink`. The reason for each guard is in docs/internals/protocol.md."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from sinks.aws.errors import Missing
from sinks.aws.grip import grip_of, mark_of
from sinks.aws.listing import FALLBACK, PROOF, Listing
from sinks.aws.lock import Claims
from sinks.aws.publish import Publisher
from sinks.aws.retire import Retiring
from sinks.aws.rights import LABEL, READ, needed
from sinks.aws.state import (
    CURRENT_TAG,
    FALLBACK_TAG,
    NONE,
    after_promotion,
    refusal,
    surveyed,
    with_documents,
    wrong_key,
)
from sinks.companions import with_companions
from sinks.errors import Denied, Lost, Refused
from sinks.record import MANAGED_BY, MANAGER, OWN_PREFIX, Lock, Record, note_tags
from sinks.rights import Deed
from sinks.secret import unlike
from sinks.state import Held, Place, Promoted
from sinks.versions import Stage, Version

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sinks.aws.access import Access
    from sinks.aws.address import Target
    from sinks.clock import Clock
    from sinks.document import Document
    from sinks.secret import Secret

TAG_ROOM, TAGS = 50, 30  # how many tags a secret can have, and how many an operation writes at most
HIGHEST, NEWEST = 3, 5  # how many of its own and of all versions are read for candidates
UNKNOWN = (
    "AWS has no dry run: {} and the KMS key's permissions show when they are used; the claim comes first, and is undone"
    " if one that it needs is missing"
)


class AwsSink:
    """One secret. AWSCURRENT is current, AWSPENDING is pending and the lock, FALLBACK (our own label) the fallback."""

    def __init__(self, uri: str, target: Target, access: Access, *, clock: Clock, lease: timedelta) -> None:
        self._uri = uri
        self._target = target
        self._access = access
        self._claims = Claims(uri, target, access, clock, lease)
        self._publisher = Publisher(uri, target, access, self._claims)
        self._retiring = Retiring(uri, access, self._claims, self._publisher)

    @property
    def uri(self) -> str:
        """The place's name."""
        return self._uri

    @property
    def retirement(self) -> str:
        """What a retirement leaves behind."""
        return "AWS keeps the versions readable by version id, possibly for years; only their labels go"

    def caller(self) -> Mapping[str, str]:
        """Ask STS (`Sink.caller`)."""
        return self._access.api.caller()

    def survey(self) -> Place:
        """Read labels and tags only (`Sink.survey`).

        Where the place is unfit to be managed, the reason is one of its notes.
        """
        place, refused = self._surveyed()
        return place if refused is None else replace(place, notes=(*place.notes, refused.message))

    def read(self, *, closely: bool = False) -> Place:  # noqa: ARG002  # the versions here cannot show that
        """Read labels, tags and values (`Sink.read`).

        The listing is read before all else. After a promotion and before its release, AWSPENDING is on current, which
        then is the pending value too.
        """
        place, refused = self._surveyed()
        if refused is not None:
            raise refused
        stages = {stage: place.history.at(stage) for stage in (Stage.CURRENT, Stage.PENDING, Stage.FALLBACK)}
        place, pending = self._pending(place, stages.pop(Stage.PENDING))
        documents = {stage: self._access.document(version.id) for stage, version in stages.items() if version}
        documents |= pending
        listing = mark_of(place).listing
        if listing.label and listing.pending == listing.current:  # promoted, and not released yet
            documents[Stage.PENDING] = documents.get(Stage.CURRENT)
        if listing.label and (other := wrong_key(documents, self._target.key, place.lock, self._uri)):
            place = replace(place, lock=None, unnamed=None, foreign=other)
        place = self._claims.sealing.read(with_documents(place, documents, self._target.key))
        current = stages[Stage.CURRENT]
        made = current.created if current else None
        return with_companions(place, documents.get(Stage.CURRENT), self._target.key, made)

    def _pending(self, place: Place, version: Version | None) -> tuple[Place, dict[Stage, Document | None]]:
        """Read what is pending. A text that is no document of ours counts as foreign."""
        if version is None or place.foreign:
            return place, {}
        try:
            return place, {Stage.PENDING: self._access.document(version.id)}
        except Refused as error:
            foreign = f"{error.message}: version {version.id}, which has AWSPENDING"
            return replace(place, lock=None, unnamed=None, foreign=foreign), {}

    def at(self, version: str) -> Secret | None:
        """Read one version (`Sink.at`)."""
        return self._access.value(version, self._target.key)

    def candidates(self, *, every: bool = False) -> tuple[Secret, ...]:
        """Read the versions that the bridge put last, labelled or not, and the newest others (`Sink.candidates`).

        These are the three ids with the highest sequence numbers, up to five versions with left-over labels, and the
        newest five. With `every`, the other labelled versions and the newest unlabelled ones follow.
        """
        listing, arn = self._access.listing(), self._access.described().arn
        newest = [version.id for version in reversed(listing.versions)][:NEWEST]
        left = [version for version, _ in listing.left_over()]
        versions = dict.fromkeys((*listing.highest(arn, HIGHEST), *left[:NEWEST], *newest))
        versions |= dict.fromkeys(listing.likeliest() if every else ())
        found = (self._access.value(version, self._target.key) for version in versions)
        return unlike((), [value for value in found if value])

    def recall(self, fingerprint: str, salt: str, *, endable: bool = False) -> Secret | None:
        """Read the labelled versions, then the newest others (`Sink.recall`).

        With `endable`, only labelled versions are read, because a retirement removes labels and nothing else. Returns
        None also where the secret is missing, or may not be listed.
        """
        try:
            listing = self._access.listing()
        except (Denied, Missing):
            return None
        found = ((version, listing.get(version)) for version in listing.likeliest())
        versions = [version for version, listed in found if not endable or (listed and listed.stages)]
        values = (self._access.value(version, self._target.key) for version in versions)
        return next((value for value in values if value and value.fingerprint(salt) == fingerprint), None)

    def check(self, place: Place, deeds: frozenset[Deed]) -> tuple[str, ...]:
        """Check the right to move labels, by the removal of a label that no version has (`Sink.check`).

        AWS refuses that only to callers that may move none. AWS has no dry run for the other rights, so they are
        returned as unknown. Room for tags is checked too.
        """
        wanted, current = needed(deeds), mark_of(place).listing.current
        theirs = sum(not (tag == MANAGED_BY or tag.startswith(OWN_PREFIX)) for tag in mark_of(place).described.tags)
        if theirs + TAGS > TAG_ROOM and deeds & {Deed.HOLD, Deed.TAG}:
            raise Refused(
                f"{self._uri} has {theirs} tags of its own; AWS takes {TAG_ROOM}, and secret-bridge needs {TAGS}",
                "remove some of them",
            )
        if current is not None and LABEL in wanted:
            self._access.may_label(PROOF, current)
        unknown = [f"secretsmanager:{action}" for action in wanted if action not in (*READ, LABEL)]
        return (UNKNOWN.format(", ".join(unknown)),) if unknown else ()

    def claim(
        self, place: Place, lock: Lock, value: Secret | None, *, initial: Secret | None = None, over: bool = False
    ) -> Held:
        """Put a version with AWSPENDING (`Sink.claim`)."""
        held = self._claims.claim(place, lock, value, initial, over=over)
        if place.differs and not over:
            self._claims.under_lease(held, lambda held: self._pinned(held, place))
        return held

    def _pinned(self, held: Held, place: Place) -> bool:
        """Put FALLBACK on the version that the seal names, after another process has moved it."""
        fallback = place.history.at(Stage.FALLBACK)
        self._publisher.pin_at(held, grip_of(held).listing, fallback.id if fallback else None)
        return True

    def take_over(self, place: Place, lock: Lock) -> Held:
        """Put the pending version again, with our label (`Sink.take_over`)."""
        return self._claims.take_over(place, lock)

    def look(self, held: Held) -> Held:
        """List the versions again (`Sink.look`)."""
        return self._claims.look(held)

    def store(self, held: Held, value: Secret) -> Held:
        """Put a new version with AWSPENDING (`Sink.store`).

        It has current's other keys, and companions as a promotion would leave them.
        """
        held = self._claims.look(held)
        document = self._publisher.document(grip_of(held).listing.current)
        return self._claims.advance(held, after_promotion(held.lock, document, self._target.key, value), value)

    def lay_out(self, held: Held, coming: Secret | None = None) -> bool:
        """Put a version with other companions and move AWSCURRENT to it (`Sink.lay_out`)."""
        return self._publisher.lay_out(held, coming)

    def promote(self, held: Held, value: Secret, record: Record, *, keep: bool = True) -> Promoted:
        """Pin the fallback, move AWSCURRENT, then write the tags (`Sink.promote`)."""
        return self._publisher.promote(held, value, record, keep=keep)

    def _surveyed(self) -> tuple[Place, Refused | None]:
        """List, then describe. The claim is a compare-and-set on the listing, so a concurrent change makes it fail."""
        try:
            listing: Listing | None = self._access.listing()
        except Missing:
            listing = None
        described = self._access.described()
        if listing is None or not described.exists:
            listing = Listing((), described.at)
        place = surveyed(self._uri, described, listing)
        return place, refusal(self._uri, self._target.region, self._target.name, described, listing)

    def finish(self, held: Held, base: Secret, value: Secret, *, before: float) -> bool:
        """Move AWSCURRENT from what was current to the version that was put for it (`Sink.finish`)."""
        return self._publisher.finish(held, base, value, before=before)

    def tag(self, held: Held, record: Record, *, keep_limit: bool = False, fallback: str | None = None) -> None:
        """Write tags. AWS has no limit of versions to raise (`Sink.tag`)."""
        del keep_limit

        def step(held: Held) -> Held | bool:
            listing = grip_of(held).listing
            where = {CURRENT_TAG: listing.current or NONE}
            if fallback is not None:
                older = self._older(held, listing, fallback)
                where[FALLBACK_TAG] = self._publisher.pin_at(held, listing, older) or NONE
            elif listing.fallback or listing.holder(FALLBACK) is None:
                where[FALLBACK_TAG] = listing.fallback or NONE
            # Otherwise a promotion was interrupted, and the tag still names the former fallback.
            self._publisher.tag(held, {**record.tags(), **where}, self._value(listing), record.former)
            return True

        self._claims.under_lease(held, step)

    def _value(self, listing: Listing) -> Secret | None:
        return self._access.value(listing.current, self._target.key) if listing.current else None

    def _older(self, held: Held, listing: Listing, fingerprint: str) -> str | None:
        """Find a version that holds a value, never the current one."""
        if not fingerprint or fingerprint == self._publisher.fingerprint(held, listing.current):
            return None
        others = (v for v in listing.likeliest() if v not in (listing.current, listing.pending))
        return next((v for v in others if self._readable(held, v) == fingerprint), None)

    def _readable(self, held: Held, version: str) -> str | None:
        value = self._access.value(version, self._target.key)
        return value.fingerprint(held.lock.client_id) if value else None

    def retire(self, held: Held, fingerprint: str | None = None, *, softly: bool = False) -> tuple[str, ...]:
        """Drop the labels of versions that hold the value (`Sink.retire`)."""
        return self._retiring.retire(held, fingerprint, softly=softly)

    def bring_back(self, held: Held) -> str | None:
        """Pin the fallback again (`Sink.bring_back`)."""
        return self._retiring.bring_back(held)

    def note(self, notes: Mapping[str, str | None]) -> None:
        """Change tags (`Sink.note`)."""
        tags = note_tags(notes)
        if there := {name: text for name, text in tags.items() if text is not None}:
            self._access.api.tag(there)
        if gone := [name for name, text in tags.items() if text is None]:
            self._access.api.untag(gone)

    def forget(self, held: Held) -> None:
        """Remove our tags and the label FALLBACK (`Sink.forget`).

        A `managed-by` tag of another manager stays.
        """

        def step(held: Held) -> Held | bool:
            self._publisher.unpin(held, grip_of(held).listing)
            tags = self._access.described().tags
            ours = [tag for tag in tags if tag.startswith(OWN_PREFIX) or (tag, tags[tag]) == (MANAGED_BY, MANAGER)]
            if ours:
                self._access.api.untag(ours, before=self._claims.deadline(held))
            self._claims.sealing.forget()
            return True

        self._claims.under_lease(held, step)

    def release(self, held: Held, outcome: str, *, ended: tuple[Secret, ...] = ()) -> None:
        """Drop AWSPENDING (`Sink.release`). Its time is the secret's LastChangedDate, and `outcome` is not kept.

        No version can be destroyed here, so values that have `ended` stay like all others.
        """
        del outcome, ended
        if self._claims.promoted is None:  # otherwise a promotion has left the companions right
            with contextlib.suppress(Lost):
                self._publisher.take_back(held)
        self._claims.release(held)

"""A secret in AWS Secrets Manager as a `Sink`. The reason for each guard is in docs/internals/protocol.md."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from sinks.aws.brief import described_state
from sinks.aws.errors import Missing
from sinks.aws.fitness import crowded, labelled_full, refusal
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
    surveyed,
    with_documents,
    wrong_key,
)
from sinks.errors import Denied, Lost, Refused
from sinks.record import MANAGED_BY, MANAGER, OWN_PREFIX, Lock, Record, note_tags
from sinks.rights import Deed
from sinks.secret import unlike
from sinks.sibling_keys import with_sibling_keys
from sinks.state import Lease, Promoted, SinkState
from sinks.versions import Stage, Version

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sinks.aws.access import Access
    from sinks.aws.address import Target
    from sinks.clock import Clock
    from sinks.document import Document
    from sinks.secret import Secret

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
        """The sink's name."""
        return self._uri

    @property
    def retirement(self) -> str:
        """What a retirement leaves behind."""
        return "AWS keeps the versions readable by version id, possibly for years; only their labels go"

    def caller(self) -> Mapping[str, str]:
        """Ask STS (`Sink.caller`)."""
        return self._access.api.caller()

    def survey(self, *, briefly: bool = False) -> SinkState:
        """Read labels and tags only (`Sink.survey`). Where the sink is unfit, the reason is one of its notes."""
        if briefly and (state := described_state(self._uri, self._target, self._access.described())):
            return state
        state, refused = self._surveyed()
        return state if refused is None else replace(state, notes=(*state.notes, refused.message))

    def read(self, *, closely: bool = False) -> SinkState:  # noqa: ARG002  # the versions here cannot show that
        """Read labels, tags and values (`Sink.read`).

        The listing is read before all else. After a promotion and before its release, AWSPENDING is on current, which
        then is the pending value too.
        """
        state, refused = self._surveyed()
        if refused is not None:
            raise refused
        stages = {stage: state.history.at(stage) for stage in (Stage.CURRENT, Stage.PENDING, Stage.FALLBACK)}
        state, pending = self._pending(state, stages.pop(Stage.PENDING))
        documents = {stage: self._access.document(version.id) for stage, version in stages.items() if version}
        documents |= pending
        listing = mark_of(state).listing
        if listing.label and listing.pending == listing.current:  # promoted, and not released yet
            documents[Stage.PENDING] = documents.get(Stage.CURRENT)
        if listing.label and (other := wrong_key(documents, self._target.key, state.lock, self._uri)):
            state = replace(state, lock=None, unnamed=None, foreign=other)
        state = self._claims.sealing.read(with_documents(state, documents, self._target.key))
        current = stages[Stage.CURRENT]
        made = current.created if current else None
        return with_sibling_keys(state, documents.get(Stage.CURRENT), self._target.key, made)

    def _pending(self, state: SinkState, version: Version | None) -> tuple[SinkState, dict[Stage, Document | None]]:
        if version is None or state.foreign:  # what is foreign is no pending value
            return state, {}
        try:
            return state, {Stage.PENDING: self._access.document(version.id)}
        except Refused as error:
            foreign = f"{error.message}: version {version.id}, which has AWSPENDING"
            return replace(state, lock=None, unnamed=None, foreign=foreign), {}

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

    def check(self, state: SinkState, deeds: frozenset[Deed]) -> tuple[str, ...]:
        """Check the right to move labels, by the removal of a label that no version has (`Sink.check`).

        AWS refuses that only to callers that may move none. AWS has no dry run for the other rights, so they are
        returned as unknown. Room for tags and labels is checked too.
        """
        mark = mark_of(state)
        wanted, current = needed(deeds), mark.listing.current
        if deeds & {Deed.HOLD, Deed.TAG}:
            noting = Deed.NOTE in deeds or state.record is None
            if full := crowded(self._uri, mark.described.tags, noting=noting):
                raise full
        if Deed.PROMOTE in deeds and (full := labelled_full(self._uri, mark.listing)):
            raise full
        if current is not None and LABEL in wanted:
            self._access.may_label(PROOF, current)
        unknown = [f"secretsmanager:{action}" for action in wanted if action not in (*READ, LABEL)]
        return (UNKNOWN.format(", ".join(unknown)),) if unknown else ()

    def claim(
        self, state: SinkState, lock: Lock, value: Secret | None, *, initial: Secret | None = None, over: bool = False
    ) -> Lease:
        """Put a version with AWSPENDING (`Sink.claim`)."""
        lease = self._claims.claim(state, lock, value, initial, over=over)
        if state.differs and not over:
            self._claims.under_lease(lease, lambda lease: self._pinned(lease, state))
        return lease

    def _pinned(self, lease: Lease, state: SinkState) -> bool:
        # Under the lease, because another process has moved FALLBACK away from what the seal names.
        fallback = state.history.at(Stage.FALLBACK)
        self._publisher.pin_at(lease, grip_of(lease).listing, fallback.id if fallback else None)
        return True

    def take_over(self, state: SinkState, lock: Lock) -> Lease:
        """Put the pending version again, with our label (`Sink.take_over`)."""
        return self._claims.take_over(state, lock)

    def renew(self, lease: Lease) -> Lease:
        """List the versions again (`Sink.renew`)."""
        return self._claims.renew(lease)

    def store(self, lease: Lease, value: Secret) -> Lease:
        """Put a new version with AWSPENDING (`Sink.store`).

        It has current's other keys, and sibling keys as a promotion would leave them.
        """
        lease = self._claims.renew(lease)
        document = self._publisher.document(grip_of(lease).listing.current)
        return self._claims.advance(lease, after_promotion(lease.lock, document, self._target.key, value), value)

    def write_sibling_keys(self, lease: Lease, coming: Secret | None = None) -> bool:
        """Put a version with other sibling keys and move AWSCURRENT to it (`Sink.write_sibling_keys`)."""
        return self._publisher.write_sibling_keys(lease, coming)

    def promote(self, lease: Lease, value: Secret, record: Record, *, keep: bool = True) -> Promoted:
        """Pin the fallback, move AWSCURRENT, then write the tags (`Sink.promote`)."""
        return self._publisher.promote(lease, value, record, keep=keep)

    def _surveyed(self) -> tuple[SinkState, Refused | None]:
        """List, then describe. The claim is a compare-and-set on the listing, so a concurrent change makes it fail."""
        try:
            listing: Listing | None = self._access.listing()
        except Missing:
            listing = None
        described = self._access.described()
        if listing is None or not described.exists:
            listing = Listing((), described.at)
        state = surveyed(self._uri, described, listing)
        return state, refusal(self._uri, self._target.region, self._target.name, described, listing)

    def finish(self, lease: Lease, base: Secret, value: Secret, *, before: float) -> bool:
        """Move AWSCURRENT from what was current to the version that was put for it (`Sink.finish`)."""
        return self._publisher.finish(lease, base, value, before=before)

    def tag(self, lease: Lease, record: Record, *, keep_limit: bool = False, fallback: str | None = None) -> None:
        """Write tags. AWS has no limit of versions to raise (`Sink.tag`)."""
        del keep_limit

        def step(lease: Lease) -> Lease | bool:
            listing = grip_of(lease).listing
            where = {CURRENT_TAG: listing.current or NONE}
            if fallback is not None:
                older = self._older(lease, listing, fallback)
                where[FALLBACK_TAG] = self._publisher.pin_at(lease, listing, older) or NONE
            elif listing.fallback or listing.holder(FALLBACK) is None:
                where[FALLBACK_TAG] = listing.fallback or NONE
            # Otherwise a promotion was interrupted, and the tag still names the former fallback.
            self._publisher.tag(lease, {**record.tags(), **where}, self._value(listing), record.former)
            return True

        self._claims.under_lease(lease, step)

    def _value(self, listing: Listing) -> Secret | None:
        return self._access.value(listing.current, self._target.key) if listing.current else None

    def _older(self, lease: Lease, listing: Listing, fingerprint: str) -> str | None:
        if not fingerprint or fingerprint == self._publisher.fingerprint(lease, listing.current):
            return None
        # Never current's or pending's version: its label would hide the fallback (`Listing.fallback`).
        others = (v for v in listing.likeliest() if v not in (listing.current, listing.pending))
        return next((v for v in others if self._readable(lease, v) == fingerprint), None)

    def _readable(self, lease: Lease, version: str) -> str | None:
        value = self._access.value(version, self._target.key)
        return value.fingerprint(lease.lock.client_id) if value else None

    def retire(self, lease: Lease, fingerprint: str | None = None, *, softly: bool = False) -> tuple[str, ...]:
        """Drop the labels of versions that hold the value (`Sink.retire`)."""
        return self._retiring.retire(lease, fingerprint, softly=softly)

    def bring_back(self, lease: Lease) -> str | None:
        """Pin the fallback again (`Sink.bring_back`)."""
        return self._retiring.bring_back(lease)

    def note(self, notes: Mapping[str, str | None]) -> None:
        """Change tags (`Sink.note`)."""
        tags = note_tags(notes)
        if there := {name: text for name, text in tags.items() if text is not None}:
            self._access.api.tag(there)
        if gone := [name for name, text in tags.items() if text is None]:
            self._access.api.untag(gone)

    def forget(self, lease: Lease) -> None:
        """Remove our tags and the label FALLBACK (`Sink.forget`).

        A `managed-by` tag of another manager stays.
        """

        def step(lease: Lease) -> Lease | bool:
            self._publisher.unpin(lease, grip_of(lease).listing)
            tags = self._access.described().tags
            ours = [tag for tag in tags if tag.startswith(OWN_PREFIX) or (tag, tags[tag]) == (MANAGED_BY, MANAGER)]
            if ours:
                self._access.api.untag(ours, before=self._claims.deadline(lease))
            self._claims.sealing.forget()
            return True

        self._claims.under_lease(lease, step)

    def release(self, lease: Lease, outcome: str, *, ended: tuple[Secret, ...] = ()) -> None:
        """Drop AWSPENDING (`Sink.release`). Its time is the secret's LastChangedDate, and `outcome` is not kept.

        No version can be destroyed here, so values that have `ended` stay like all others.
        """
        del outcome, ended
        if self._claims.promoted is None:  # otherwise a promotion has left the sibling keys right
            with contextlib.suppress(Lost):
                self._publisher.take_back(lease)
        self._claims.release(lease)

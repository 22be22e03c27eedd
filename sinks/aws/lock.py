"""Claiming, holding and releasing a sink.

docs/internals/protocol.md explains why a label, and not a tag or an id, makes the lock.
"""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, TypeVar

from sinks.aws.first import RESUME, First
from sinks.aws.grip import Grip, grip_of, mark_of, with_holder
from sinks.aws.listing import FALLBACK, PENDING, chain_of, own_label
from sinks.aws.sealing import Sealing
from sinks.aws.state import (
    CHAIN_TAG,
    FALLBACK_TAG,
    FROM_TAG,
    NONE,
    Mark,
    after_promotion,
    busy,
    described_lock,
    empty,
    lock_text,
    surveyed,
    text_of,
)  # fmt: skip
from sinks.errors import Busy, Conflict, Denied, Expired, Lost, Refused, Unavailable
from sinks.record import Lock
from sinks.state import Lease, SinkState

if TYPE_CHECKING:
    from sinks.aws.access import Access
    from sinks.aws.address import Target
    from sinks.clock import Clock
    from sinks.document import Document
    from sinks.secret import Secret

T = TypeVar("T")
TRIES = 20
"""How often a step is decided anew."""
FAILURES = 3
"""How many calls without an answer end a step."""


class Claims:
    """The lock of one sink. Every claim, takeover and new pending value is one conditional put (`listing`)."""

    def __init__(self, uri: str, target: Target, access: Access, clock: Clock, lease: timedelta) -> None:
        self._uri = uri
        self._target = target
        self._access = access
        self._clock = clock
        self._lease = lease.total_seconds()
        self.promoted: Grip | None = None  # the labels as a promotion by this process left them
        self._labels: set[str] = set()  # the labels by which this process has claimed and kept the sink
        self.sealing = Sealing(uri, target.key, access)
        self._first = First(uri, target, access, self._busy)

    def claim(self, state: SinkState, lock: Lock, value: Secret | None, initial: Secret | None, *, over: bool) -> Lease:
        """Put a version with AWSPENDING, with an id above all in the snapshot `state` (`Sink.claim`).

        An empty secret gets a first, current version before it. The new version's text is the document as a promotion
        would leave it, so that a promotion usually puts no further version.
        """
        mark, lock = mark_of(state), with_holder(lock)
        self.sealing.begin(state)
        label = own_label(lock.id, lock)
        if mark.listing.pending and not mark.listing.is_held_by(lock) and not over:
            raise self._busy(mark)
        # AWS makes the first version current whatever labels it has, so a pending value must not be the first.
        if initial is not None or mark.listing.current is None:
            mark = self._first.begin(mark, lock, label, initial)
        base = mark.listing.current
        document = (base and self._access.document(base)) or empty(bare=self._target.key is None)
        text = self._text(after_promotion(lock, document, self._target.key, value)) if value else lock_text(lock)
        return self._seize(lock, Grip.taking(mark, label, base), text, value, needed=over)

    def take_over(self, state: SinkState, lock: Lock) -> Lease:
        """Put the pending version's text again, as a new version with our label (`Sink.take_over`).

        The label keeps the operation's chain, which distinguishes its tags from those of another operation.
        """
        mark, lock = mark_of(state), with_holder(lock)
        self.sealing.begin(state)
        listing, present = mark.listing, mark.listing.label
        if listing.pending is None or present is None:
            raise self._busy(mark)
        document = self._access.document(listing.pending)
        text = lock_text(lock) if document is None else self._text(document)
        label = own_label(chain_of(present), lock)
        named = described_lock(mark.described, listing) is not None
        # Tags of another operation name another base. Without our own, current is the best that is known.
        base = mark.described.tags.get(FROM_TAG) if named else listing.current
        value = document.get(self._target.key) if document else None
        return self._seize(lock, Grip.taking(mark, label, base), text, value, undo=False, needed=True)

    def _seize(
        self, lock: Lock, grip: Grip, text: Secret, value: Secret | None, *, undo: bool = True, needed: bool = False
    ) -> Lease:
        """Put the version that is the lock, then write the lock to the secret's tags.

        `undo`: release the sink if that fails. A takeover never does, because its value may be the one that Auth0
        accepts. `needed`: go on without the tags where AWS refuses them, because there are too many foreign ones.
        """
        self.promoted, self._labels, listing = None, {grip.label}, grip.listing
        again = listing.is_held_by(lock)  # an earlier attempt of ours succeeded, and its answer was lost
        version = listing.pending if again and listing.pending else listing.next_id(grip.arn)
        started = self._clock.monotonic()
        try:
            if not again:
                self._put(version, text, grip)
        except Conflict:
            raise self._busy(None) from None
        lease = Lease(self._uri, lock, replace(grip, version=version), started, value)
        try:
            return self._name(lease)
        except Lost:
            raise self._busy(None) from None
        except (Denied, Refused) as error:
            if needed and isinstance(error, Refused):
                return lease
            if undo and not self._let_go(lease):
                raise Unavailable(
                    f"{error.message}; {self._uri} could not be given back", error.hint, unsure=True
                ) from None
            raise
        except Unavailable as error:
            undone = undo and self._let_go(lease)
            raise Unavailable(error.message, error.hint, unsure=not undone) from None

    def _put(self, version: str, text: Secret, grip: Grip) -> None:
        """Put our version. Where another version is pending, move AWSPENDING from it, because a release consumes no id.

        A put with AWSPENDING alone would take the label even after that version's holder has released it.
        """
        if grip.listing.pending is None:
            return self._access.put(version, text, grip.label, PENDING)
        self._access.put(version, text, grip.label)
        try:
            self._access.move(PENDING, grip.listing.pending, version)
        except Conflict:
            self._drop(grip.label, version)
            raise
        return None

    def _name(self, lease: Lease) -> Lease:
        """Write the lock to the secret's tags. The put's answer showed our label, so the lease is fresh."""
        grip = grip_of(lease)
        tags = {**lease.lock.tags(), CHAIN_TAG: chain_of(grip.label), FROM_TAG: grip.base or NONE}

        def step(lease: Lease) -> Lease | bool:
            self._access.api.tag(tags, before=self.deadline(lease))
            return True

        try:
            step(lease)
        except (Expired, Unavailable):  # the tags may have been written, which does no harm
            self.under_lease(lease, step)
        return lease

    def _let_go(self, lease: Lease) -> bool:
        """Undo a claim that cannot be completed, as far as possible. Return whether that succeeded.

        Errors here are dropped, because the claim's own failure is the one to report.
        """
        with contextlib.suppress(Denied, Refused, Unavailable):
            self.release(lease)
            return True
        return False

    def _text(self, document: Document) -> Secret:
        return text_of(document, self._uri)

    def renew(self, lease: Lease) -> Lease:
        """List the versions, and check that our label is still on the one with AWSPENDING (`Sink.renew`).

        It may be on any version that this process has put.

        Raises:
            Lost: another label is there, or nothing is pending.
        """
        looked = self._clock.monotonic()
        listing = self._access.listing()
        grip = grip_of(lease)
        if listing.pending is None or listing.label not in {grip.label, *self._labels}:
            raise Lost(f"{self._uri} is not ours any more: somebody took the operation over, or finished it", RESUME)
        token = replace(grip, version=listing.pending, label=listing.label, listing=listing)
        return replace(lease, renewed=looked, token=token)

    def advance(self, lease: Lease, document: Document, value: Secret) -> Lease:
        """Put a new pending version in place of ours, with a label of its own, and move AWSPENDING from ours to it.

        Raises:
            Lost: another process has put a version.
        """
        grip, started = grip_of(lease), self._clock.monotonic()
        version = grip.listing.next_id(grip.arn)
        label = own_label(chain_of(grip.label), replace(lease.lock, holder=secrets.token_hex(8)))
        try:
            self._put(version, self._text(document), replace(grip, label=label))
        except Conflict:
            raise Lost(f"{self._uri} is not ours any more; the value was not stored", RESUME) from None
        self._labels.add(label)
        return replace(lease, renewed=started, value=value, token=replace(grip, version=version, label=label))

    def under_lease(self, lease: Lease, step: Callable[[Lease], Lease | T]) -> T:
        """Renew the lease, then do one step, until it returns a result.

        After a lost compare-and-set, a late call or a missing answer, it renews again and the step decides anew. A step
        that returns a `Lease` is called again with that.

        Raises:
            Unavailable: too many calls got no answer, or others kept writing. `unsure`: a write may have been done.
        """
        failures = 0
        for _ in range(TRIES):
            try:
                lease = self.renew(lease)
                result = step(lease)
            except (Conflict, Expired):
                continue
            except Unavailable as error:
                failures += 1
                if failures == FAILURES:
                    raise Unavailable(error.message, error.hint, unsure=True) from None
                self._clock.sleep(self._lease / 10)
                continue
            if not isinstance(result, Lease):
                return result
            lease = result
        raise Unavailable(f"others kept writing to {self._uri}; gave up after {TRIES} tries", RESUME)

    def deadline(self, lease: Lease) -> float:
        """Return the monotonic time by which a call without compare-and-set must have ended."""
        return lease.renewed + self._lease

    def release(self, lease: Lease) -> None:
        """Seal the tags if that is due, then drop AWSPENDING, then the labels of no further use (`Sink.release`).

        AWS allows 20 labels on a version, so left-over ones are removed as well. Where the sink is lost already, only
        labels of this process go.
        """
        if self.sealing.due:
            with contextlib.suppress(Denied, Lost, Refused):
                self.under_lease(lease, self._seal)
        if self.promoted:
            with contextlib.suppress(Unavailable):
                self._drop_labels(self.promoted)
                return
        try:
            self.under_lease(lease, self._tidy)
        except Lost:  # released before, perhaps not completely
            ours = {grip_of(lease).label, *self._labels}
            # Labels of others stay, because the new holder may need them.
            for version, stage in self._access.listing().left_over():
                if stage in ours:
                    self._drop(stage, version)

    def _seal(self, lease: Lease) -> bool:
        grip = grip_of(lease)
        self._access.api.tag(self.sealing.tags({}, grip.listing.top(grip.arn)), before=self.deadline(lease))
        return True

    def _tidy(self, lease: Lease) -> bool:
        listing = grip_of(lease).listing
        # An interrupted promotion has pinned the fallback already. Its tag still names the one from before.
        if listing.current and listing.current == listing.holder(FALLBACK):
            told = listing.get(self._access.described().tags.get(FALLBACK_TAG))
            to = told.id if told and told.id not in (listing.current, listing.pending) else None
            self._access.api.label(FALLBACK, remove=listing.current, to=to, before=self.deadline(lease))
        self._drop_labels(grip_of(lease))
        return True

    def _drop_labels(self, grip: Grip) -> None:
        for version, stage in grip.listing.left_below(grip.version, grip.arn):
            self._drop(stage, version)
        # AWSPENDING first: without our label beside it, the version would count as foreign.
        self._drop(PENDING, grip.version)
        self._drop(grip.label, grip.version)

    def _drop(self, stage: str, version: str) -> None:
        with contextlib.suppress(Conflict):  # the label is gone already
            self._access.api.label(stage, remove=version)

    def _busy(self, mark: Mark | None) -> Busy:
        # The refused put does not say who was faster, so that is read now.
        if mark is None:
            mark = mark_of(surveyed(self._uri, self._access.described(), self._access.listing()))
        return busy(self._uri, mark)

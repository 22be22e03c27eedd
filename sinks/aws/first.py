"""Gives an empty sink its first, current version, so that a claim has something beside it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from sinks.aws.listing import CURRENT, Listing
from sinks.aws.numbering import first_id
from sinks.aws.state import CURRENT_TAG, Mark, empty, lock_text, text_of
from sinks.errors import Busy, Conflict, Refused, Unavailable
from sinks.record import Lock, Record
from sinks.sibling_keys import sibling_keys_written

if TYPE_CHECKING:
    from datetime import datetime

    from sinks.aws.access import Access
    from sinks.aws.address import Target
    from sinks.document import Document
    from sinks.secret import Secret

RESUME = "run resume: it tells where things stand"


class First:
    """One secret that has no current value yet. `busy` makes the error that names its lock holder."""

    def __init__(self, uri: str, target: Target, access: Access, busy: Callable[[Mark | None], Busy]) -> None:
        self._uri = uri
        self._target = target
        self._access = access
        self._busy = busy
        self._wrote = False  # whether a call of this process may have changed something

    def begin(self, mark: Mark, lock: Lock, label: str, initial: Secret | None) -> Mark:
        """Give an empty sink its first, current version: `initial`, or the text of a lock where there is no value.

        AWS makes the first version of a secret current, whatever labels were asked for. So a pending value must never
        be the first version. Returns a new snapshot for the claim.

        Raises:
            Busy: another process was faster, and this one has changed nothing.
            Unavailable: `unsure`: another process was faster, after this one had made the secret or a version.
        """
        self._wrote = False
        try:
            return self._begun(mark, lock, label, initial)
        except Busy as error:
            if not self._wrote:
                raise
            raise Unavailable(
                f"{error.message}; before that, this process had made it, or a version of it", RESUME, unsure=True
            ) from None

    def _begun(self, mark: Mark, lock: Lock, label: str, initial: Secret | None) -> Mark:
        described, document = mark.described, empty(bare=self._target.key is None)
        text = lock_text(lock) if initial is None else self._first(lock, document, initial)
        if not described.exists:
            self._create(lock, text, described.at, initial)
            described = self._access.described()
        listing = self._access.listing()
        # Read again, because another process may have created or claimed it since the snapshot.
        if listing.pending and not listing.is_held_by(lock):
            raise self._busy(Mark(described, listing))
        if listing.current is not None:
            found = self._access.document(listing.current)
            value = found.get(self._target.key) if found else None
            if value == initial and (value or found is None):
                return Mark(described, listing)
            if value is not None or initial is None:
                raise Busy(f"{self._uri} has got a value by now", None, "look at it, then run the same command again")
            text = self._first(lock, found or document, initial)
        return Mark(described, self._published(listing, listing.next_id(described.arn), text, label))

    def _first(self, lock: Lock, document: Document, initial: Secret) -> Secret:
        return text_of(sibling_keys_written(document, self._target.key, lock.sibling_keys, initial), self._uri)

    def _create(self, lock: Lock, text: Secret, at: datetime, value: Secret | None) -> None:
        """Create the secret as a managed one, so that a death right after this leaves nothing to adopt.

        Raises:
            Busy: another process has created it, and ours has not.
            Refused: the address is an ARN, which no secret can be created by.
        """
        if self._target.account:
            raise Refused(
                f"{self._uri} does not exist, and no secret can be created by its ARN",
                f"create it in account {self._target.account}, or name it without the ARN",
            )
        version = first_id(self._target.name)
        try:
            self._access.create(version, text, {**Record.first(lock, at, value).tags(), CURRENT_TAG: version})
            self._wrote = True
        except (Conflict, Unavailable) as error:
            # The request may have been carried out although its answer was lost, or was none that AWS gives. The tags
            # were written in the same request, so they say whose the secret is.
            described = self._access.described()
            told = Record.from_tags(described.tags)
            ours = told is not None and told.rotation == lock.id
            self._wrote = ours or (isinstance(error, Unavailable) and error.unsure)
            if isinstance(error, Conflict) and not ours:
                raise self._busy(None) from None
            if isinstance(error, Unavailable) and not described.exists:
                raise Unavailable(error.message, error.hint, unsure=error.unsure) from None

    def _published(self, before: Listing, version: str, text: Secret, label: str) -> Listing:
        """Put a version and make it current, if current has not changed meanwhile."""
        try:
            self._access.put(version, text, label)
            self._wrote = True
            listing = self._access.listing()
            # Where the secret had a current version without a value, AWS leaves AWSCURRENT on that one.
            if listing.current != version and listing.current == before.current:
                self._access.api.label(CURRENT, remove=listing.current, to=version)
                listing = self._access.listing()
        except Conflict:
            raise self._busy(None) from None
        if listing.current != version:
            raise self._busy(None)
        return listing

"""Reads with retries, and the one write that may be retried."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING, TypeVar

import stamina

from sinks.aws.errors import NotDone
from sinks.aws.listing import Listing
from sinks.aws.state import document_in
from sinks.errors import Conflict, Denied, Refused, Unavailable

if TYPE_CHECKING:
    from sinks.aws.address import Target
    from sinks.aws.api import Api
    from sinks.aws.responses import Described, Listed
    from sinks.document import Document
    from sinks.secret import Secret

T = TypeVar("T")
ATTEMPTS = 3
PAUSE = timedelta(milliseconds=200)
BUDGET = timedelta(seconds=30)
"""How long one call may take with its waits. No further attempt begins after it, and an attempt ends within a lease."""


class Access:
    """One secret. Each version's text is read once, because it never changes.

    Reads are tried up to three times. So are the writes here, which AWS carries out once at most.
    """

    def __init__(self, api: Api, target: Target, uri: str) -> None:
        self.api = api
        self._bare = target.key is None
        self._uri = uri
        self._documents: dict[str, Document | None] = {}
        self.puts = 0  # how many versions this process has put

    def described(self) -> Described:
        """Read tags and settings.

        They are read anew each time, because anybody may change them.
        """
        return _repeated(self.api.describe)

    def listing(self) -> Listing:
        """Read all versions. Pages are not one snapshot, so a listing that contradicts itself is read again.

        After three attempts the listing may still contradict itself. `Listing.doubled` says so.
        """
        # A label that moves while pages are read shows on two versions, or on none.
        for _ in range(ATTEMPTS):
            listing = self._pages()
            if not listing.doubled():
                break
        return listing

    def _pages(self) -> Listing:
        page = _repeated(self.api.page)
        versions: list[Listed] = [*page.versions]
        while page.next:
            token = page.next
            page = _repeated(lambda: self.api.page(token))  # noqa: B023  # called at once
            versions += page.versions
        return Listing.of(tuple(versions), page.at)

    def document(self, version: str) -> Document | None:
        """Read a version's document. None: it is a lock without a value, or empty.

        Raises:
            Conflict: there is no such version (any more).
            Refused: it is binary, or no document with keys.
        """
        if version not in self._documents:
            text = _repeated(lambda: self.api.get(version))
            self._documents[version] = document_in(text, self._uri, bare=self._bare) if text else None
        return self._documents[version]

    def value(self, version: str, key: str | None) -> Secret | None:
        """Read a version's value at a key. None: there is no readable one.

        With `key` None the whole text is the value.
        """
        document = self.readable(version)
        return document.get(key) if document else None

    def readable(self, version: str) -> Document | None:
        """Read a version's document. None: there is no readable one.

        That is so where the version is gone, may not be read, is binary, or is no document.
        """
        # One version that cannot be read must not hide the values in the others.
        with suppress(Conflict, Denied, Refused):
            return self.document(version)
        return None

    def may_label(self, stage: str, version: str) -> None:
        """Check that the caller may move labels, by the removal of a label that no version has.

        AWS has no dry run. It answers an allowed caller that the label is not there.

        Raises:
            Denied: the caller may not.
        """
        with suppress(Conflict):
            _repeated(lambda: self.api.label(stage, remove=version))

    def create(self, version: str, text: Secret, tags: Mapping[str, str]) -> None:
        """Create the secret. Idempotent.

        Raises:
            Conflict: it exists, with another first version, and none of our requests has made it.
            Unavailable: `unsure`: the request may still arrive, or has made the secret.
        """
        _written(lambda: self.api.create(version, text, tags), may_be_ours=True)

    def put(self, version: str, text: Secret, label: str, *stages: str) -> None:
        """Add a version with labels, one of which (`label`) no other process would write.

        AWS answers a repeated put of the same text without any effect, so `label` in the answer shows who put the
        version.

        Raises:
            Conflict: another process has put this version.
            Unavailable: the version is not there. `unsure`: the request may still arrive.
        """
        self.puts += 1
        try:
            given: Iterable[str] = _written(lambda: self.api.put(version, text, (*stages, label)))
        except Unavailable as error:
            try:
                # The put may have been carried out. The label on the version tells by whom.
                found = self.listing().get(version)
            except Unavailable:
                raise error from None
            if found is None:
                raise
            given = found.stages
        if label not in given:
            raise Conflict(f"somebody else put version {version} of {self._uri}")
        self._documents[version] = document_in(text, self._uri, bare=self._bare)

    def move(self, stage: str, old: str, new: str) -> None:
        """Move a label from the version that was seen to have it. This is a compare-and-set.

        Raises:
            Conflict: the label is not there any more.
            Unavailable: `unsure`: the label may have been moved.
        """
        try:
            _written(lambda: self.api.label(stage, remove=old, to=new))
        except Conflict:
            if self.listing().holder(stage) != new:  # otherwise an attempt whose answer was lost has moved it
                raise


def _written(call: Callable[[], T], *, may_be_ours: bool = False) -> T:
    """Retry an idempotent write.

    `may_be_ours`: after an attempt without a usable answer, a conflict can come from that attempt itself. Nor does a
    refusal say anything of such an attempt.

    Raises:
        Unavailable: `unsure` unless every attempt is known not to have been carried out.
    """
    unsure = False

    def attempt() -> T:
        nonlocal unsure
        try:
            return call()
        except Unavailable as error:
            unsure = unsure or not isinstance(error, NotDone)
            raise

    try:
        return _repeated(attempt)
    except Unavailable as error:
        raise Unavailable(error.message, error.hint, unsure=unsure) from None
    except (Conflict, Denied, Refused) as error:
        if not unsure or (isinstance(error, Conflict) and not may_be_ours):
            raise
        raise Unavailable(error.message, error.hint, unsure=True) from None


def _repeated(call: Callable[[], T]) -> T:
    """Retry an idempotent call when there was no usable answer, within `BUDGET`.

    Without a limit by a lease: only reads and conditional writes come here, which may arrive late. An answer that asks
    for a wait gets it, unless that is longer than what is left.
    """
    began, tries = time.monotonic(), 0

    def again(error: Exception) -> bool | float:
        wait = error.wait if isinstance(error, NotDone) else None
        if wait is None:
            return isinstance(error, Unavailable)
        return wait if wait < BUDGET.total_seconds() - (time.monotonic() - began) else False

    try:
        for attempt in stamina.retry_context(
            on=again, attempts=ATTEMPTS, timeout=BUDGET, wait_initial=PAUSE, wait_jitter=PAUSE
        ):
            with attempt:
                tries += 1
                return call()
    except Unavailable as error:
        if tries > 1:
            error.message += f" ({tries} tries in {time.monotonic() - began:.0f} s)"
            error.args = (error.message,)
        raise
    raise AssertionError("unreachable: the last attempt raises")

"""The values in a document's versions, each read once.

It lives as long as its sink, so that a search by value costs each version's request only once.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING

from sinks.errors import Denied
from sinks.sibling_keys import values_in

if TYPE_CHECKING:
    from datetime import datetime

    from sinks.document import Document
    from sinks.secret import Secret
    from sinks.vault.api import Kv
    from sinks.vault.responses import Entry, Meta


class Values:
    """The values at `key` in the versions at `path`. Each version is read once, because it never changes."""

    def __init__(self, kv: Kv, path: str, key: str) -> None:
        self._kv = kv
        self._path = path
        self._key = key
        self._known: dict[tuple[int, datetime], Document] = {}

    def entry(self, version: int | None = None) -> Entry | None:
        """Read a version, the latest by default, and remember its document."""
        entry = self._kv.read(self._path, version)
        if entry and entry.document:
            # The key includes the time, because a key that was deleted and created anew counts its versions from 1
            # again.
            self._known[entry.version, entry.created] = entry.document
        return entry

    def of(self, entry: Entry | None) -> Secret | None:
        """Return the value in a version that was read.

        None: it is not readable, or has no text at the key.
        """
        return entry.document.get(self._key) if entry and entry.document else None

    def at(self, number: int, meta: Meta) -> Secret | None:
        """Return the value in a version that metadata shows. A known version is not read again."""
        known = self._known.get((number, meta.versions[number][0]))
        return known.get(self._key) if known else self.of(self.entry(number))

    def documents(self, version: int | None, meta: Meta | None = None) -> Iterator[tuple[int, Document]]:
        """Yield the readable versions older than `version` with their documents, newest first.

        With None, yield all of them. Without `meta`, the metadata is read first.
        """
        meta = meta or self._kv.metadata(self._path)
        versions = meta.versions.items() if meta else ()
        made = {n: at for n, (at, readable) in versions if readable and (version is None or n < version)}
        # Newest first: what is searched for was written lately more often than not, and each version is a request.
        for number in sorted(made, reverse=True):
            if (known := self._known.get((number, made[number]))) is None:
                entry = self.entry(number)
                known = entry.document if entry else None
            if known is not None:
                yield number, known

    def below(self, version: int | None, meta: Meta | None = None) -> Iterator[tuple[int, Secret]]:
        """Yield those of these versions that hold a value, with the value.

        A foreign edit of another key copies the value, so several versions may hold the same one.
        """
        for number, document in self.documents(version, meta):
            if value := document.get(self._key):
                yield number, value

    def fingerprints(self, document: Document | None, salt: str, sibling_keys: str) -> tuple[str, ...]:
        """Return the fingerprints of a document's values, sibling keys included.

        Current's is the first. A document that is None has none.
        """
        return tuple(value.fingerprint(salt) for value in values_in(document, self._key, sibling_keys))

    def older(self, fingerprint: str, salt: str, below: int, meta: Meta | None = None) -> int | None:
        """Return the newest version below `below` that holds the value with a fingerprint.

        None: there is none, or `fingerprint` is empty.
        """
        found = self.below(below, meta) if fingerprint else ()
        return next((number for number, value in found if value.fingerprint(salt) == fingerprint), None)

    def recall(self, fingerprint: str, salt: str) -> Secret | None:
        """Find a value by its fingerprint, in the newest version that holds it.

        None: no readable version holds it, or the token may read no value.
        """
        # A value that cannot be read is as good as gone, and callers have other sources for it.
        with suppress(Denied):
            return next((value for _, value in self.below(None) if value.fingerprint(salt) == fingerprint), None)
        return None

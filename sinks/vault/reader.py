"""Reads a document in Vault for an application. It needs `read` on the data of the document and of its lock key."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sinks.errors import Refused
from sinks.reader import NOTHING_NEXT, Latest, Next
from sinks.record import Record
from sinks.vault.state import FALLBACK, held_by

if TYPE_CHECKING:
    from datetime import datetime

    from sinks.secret import Secret
    from sinks.vault.api import Kv


class VaultReader:
    """The document at `path` with the value at `key` (`sinks.reader.Reader`).

    It reads no metadata endpoint: a document's answer contains the tags, and so names the fallback.
    """

    def __init__(self, uri: str, kv: Kv, path: str, key: str, *, lock_path: str) -> None:
        self.uri = uri
        self._kv = kv
        self._path = path
        self._key = key
        self._lock_path = lock_path

    def latest(self) -> Latest:
        """Read the latest version (`Reader.latest`).

        Raises:
            Refused: there is nothing, or no text at the key.
        """
        entry = self._kv.read(self._path)
        if entry is None or entry.document is None:
            raise Refused(f"there is nothing to read at {self.uri}", "check the address, or ask who keeps that sink")
        value = entry.document.get(self._key)
        if value is None:
            raise Refused(entry.document.lacks(self._key, self.uri), "choose one with #KEY")
        record = Record.from_tags(entry.tags)
        number = entry.tags.get(FALLBACK, "")
        return Latest(
            value,
            str(entry.version),
            self._kv.now(),
            record.promoted_at if record else None,
            # The tag is written before the document. Until then it may name the version that is still current.
            number if number.isdigit() and int(number) < entry.version else None,
        )

    def pending(self) -> Next:
        """Read the lock key's document (`Reader.pending`).

        An idle, absent or foreign text there means that nothing is pending.
        """
        entry = self._kv.read(self._lock_path)
        lock = held_by(entry)
        if entry is None or entry.document is None or lock is None:
            return NOTHING_NEXT
        return Next(entry.document.get(self._key), frozenset(lock.ends))

    def fallback(self, latest: Latest) -> Secret | None:
        """Read the version that the tags name (`Reader.fallback`).

        No request is sent where they name none. The tag is a hint that no seal confirms here: a wrong one gives a
        candidate that Auth0 refuses.
        """
        entry = self._kv.read(self._path, int(latest.fallback)) if latest.fallback else None
        return entry.document.get(self._key) if entry and entry.document else None

    def promoted(self, latest: Latest) -> datetime | None:
        """Return what the tags say (`Reader.promoted`).

        No request is sent, because the answer with the document contained the tags.
        """
        return latest.promoted

    def close(self) -> None:
        """Close the connections (`Reader.close`)."""
        self._kv.close()

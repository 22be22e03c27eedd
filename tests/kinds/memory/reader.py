"""A sink in this process's memory, for applications."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sinks.errors import Refused
from sinks.reader import NOTHING_NEXT, Latest, Next
from sinks.secret import Secret
from sinks.versions import Stage

from .store import MemoryStore


@dataclass
class MemoryReader:
    """One document, read stage by stage (`sinks.reader.Reader`)."""

    uri: str
    store: MemoryStore
    path: str
    key: str

    def latest(self) -> Latest:
        """Read current (`Reader.latest`)."""
        with self.store.at(self.path) as stored:
            if stored.latest is None:
                raise Refused(f"{self.uri} holds nothing", "adopt the client, or correct the address")
            promoted = stored.told.promoted_at if stored.told else None
            fallback = stored.history.at(Stage.FALLBACK)
            return Latest(
                stored.value(self.key), stored.latest, self.store.now(), promoted, fallback.id if fallback else None
            )

    def pending(self) -> Next:
        """Read the coming value (`Reader.pending`)."""
        with self.store.at(self.path) as stored:
            return Next(stored.pending) if stored.pending else NOTHING_NEXT

    def fallback(self, latest: Latest) -> Secret | None:
        """Read the value before (`Reader.fallback`)."""
        with self.store.at(self.path) as stored:
            return stored.value(self.key, latest.fallback) if latest.fallback else None

    def promoted(self, latest: Latest) -> datetime | None:
        """Return when current became current (`Reader.promoted`)."""
        return latest.promoted

    def close(self) -> None:
        """Do nothing: there is no connection."""

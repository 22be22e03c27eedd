"""What the server answers, as data. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sinks.document import Document
from sinks.json_object import JsonObject

DEFAULT_MAX_VERSIONS = 10
NEVER = datetime.min.replace(tzinfo=UTC)
Newest = tuple[int, datetime]
"""The number of a key's latest version, and when it was written."""
NONE = "null"  # of a version that is deleted or destroyed


@dataclass(frozen=True)
class Entry:
    """One version of a document."""

    version: int
    """The version's number."""
    created: datetime
    """When it was written."""
    document: Document | None = None
    """Its content. None: deleted, destroyed, or not part of the answer (`Kv.write`)."""
    tags: Mapping[str, str] = field(default_factory=dict)
    """The key's custom metadata."""
    fading: bool = False
    """The server has already set a time at which it will delete this version."""
    changed: datetime | None = None
    """When it was written or deleted."""

    @property
    def newest(self) -> Newest:
        """The version itself: the latest one when this was read."""
        return self.version, self.created


@dataclass(frozen=True)
class Meta:
    """A key's metadata: what the server knows of a document besides its content."""

    current: int
    """Number of the latest version, 0 where there is none."""
    versions: Mapping[int, tuple[datetime, bool]]
    """For each version, when it was created and whether it can still be read."""
    tags: Mapping[str, str]
    """The custom metadata."""
    max_versions: int
    """How many versions the key's own setting keeps. 0: the mount's setting applies."""
    delete_version_after: str
    """The time after which the server deletes a version by itself. "0s": never."""
    cas_required: bool = False
    """Whether every write needs a compare-and-set."""
    deleted: Mapping[int, datetime] = field(default_factory=dict)
    """The unreadable versions that can be undeleted, each with the server's time of its deletion."""

    @property
    def newest(self) -> Newest:
        """The latest version."""
        return self.current, self.versions[self.current][0] if self.current in self.versions else NEVER


@dataclass(frozen=True)
class MountConfig:
    """A mount's settings. `metadata_cas_required` exists in OpenBao only."""

    max_versions: int
    delete_version_after: str
    metadata_cas_required: bool = False


def config_in(data: Mapping[str, Any]) -> MountConfig:
    """Return the mount's settings in an answer's data."""
    return MountConfig(
        int(data["max_versions"] or 0),
        str(data.get("delete_version_after") or "0s"),
        bool(data.get("metadata_cas_required")),
    )


def meta_in(data: Mapping[str, Any]) -> Meta:
    """Return the key's metadata in an answer's data."""
    return Meta(
        current=int(data["current_version"]),
        versions={
            int(number): (_time(v["created_time"]), not v["destroyed"] and not v["deletion_time"])
            for number, v in data["versions"].items()
        },
        tags=data.get("custom_metadata") or {},
        max_versions=int(data.get("max_versions") or 0),
        delete_version_after=str(data.get("delete_version_after") or "0s"),
        cas_required=bool(data.get("metadata_cas_required")),
        deleted={
            int(n): _time(v["deletion_time"])
            for n, v in data["versions"].items()
            if v["deletion_time"] and not v["destroyed"]
        },
    )


def written_in(answer: Any) -> Entry:
    """Return the version that a write made, from its answer. It has no document and no tags."""
    told = answer["data"]
    return Entry(int(told["version"]), _time(told["created_time"]), fading=bool(told.get("deletion_time")))


def entry_in(text: str) -> Entry:
    """Return the version in an answer's text. The document keeps its own text.

    Raises:
        ValueError, KeyError, TypeError: the answer has another form.
    """
    data = JsonObject.parse(JsonObject.parse(text).raw("data") or "")
    document, told = data.raw("data") or "", json.loads(data.raw("metadata") or "")
    created, gone = _time(told["created_time"]), told.get("deletion_time")
    return Entry(
        version=int(told["version"]),
        created=created,
        fading=bool(gone),
        changed=max(created, _time(gone)) if gone and document == NONE else created,
        document=None if document == NONE else Document.parse(document, bare=False),
        tags=told.get("custom_metadata") or {},
    )


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)

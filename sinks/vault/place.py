"""From what Vault answered to what it means. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sinks.document import Document
from sinks.errors import Refused
from sinks.port import Place
from sinks.record import MANAGED_BY, MANAGER, Lock, Record
from sinks.secret import Secret
from sinks.vault.answers import METADATA_CAS, METADATA_CAS_HINT
from sinks.vault.kv import DEFAULT_MAX_VERSIONS, Entry, Meta, MountConfig
from sinks.versions import History, Stage, Version

CURRENT, FALLBACK, LOCK_VERSION = "bridge_current", "bridge_fallback", "bridge_lock_version"
LOCK_KEY = "secret-bridge"
LEAST_VERSIONS = 3


@dataclass(frozen=True)
class Mark:
    """What a claim has to know: the version the lock key is at (0: none)."""

    lock_version: int


def lock_document(lock: Lock, key: str, value: Secret | None) -> Document:
    """Return the lock key's document while an operation holds the place."""
    document = Document({LOCK_KEY: {"state": "locked", **lock.tags()}})
    return document if value is None else document.with_value(key, value)


def idle_document(lock: Lock, outcome: str) -> Document:
    """Return the lock key's document after an operation: it holds no value."""
    return Document({LOCK_KEY: {"state": "idle", "id": lock.id, "holder": lock.holder, "outcome": outcome}})


def is_idle_of(lock: Lock, entry: Entry) -> bool:
    """Tell whether the lock key holds the idle record that this claim's release writes."""
    inner = entry.document.reveal().get(LOCK_KEY) if entry.document else None
    said = inner if isinstance(inner, dict) else {}
    return said.get("state") == "idle" and bool(lock.holder) and said.get("holder") == lock.holder


def told(entry: Entry, path: str) -> Mapping[str, str]:
    """Return what a lock key's document says about itself.

    Raises:
        Refused: it is not a lock of ours.
    """
    inner = (entry.document.reveal() if entry.document else {}).get(LOCK_KEY)
    if not isinstance(inner, dict):
        raise Refused(
            f"'{path}' is where secret-bridge keeps its lock, and it holds something else. Nothing was changed",
            "move that document, or set pending_suffix for this vault",
        )
    return inner


def held_by(entry: Entry | None, path: str) -> Lock | None:
    """Return who holds the place according to its lock key; None when idle or absent."""
    if entry is None or entry.document is None:
        return None
    inner = told(entry, path)
    return Lock.from_tags(inner) if inner.get("state") == "locked" else None


def refusal(uri: str, config: MountConfig | None, meta: Meta | None) -> Refused | None:
    """Return why a key must not be managed with these settings, if so."""
    path = uri.partition("://")[2]
    on_mount, on_key = config.delete_version_after if config else "0s", meta.delete_version_after if meta else "0s"
    if not on_mount.startswith("-"):  # a negative time on the mount switches it off for every key
        for where, duration in (("key", on_key), ("mount", on_mount)):
            if duration != "0s":
                return Refused(
                    f"delete_version_after is {duration} on the {where} of {uri}: Vault would delete live versions",
                    f"unset it: bao kv metadata put -delete-version-after=0s {path} (or on the mount)",
                )
    if (meta and meta.cas_required) or (config and config.metadata_cas_required):
        return Refused(METADATA_CAS.format(uri), METADATA_CAS_HINT)
    limit = version_limit(config, meta)
    if limit < LEAST_VERSIONS:
        return Refused(
            f"max_versions is {limit} at {uri}: current, fallback and one write need {LEAST_VERSIONS}",
            f"raise it: bao kv metadata put -max-versions=20 {path}",
        )
    return None


def version_limit(config: MountConfig | None, meta: Meta | None) -> int:
    """Return how many versions the server keeps of a key: the larger of the key's setting and the mount's."""
    return max(meta.max_versions if meta else 0, config.max_versions if config else 0) or DEFAULT_MAX_VERSIONS


def _number(tags: Mapping[str, str], name: str) -> int | None:
    text = tags.get(name, "")
    return int(text) if text.isdigit() else None


def fallback_number(meta: Meta) -> int | None:
    """Return the version tagged fallback, if it stands before the latest and can be read."""
    number = _number(meta.tags, FALLBACK)
    if number is None or number >= meta.current or not meta.versions.get(number, (None, False))[1]:
        return None
    return number


def _history(meta: Meta, *, managed: bool) -> History:
    fallback = fallback_number(meta) if managed else None

    def stage(number: int, *, readable: bool) -> Stage | None:
        if managed and number == meta.current:
            return Stage.CURRENT
        if number == fallback:
            return Stage.FALLBACK
        return None if readable else Stage.RETIRED

    return History(
        tuple(
            Version(str(number), stage(number, readable=readable), created, readable)
            for number, (created, readable) in sorted(meta.versions.items())
        )
    )


def surveyed(uri: str, at: datetime, config: MountConfig | None, meta: Meta | None, lock_meta: Meta | None) -> Place:
    """Return what metadata alone tells."""
    if lock_meta is None:
        return _place(uri, at, config, meta, unsettled=False, lock=None)
    named = _number(lock_meta.tags, LOCK_VERSION)
    alive = [number for number, (_, readable) in lock_meta.versions.items() if readable]
    lock = Lock.from_tags(lock_meta.tags) if named == lock_meta.current else None
    # An idle key has one readable version, never the first: otherwise it is claimed and not yet named, or not cleaned.
    unsettled = lock is not None or len(alive) > 1 or lock_meta.current == 1
    return _place(uri, at, config, meta, unsettled=unsettled, lock=lock)


def _place(
    uri: str, at: datetime, config: MountConfig | None, meta: Meta | None, *, unsettled: bool, lock: Lock | None
) -> Place:
    if meta is None:
        return Place(uri, at, exists=False, unsettled=unsettled, lock=lock)
    record = Record.from_tags(meta.tags)
    current, fallback = _number(meta.tags, CURRENT), fallback_number(meta)
    edits = meta.current - current if current is not None else 0
    return Place(
        uri,
        at,
        exists=meta.current > 0,
        history=_history(meta, managed=record is not None),
        manager=meta.tags.get(MANAGED_BY),
        record=record,
        lock=lock,
        unsettled=unsettled or edits < 0,
        edits=max(edits, 0),
        room=None if fallback is None else version_limit(config, meta) - 1 - (meta.current - fallback),
        notes=_wiped(meta, record),
    )


def _wiped(meta: Meta, record: Record | None) -> tuple[str, ...]:
    """Say so when our tags are there in part: somebody replaced the custom metadata."""
    partly = record is None and (meta.tags.get(MANAGED_BY) == MANAGER or CURRENT in meta.tags)
    return ("the tags of secret-bridge are incomplete: somebody replaced the custom metadata",) if partly else ()

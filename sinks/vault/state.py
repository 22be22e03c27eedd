"""Interprets Vault's answers. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from sinks.document import Document
from sinks.errors import Refused
from sinks.record import MANAGED_BY, MANAGER, Lock, Record, SoftDeleted, drifted, noted, stamp
from sinks.seal import NOTHING, Said
from sinks.secret import Secret
from sinks.state import SinkState
from sinks.vault.errors import METADATA_CAS, METADATA_CAS_HINT
from sinks.vault.responses import DEFAULT_MAX_VERSIONS, Entry, Meta, MountConfig
from sinks.versions import History, Stage, Version

CURRENT, FALLBACK = "bridge_current", "bridge_fallback"
LOCK_VERSION, MANAGED = "bridge_lock_version", "bridge_lock_managed"
KEPT = "bridge_lock_kept"
LOCK_KEY = "secret-bridge"
SHOWN = 8  # how many keys of a foreign text are named
# Current, the fallback, and one foreign write between them.
LEAST_VERSIONS = 3
WIPED = "the tags of secret-bridge are gone: somebody replaced the custom metadata"


@dataclass(frozen=True)
class Mark:
    """What a claim needs to know of the snapshot it is based on.

    `lock_version` is the lock key's version (0: none), and `ours` whether that is a lock or an idle record. `said` is
    what the sink says about itself, and `before` is the copy of it in the lock key.
    """

    lock_version: int
    ours: bool = False
    said: Said = NOTHING
    before: Said = NOTHING


def lock_document(lock: Lock, key: str, value: Secret | None, before: Said) -> Document:
    """Return the lock key's document while an operation holds the sink. `before` is what the sink said until then.

    The pending value is at the document's own key, beside the lock. Without a value that key is absent.
    """
    document = Document({LOCK_KEY: {"state": "locked", **lock.tags(), **before.tags}})
    return document if value is None else document.with_value(key, value)


def idle_document(lock: Lock, outcome: str, told: Said) -> Document:
    """Return the lock key's document after an operation. It holds no value, but a copy of what the sink says."""
    said = {"state": "idle", "id": lock.id, "holder": lock.holder, "outcome": outcome}
    return Document({LOCK_KEY: {**said, **told.tags}})


def managed_tag(told: Said) -> dict[str, str]:
    """Return the lock key's tag that says whether the sink is managed.

    It survives a replacement of the sink's own tags.
    """
    return {MANAGED: "yes" if told.tags else "no"}


def is_idle_of(lock: Lock, entry: Entry) -> bool:
    """Return whether the lock key holds the idle record from this claim's release."""
    said = told(entry) or {}
    return said.get("state") == "idle" and bool(lock.holder) and said.get("holder") == lock.holder


def told(entry: Entry | None) -> Mapping[str, object] | None:
    """Return the bridge's part of a lock key's document. None: it has none."""
    return entry.document.object_at(LOCK_KEY) if entry and entry.document else None


def held_by(entry: Entry | None) -> Lock | None:
    """Return the lock in a lock key's document. None: it is idle, absent, or not ours."""
    inner = told(entry)
    return Lock.from_tags(inner) if inner is not None and inner.get("state") == "locked" else None


def is_ours(entry: Entry | None) -> bool:
    """Return whether a version of the lock key has the form of a lock or an idle record."""
    inner = told(entry)
    return inner is not None and (inner.get("state") == "idle" or held_by(entry) is not None)


def foreign(entry: Entry | None, path: str, key: str) -> str:
    """Describe what is at the lock key and is no operation on this key of the document. Empty: nothing is.

    An operation on another key of the same document counts as foreign too.
    """
    if entry is None or entry.document is None:
        return ""
    # In ASCII: these names are anybody's text, and are shown on a terminal.
    names = [ascii(name)[1:-1] for name in entry.document.keys if name != LOCK_KEY]
    told = f"{path} (v{entry.version}, {stamp(entry.created)}, keys: {', '.join(names[:SHOWN]) or 'none'})"
    if not is_ours(entry):
        return f"somebody else's text stands at {told}"
    if held_by(entry) and names and key not in entry.document.keys:
        return f"an operation on another key than '{key}' stands at {told}: name that key where it is yours (#KEY)"
    return ""


def texts(said: Mapping[str, object]) -> dict[str, str]:
    """Return the entries that are texts. Others may write a lock key's document, with any type in it."""
    return {name: text for name, text in said.items() if isinstance(text, str)}


def leftovers(lock_meta: Meta | None) -> tuple[int, ...]:
    """Return the readable versions below the latest one, newest first.

    Versions that a release kept on purpose are excluded, because their values may yet become live.
    """
    if lock_meta is None:
        return ()
    kept = {int(word) for word in lock_meta.tags.get(KEPT, "").split() if word.isdigit()}
    older = (n for n, (_, readable) in lock_meta.versions.items() if readable and n < lock_meta.current)
    return tuple(sorted((n for n in older if n not in kept), reverse=True))


def refusal(uri: str, config: MountConfig | None, meta: Meta | None) -> Refused | None:
    """Return why a key must not be managed with these settings, or None.

    The reasons are automatic deletion of versions, a required compare-and-set for metadata, and too few kept versions.
    """
    path = uri.partition("://")[2]
    on_mount, on_key = config.delete_version_after if config else "0s", meta.delete_version_after if meta else "0s"
    if not on_mount.startswith("-"):  # a negative time on the mount disables it for every key
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
    """Return how many versions the server keeps of a key: the larger of the key's setting and the mount's.

    Where neither has a setting, it is the server's default.
    """
    return max(meta.max_versions if meta else 0, config.max_versions if config else 0) or DEFAULT_MAX_VERSIONS


def version_in(tags: Mapping[str, str], name: str) -> int | None:
    """Return the version that a tag names, or None."""
    text = tags.get(name, "")
    return int(text) if text.isdigit() else None


def fallback_number(meta: Meta) -> int | None:
    """Return the version tagged as fallback, if it is older than the latest and can be read."""
    number = version_in(meta.tags, FALLBACK)
    if number is None or number >= meta.current or not meta.versions.get(number, (None, False))[1]:
        return None
    return number


def soft_deleted_in(meta: Meta) -> SoftDeleted | None:
    """Return what was retired softly. `kept` is true as long as the fallback's own version can be restored."""
    soft_deleted = SoftDeleted.from_tags(meta.tags)
    if soft_deleted is None:
        return None
    first = version_in({FALLBACK: soft_deleted.versions[0]}, FALLBACK) or 0
    readable = meta.versions.get(first, (None, False))[1]
    return replace(soft_deleted, kept=first < meta.current and (readable or first in meta.deleted))


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


def surveyed(
    uri: str, at: datetime, config: MountConfig | None, meta: Meta | None, lock_meta: Meta | None
) -> SinkState:
    """Return what metadata alone shows of a sink.

    The lock in the key's metadata counts only where it was written for the key's latest version.
    """
    state = without_lock(uri, at, config, meta, None)
    if lock_meta is None:
        return state
    named = version_in(lock_meta.tags, LOCK_VERSION)
    lock = Lock.from_tags(lock_meta.tags) if named == lock_meta.current else None
    # An idle key has one readable version beside what was kept, and that one is never the first. Otherwise a claim has
    # not been named yet, or a release has not been cleaned up.
    unsettled = lock is not None or bool(leftovers(lock_meta)) or lock_meta.current == 1
    made = lock_meta.versions.get(lock_meta.current, (None, False))[0]
    unsettled = state.unsettled or unsettled
    state = replace(state, lock=lock, claimed=made if lock else None, unsettled=unsettled, released=made)
    return with_memory(state, managed=lock is None and lock_meta.tags.get(MANAGED) == "yes")


def without_lock(
    uri: str, at: datetime, config: MountConfig | None, meta: Meta | None, former: str | None
) -> SinkState:
    """Return what the document's metadata shows, without regard to the lock key.

    `former` is the fallback that a seal names. None: no seal is valid, or none was checked.
    """
    if meta is None:
        return SinkState(uri, at, exists=False)
    record = Record.from_tags(meta.tags, former)
    current, fallback = version_in(meta.tags, CURRENT), fallback_number(meta)
    edits = meta.current - current if current is not None else 0  # negative: tagged, not written
    partly = record is None and (meta.tags.get(MANAGED_BY) == MANAGER or CURRENT in meta.tags)
    state = SinkState(
        uri,
        at,
        exists=meta.current > 0,
        history=_history(meta, managed=record is not None),
        manager=meta.tags.get(MANAGED_BY),
        record=record,
        unsettled=edits < 0,
        edits=max(edits, 0),
        room=None if fallback is None else version_limit(config, meta) - 1 - (meta.current - fallback),
        noted=noted(meta.tags),
        soft_deleted=soft_deleted_in(meta),
        stale=fallback is None and 0 < (version_in(meta.tags, FALLBACK) or 0) < meta.current,
    )
    return with_memory(state, managed=partly)


def with_memory(state: SinkState, *, managed: bool) -> SinkState:
    """Return the state with `wiped` set if the sink was managed and its tags do not say so any more."""
    if not managed or state.wiped or state.record or not state.exists or state.manager not in (None, MANAGER):
        return state
    return replace(state, wiped=True, notes=(*state.notes, WIPED))


def with_values(state: SinkState, main: Entry | None, values: Mapping[Stage, Secret], key: str) -> SinkState:
    """Return the state with the values at the sink's stages and the keys of its latest document."""
    document = main.document if main else None
    return replace(
        state,
        keys=document.keys if document else (),
        unusable=document.unusable(key) if document else "",
        values=values,
        drifted=drifted(state.record, values.get(Stage.CURRENT)),
    )


def with_lock(
    state: SinkState, lock: Lock | None, strange: str, entry: Entry | None, said: Said, copy: Said
) -> SinkState:
    """Return the state with what the lock key's document says. `state` has its values already.

    `said` is what is valid there, and `copy` is the lock key's copy of it.
    """
    before = copy.record
    state = with_memory(state, managed=lock is None and not strange and before is not None)
    return replace(
        state,
        lock=lock,
        foreign=strange,
        claimed=entry.created if entry and (lock or strange) else None,
        unsettled=state.unsettled or lock is not None or bool(strange),
        history=_with_pending(state.history, entry) if Stage.PENDING in state.values else state.history,
        released=(entry.changed or entry.created) if entry else None,
        remembered=before,
        snapshot=Mark(entry.version if entry else 0, is_ours(entry) and not strange, said, copy),
    )


def _with_pending(history: History, entry: Entry | None) -> History:
    if entry is None or entry.document is None:
        return history
    return history.added(Version(f"pending/{entry.version}", Stage.PENDING, entry.created))


def stages(state: SinkState) -> dict[str, str | None]:
    """Return the tags for the versions of current and fallback, as a sink was read."""
    found = {CURRENT: state.history.at(Stage.CURRENT), FALLBACK: state.history.at(Stage.FALLBACK)}
    return {name: version.id if version else None for name, version in found.items()}

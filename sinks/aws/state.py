"""Interprets AWS's answers, and decides what makes a sink unfit. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from sinks.aws.listing import FALLBACK, PENDING, Listing, chain_of, said_by
from sinks.aws.responses import Described
from sinks.document import Document
from sinks.errors import Busy, Refused
from sinks.record import MANAGED_BY, MANAGER, Lock, Record, SoftDeleted, drifted, noted, stamp
from sinks.seal import NOTHING, Said
from sinks.secret import Secret
from sinks.sibling_keys import next_of, previous_of, sibling_keys_written
from sinks.state import SinkState
from sinks.versions import History, Stage, Version

CURRENT_TAG, FALLBACK_TAG = "bridge_current", "bridge_fallback"
CHAIN_TAG, FROM_TAG = "bridge_lock_chain", "bridge_lock_from"
NONE = "-"
WIPED = "the tags of secret-bridge are gone: somebody replaced the secret's tags"
NAMELESS = "somebody whose name is not written yet"
LOCK_KEY = "secret-bridge-lock"
LOCK_START = f'{{"{LOCK_KEY}"'
SIZE_LIMIT = 65_536  # bytes (PutSecretValue, parameter SecretString)


@dataclass(frozen=True)
class Mark:
    """What a claim needs to know of the snapshot it is based on.

    These are the description, the listing that the compare-and-set is against, and what the sink says.
    """

    described: Described
    listing: Listing
    said: Said = NOTHING


def lock_text(lock: Lock) -> Secret:
    """Return the text of a lock without a value. It differs between holders, so that only one of them wins."""
    return Secret(json.dumps({LOCK_KEY: f"{lock.id} {lock.holder}"}))


def document_in(text: Secret, uri: str, *, bare: bool) -> Document | None:
    """Return the document in a version's text. None: it is a lock without a value.

    Raises:
        Refused: it is not JSON with keys, and the address asks for a key.
    """
    if text.reveal().startswith(LOCK_START):
        return None
    try:
        return Document.parse(text.reveal(), bare=bare)
    except ValueError as error:
        raise Refused(
            f"{uri} holds a text that is no set of keys ({error})",
            "add ?bare to the address: the whole text is the value",
        ) from None


def empty(*, bare: bool) -> Document:
    """Return an empty document."""
    return Document({}, bare="") if bare else Document({})


def text_of(document: Document, uri: str) -> Secret:
    """Return the text to store.

    Raises:
        Refused: it is longer than AWS accepts.
    """
    text = Secret(document.reveal_text())
    size = len(text.reveal().encode())
    if size > SIZE_LIMIT:
        raise Refused(
            f"the document at {uri} would be {size} bytes long; AWS takes {SIZE_LIMIT}", "move other keys out"
        )
    return text


def after_promotion(lock: Lock, document: Document, key: str | None, value: Secret) -> Document:
    """Return a document as a promotion leaves it, unless current or the fallback changes meanwhile."""
    former = None if lock.base in lock.ends else document.get(key)  # a value that ends is not passed on
    return sibling_keys_written(document, key, lock.sibling_keys, value, former=former)


def surveyed(uri: str, described: Described, listing: Listing) -> SinkState:
    """Return the state of a sink as metadata shows it.

    Its `snapshot` keeps the description and the listing, which the claim is compared against.
    """
    tags, pending = described.tags, listing.pending
    lock = described_lock(described, listing)
    record = Record.from_tags(tags)
    told = tags.get(CURRENT_TAG, NONE)
    wiped = record is None and lock is None and _was_managed(described, listing)
    return SinkState(
        uri=uri,
        at=listing.at,
        exists=described.exists,
        history=_history(listing, tags),
        manager=_manager(described),
        record=record,
        lock=lock,
        unnamed=labelled_lock(listing) if lock is None else None,
        foreign=unnamed(listing) if listing.foreign else "",
        claimed=_made(listing, pending),
        unsettled=pending is not None or bool(listing.left_over()),
        released=described.changed,
        edits=1 if record and listing.current not in (told, pending) else 0,
        wiped=wiped,
        noted=noted(tags),
        soft_deleted=_soft_deleted(tags, listing),
        notes=(*_notes(listing, lock), *((WIPED,) if wiped else ())),
        snapshot=Mark(described, listing),
    )


def _made(listing: Listing, version: str | None) -> datetime | None:
    found = listing.get(version)
    return found.created if found else None


def _soft_deleted(tags: Mapping[str, str], listing: Listing) -> SoftDeleted | None:
    soft_deleted = SoftDeleted.from_tags(tags)
    return replace(soft_deleted, kept=listing.get(soft_deleted.versions[0]) is not None) if soft_deleted else None


def _was_managed(described: Described, listing: Listing) -> bool:
    """Return whether the sink was managed, by what survives a replacement of tags and not a `forget`.

    Derived ids stay after a `forget`, so they prove nothing. Without any label or tag of ours it cannot be known.
    """
    if _manager(described) not in (None, MANAGER):
        return False
    # Tag tools replace all tags and leave labels alone, so a label of ours without a record is a trace.
    partly = described.tags.get(MANAGED_BY) == MANAGER or CURRENT_TAG in described.tags
    promoted = listing.label is not None and listing.pending == listing.current
    return partly or promoted or listing.holder(FALLBACK) is not None


def with_documents(state: SinkState, documents: Mapping[Stage, Document | None], key: str | None) -> SinkState:
    """Return the state with the values at the sink's stages."""
    found = {stage: document.get(key) for stage, document in documents.items() if document is not None}
    values = {stage: value for stage, value in found.items() if value is not None}
    document = documents.get(Stage.CURRENT)
    keys = document.keys if document else ()
    missing: tuple[str, ...] = ()
    if document is not None and key is not None and key not in keys:
        missing = (f"no key '{key}' in {state.uri}. Keys there: {', '.join(keys) or 'none'} (choose one with #KEY)",)
    exists = state.exists and document is not None  # a secret without a version, or with only a lock, is empty
    return replace(
        state,
        exists=exists,
        values=values,
        keys=keys,
        unusable=document.unusable(key) if document else "",
        drifted=exists and _drifted(state, values.get(Stage.CURRENT)),
        notes=(*state.notes, *missing),
    )


def wrong_key(documents: Mapping[Stage, Document | None], key: str | None, lock: Lock | None, uri: str) -> str | None:
    """Describe an operation that began with another key of the document. None: there is none.

    Its pending value is at its own key. The value that was current then, known by its fingerprint, was at that key too.
    """
    pending, found = documents.get(Stage.PENDING), [document for document in documents.values() if document]
    if pending is None:
        return None
    began: set[str] = set()
    if lock is not None and lock.base:
        beside = (next_of(key), previous_of(key)) if lock.sibling_keys else ()
        keys = {name for document in found for name in document.keys if name not in beside}
        values = {(name, v.fingerprint(lock.client_id)) for d in found for name in keys if (v := d.get(name))}
        began = {name for name, fingerprint in values if fingerprint == lock.base}
    if pending.get(key) is not None and (key is None or not began or key in began):
        return None
    names = ", ".join(sorted(began) if began else pending.keys)
    return f"an operation on another key than '{key}' stands at {uri} (keys: {names})"


def described_lock(described: Described, listing: Listing) -> Lock | None:
    """Return the lock, if its tags are written already. Tags of another operation do not describe it."""
    label = listing.label
    lock = Lock.from_tags(described.tags)
    # Tags come by a second call. Until then they are those of an earlier operation.
    if label is None or lock is None or described.tags.get(CHAIN_TAG) != chain_of(label):
        return None
    return said_by(label, lock)


def labelled_lock(listing: Listing) -> Lock | None:
    """Return what the label alone says of the lock. It names neither the actor nor the expected end."""
    version, label = listing.get(listing.holder(PENDING)), listing.label
    if version is None or label is None:
        return None
    made = version.created or listing.at
    plain = Lock("", chain_of(label), NAMELESS, made, made, "", "", ())
    return said_by(label, plain)


def _history(listing: Listing, tags: Mapping[str, str]) -> History:
    """Return the versions with their stages. There are none where labels contradict each other (see `refusal`)."""
    if listing.doubled():
        return History()
    stages = {
        fallback_in(listing, tags): Stage.FALLBACK,
        listing.pending: Stage.PENDING,
        listing.current: Stage.CURRENT,
    }
    return History(tuple(Version(v.id, stages.get(v.id), v.created) for v in listing.versions))


def fallback_in(listing: Listing, tags: Mapping[str, str]) -> str | None:
    """Return the fallback: by its label or, after an interrupted promotion, by the older tag."""
    # On current the label says that a promotion was interrupted: it moves before AWSCURRENT does.
    if listing.fallback or listing.holder(FALLBACK) is None:
        return listing.fallback
    told = listing.get(tags.get(FALLBACK_TAG))
    return told.id if told else None


def _manager(described: Described) -> str | None:
    tags = described.tags
    if described.owner:
        return f"the AWS service {described.owner}"
    if MANAGED_BY in tags:
        return tags[MANAGED_BY]
    if any(tag.startswith("aws:cloudformation:") for tag in tags):
        return f"CloudFormation (stack {tags.get('aws:cloudformation:stack-name', '?')})"
    return None


def _notes(listing: Listing, lock: Lock | None) -> tuple[str, ...]:
    return (unnamed(listing),) if listing.pending and lock is None else ()


def busy(uri: str, mark: Mark) -> Busy:
    """Return the error for a sink that another operation holds. It names the lock as far as it is written."""
    lock = described_lock(mark.described, mark.listing)
    what = "is held by another operation" if lock else unnamed(mark.listing)
    return Busy(f"{uri}: {what}" if lock is None else f"{uri} {what}", lock)


def unnamed(listing: Listing) -> str:
    """Describe the lock holder as far as versions alone show it."""
    version = listing.get(listing.holder(PENDING))
    if version is None:
        return "somebody else was faster"
    made = f"version {version.id}, made {stamp(version.created) if version.created else 'at an unknown time'}"
    if listing.label:
        return f"held by {NAMELESS} ({made})"
    return f"AWSPENDING stands on a version that secret-bridge did not make ({made})"


def _drifted(state: SinkState, current: Secret | None) -> bool:
    record, pending = state.record, state.unsettled and state.history.at(Stage.PENDING) is None
    return not pending and drifted(record, current)  # AWSPENDING on current means promoted, with tags still to come

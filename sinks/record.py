"""What a sink says about itself, as flat text tags. Vault and AWS use the same words.

Tags are at most 256 characters of letters, digits, space and `+ - = . _ : / @` (AWS's rule, the stricter one).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sinks.sibling_keys import SiblingKeys, afterwards

if TYPE_CHECKING:
    from sinks.secret import Secret

MANAGER = "secret-bridge"
MANAGED_BY = "managed-by"
TAG_LIMIT = 256
OWN_PREFIX = "bridge_"
NOTE_PREFIX = "bridge_note_"
OPERATION_NOTES = ("retirement", "anchor")  # left by operations that do not write the record anew
# The words in the vaults are a format: sinks of older versions hold them. So they differ from the names here.
SIBLING_KEYS_TAG = "bridge_companions"
AUDIT_TAG = "bridge_audit"
LOCK_PREFIX = "bridge_lock_"
SOFT_DELETED_TAG = "bridge_aside"

FINGERPRINT, VERSION = r"[0-9a-f]{16}", r"[0-9]{1,18}|[0-9a-fA-F-]{32,64}"
_TEXT, _TIME = r"[A-Za-z0-9 +\-=._:/@]+", r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]{8,15}(Z|\+00:00)"
LOCK_FIELDS: Mapping[str, str] = {
    "operation": r"[a-z][a-z-]{0,31}",
    "id": r"r-[A-Za-z0-9-]{1,64}",
    "actor": _TEXT,
    "holder": r"[A-Za-z0-9-]{1,64}",
    "started": _TIME,
    "expected_end": _TIME,
    "base": r"-|[0-9a-f]{16}",
    "ends": r"-|[0-9a-f]{16}( [0-9a-f]{16})*",
    "reason": _TEXT,
    "companions": "-|keep|end|were",
    "sinks": _TEXT,
    "client_id": _TEXT,
    "tenant": _TEXT,
}
"""The fields of a lock by name without the prefix, with the form of each. "-" means that a field is empty."""


def stamp(moment: datetime) -> str:
    """Format a time as RFC 3339 in UTC with milliseconds."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def unstamp(text: str | None) -> datetime | None:
    """Parse such a time. Return None for an absent or malformed text."""
    try:
        moment = datetime.fromisoformat(text) if text else None
    except ValueError:
        return None
    return moment.replace(tzinfo=UTC) if moment and moment.tzinfo is None else moment


def tag_text(text: str) -> str:
    """Reduce a text to what both vaults accept in a tag."""
    return re.sub(r"[^A-Za-z0-9 +\-=._:/@]", "_", text)[:TAG_LIMIT]


def sinks_tag(uris: tuple[str, ...]) -> str:
    """Format a list of sinks, sorted, as one tag. A list that is too long becomes a digest."""
    text = tag_text(" ".join(sorted(uris)))
    if len(" ".join(uris)) > TAG_LIMIT:
        return "sha256:" + hashlib.sha256(" ".join(sorted(uris)).encode()).hexdigest()
    return text


def noted(tags: Mapping[str, str]) -> dict[str, str]:
    """Return the notes among tags (`Sink.note`), by name without the prefix."""
    return {name.removeprefix(NOTE_PREFIX): text for name, text in tags.items() if name.startswith(NOTE_PREFIX)}


def note_tags(notes: Mapping[str, str | None]) -> dict[str, str | None]:
    """Return notes as tags. None removes a note."""
    return {f"{NOTE_PREFIX}{name}": text and tag_text(text) for name, text in notes.items()}


@dataclass(frozen=True)
class SoftDeleted:
    """A fallback that was retired softly: the fingerprint of its value, and its versions, the fallback's own first.

    `kept`: the vault can still restore them.
    """

    fingerprint: str
    versions: tuple[str, ...]
    kept: bool = True

    def tag(self) -> str:
        """Return it as a tag. Where the versions exceed a tag's length, the last ones are left out."""
        return _fit((self.fingerprint, *self.versions), " ")

    @classmethod
    def from_tags(cls, tags: Mapping[str, str]) -> SoftDeleted | None:
        """Parse it from tags. Return None where there is none, or none of the right form."""
        fingerprint, *versions = _filled(tags, SOFT_DELETED_TAG).split() or [""]
        known = tuple(version for version in versions if re.fullmatch(VERSION, version))
        return cls(fingerprint, known) if known and re.fullmatch(FINGERPRINT, fingerprint) else None


@dataclass(frozen=True)
class Lock:
    """An operation that holds a sink: everything that the next operation needs to know about it."""

    operation: str
    """Name of the operation, for example `rotate`."""
    id: str
    """The rotation's id."""
    actor: str
    """Who runs the operation."""
    started: datetime
    """When the operation began."""
    expected_end: datetime
    """After this moment (the vault's time) the lock holder counts as dead."""
    client_id: str
    """The client whose secret it is."""
    tenant: str
    """The Auth0 tenant of the client."""
    sinks: tuple[str, ...]
    """The complete list of the client's sinks."""
    base: str = ""
    """Fingerprint of the value that was current when the operation began."""
    ends: tuple[str, ...] = ()
    """Fingerprints of values that the operation makes unreadable at its end: an open fallback's, or a leaked one's."""
    holder: str = ""
    """The holder's word, new for each claim and takeover. By it alone a process recognizes its own lock."""
    reason: str = ""
    """The reason that the user gave."""
    sibling_keys: SiblingKeys = SiblingKeys.NONE
    """What the operation does about sibling keys (`sinks.sibling_keys`)."""

    def tags(self) -> dict[str, str]:
        """Return the lock as tags."""
        return {
            "bridge_lock_operation": self.operation,
            "bridge_lock_id": self.id,
            "bridge_lock_actor": tag_text(self.actor),
            "bridge_lock_holder": self.holder or "-",
            "bridge_lock_started": stamp(self.started),
            "bridge_lock_expected_end": stamp(self.expected_end),
            "bridge_lock_base": self.base or "-",
            "bridge_lock_ends": _fit(self.ends, " ") or "-",
            "bridge_lock_reason": tag_text(self.reason) or "-",
            "bridge_lock_companions": self.sibling_keys or "-",
            "bridge_lock_sinks": sinks_tag(self.sinks),
            "bridge_lock_client_id": tag_text(self.client_id),
            "bridge_lock_tenant": tag_text(self.tenant),
        }

    @classmethod
    def from_tags(cls, tags: Mapping[str, object]) -> Lock | None:
        """Parse a lock. Return None where there is none, or a text that no version of the bridge writes.

        Others may write here, so this is the only parser. What it accepts is displayed and compared, and never
        executed.
        """
        told: dict[str, str] = {}
        for name, form in LOCK_FIELDS.items():
            text = tags.get(f"{LOCK_PREFIX}{name}", "-")
            if not isinstance(text, str) or len(text) > TAG_LIMIT or not re.fullmatch(form, text):
                return None
            told[name] = "" if text == "-" else text
        started, end = unstamp(told["started"]), unstamp(told["expected_end"])
        if started is None or end is None:
            return None
        return cls(
            operation=told["operation"],
            id=told["id"],
            actor=told["actor"],
            started=started,
            expected_end=end,
            client_id=told["client_id"],
            tenant=told["tenant"],
            sinks=tuple(told["sinks"].split()),
            base=told["base"],
            ends=tuple(told["ends"].split()),
            holder=told["holder"],
            reason=told["reason"],
            sibling_keys=SiblingKeys(told["companions"]),
        )


@dataclass(frozen=True)
class Record:
    """What a managed sink remembers: its client, the sinks that belong together, and since when its value is live."""

    client_id: str
    """The client whose secret it is."""
    tenant: str
    """The Auth0 tenant of the client."""
    sinks: tuple[str, ...]
    """The complete list of the client's sinks."""
    rotation: str
    """The id of the operation that made the value current."""
    promoted_at: datetime
    """When the value became current."""
    age_is_minimum: bool = False
    """The value is *at least* that old, because it was there before the bridge was."""
    log: tuple[str, ...] = ()
    """The latest changes, newest first, as "ID TIME OPERATION ACTOR"."""
    recent: tuple[str, ...] = ()
    """Fingerprints of the latest values, newest first."""
    sibling_keys: SiblingKeys = SiblingKeys.NONE
    """Whether the documents hold the other candidates too, or did (`sinks.sibling_keys`)."""
    audit: str = ""
    """Anchor of the audit record's line that began the latest change, where one is kept. Old ones stay."""
    former: str | None = None
    """The fallback's fingerprint in the seal (`sinks.seal`). "": no fallback. With "@": unproven. None: no seal."""

    @property
    def fallback(self) -> str:
        """The fingerprint of the fallback's value that a seal names, proven or not. Empty where none does."""
        return (self.former or "").removeprefix("@")

    @classmethod
    def first(cls, lock: Lock, at: datetime, value: Secret | None = None) -> Record:
        """Return the record of a sink that an operation gives its first value."""
        client_ref = lock.client_id, lock.tenant, lock.sinks
        recent = (value.fingerprint(lock.client_id),) if value else ()
        beside = afterwards(lock.sibling_keys)
        return cls(*client_ref, lock.id, at, age_is_minimum=True, recent=recent, sibling_keys=beside, former="")

    def tags(self) -> dict[str, str]:
        """Return the record as tags."""
        return {
            MANAGED_BY: MANAGER,
            "bridge_client_id": tag_text(self.client_id),
            "bridge_tenant": tag_text(self.tenant),
            "bridge_sinks": sinks_tag(self.sinks),
            "bridge_rotation": self.rotation,
            "bridge_promoted_at": stamp(self.promoted_at),
            "bridge_age": "at least" if self.age_is_minimum else "exact",
            "bridge_log": _fit(self.log, " / ") or "-",
            "bridge_recent": _fit(self.recent[:4], " ") or "-",
            SIBLING_KEYS_TAG: self.sibling_keys or "-",
            **({AUDIT_TAG: tag_text(self.audit)} if self.audit else {}),
        }

    @classmethod
    def from_tags(cls, tags: Mapping[str, str], former: str | None = None) -> Record | None:
        """Parse a record. Return None where the bridge does not manage the sink, or the tags are not complete.

        `former` is the fallback that a seal over these tags names. None: no seal is valid.
        """
        promoted = unstamp(tags.get("bridge_promoted_at"))
        if tags.get(MANAGED_BY) != MANAGER or promoted is None or "bridge_sinks" not in tags:
            return None
        log, recent = tags.get("bridge_log", "-"), tags.get("bridge_recent", "-")
        return cls(
            client_id=tags.get("bridge_client_id", ""),
            tenant=tags.get("bridge_tenant", ""),
            sinks=tuple(tags["bridge_sinks"].split()),
            rotation=tags.get("bridge_rotation", "-"),
            promoted_at=promoted,
            age_is_minimum=tags.get("bridge_age") == "at least",
            log=() if log == "-" else tuple(log.split(" / ")),
            recent=tuple(word for word in recent.split() if re.fullmatch(FINGERPRINT, word)),
            sibling_keys=_sibling_keys(tags, SIBLING_KEYS_TAG),
            audit=_filled(tags, AUDIT_TAG),
            former=former,
        )


def drifted(record: Record | None, current: Secret | None) -> bool:
    """Return whether current is missing, or is another value than the one that the bridge put there."""
    if record is None:
        return False
    return current is None or bool(record.recent and current.fingerprint(record.client_id) != record.recent[0])


def _sibling_keys(tags: Mapping[str, str], name: str) -> SiblingKeys:
    """Return what a tag says of sibling keys. An unknown word, perhaps of a later version, counts as `KEEP`."""
    text = _filled(tags, name)
    return SiblingKeys(text) if text in {*SiblingKeys} else SiblingKeys.KEEP


def _filled(tags: Mapping[str, str], name: str) -> str:
    text = tags.get(name, "-")
    return "" if text == "-" else text


def _fit(items: tuple[str, ...], separator: str) -> str:
    text = ""
    for item in items:
        longer = f"{text}{separator}{item}" if text else item
        if len(longer) > TAG_LIMIT:
            break
        text = longer
    return tag_text(text)

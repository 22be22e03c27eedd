"""The seal proves that the bridge wrote a sink's tags, and names the value that was the fallback. Pure.

`bridge_seal` is `1.SEQ.FALLBACK.MAC`. Only a process that knows the current value can make it. Others may be able to
write tags without knowing that value. SEQ grows with every operation, so that older tags cannot come back. FALLBACK is
the fingerprint of the fallback's value, or "-" where there is none. An "@" before it means that nobody has seen Auth0
accept that value.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sinks.record import AUDIT_TAG, MANAGED_BY, SIBLING_KEYS_TAG, SOFT_DELETED_TAG, Record, SoftDeleted

if TYPE_CHECKING:
    from sinks.secret import Secret

SEAL_TAG = "bridge_seal"
# The version is part of what is signed. A seal of another format can therefore never pass for one of this.
CONTEXT = "secret-bridge seal 1"
FORM = re.compile(r"1\.([0-9]{1,18})\.(-|@?[0-9a-f]{16})\.([A-Za-z0-9_-]{43})")
CLIENT, TENANT, RECENT = "bridge_client_id", "bridge_tenant", "bridge_recent"
COVERED = (
    MANAGED_BY,
    CLIENT,
    TENANT,
    "bridge_sinks",
    "bridge_rotation",
    "bridge_promoted_at",
    "bridge_age",
    "bridge_log",
    RECENT,
    AUDIT_TAG,
    SOFT_DELETED_TAG,
)
"""The tags that the seal covers, in their order in it. `bridge_current` and `bridge_fallback` are hints."""
UNPROVEN = "@"


@dataclass(frozen=True)
class Where:
    """Where the tags belong: the sink by its name, and the key of its document.

    The seal covers both, so tags that are copied to another sink or key prove nothing there. `key` is None where the
    whole text is the value.
    """

    uri: str
    key: str | None


@dataclass(frozen=True)
class Said:
    """What a sink says about itself, as its tags are stored. Empty where the sink is not managed.

    `former` is the fallback that the seal over them names (`Record.former`), None where no seal is valid. `sequence` is
    the seal's sequence number.
    """

    tags: Mapping[str, str] = field(default_factory=dict)
    former: str | None = None
    sequence: int = 0

    @property
    def record(self) -> Record | None:
        """The tags as a record."""
        return Record.from_tags(self.tags, self.former)

    @property
    def fallback(self) -> str:
        """The fingerprint of the fallback's value that the seal names, proven or not.

        Empty where the seal names none, and where no seal is valid.
        """
        return (self.former or "").removeprefix(UNPROVEN)

    @property
    def unsealed(self) -> Said:
        """The same tags without a seal."""
        return Said({name: text for name, text in self.tags.items() if name != SEAL_TAG})

    @property
    def whole(self) -> dict[str, str | None]:
        """All covered tags, for writing.

        None removes a tag that must not be there. Another writer may have added it, and the seal says that it is
        absent.
        """
        return {**dict.fromkeys((*COVERED, SEAL_TAG)), **self.tags}

    @property
    def is_soft_deleted(self) -> bool:
        """Whether the fallback that the seal names was retired softly and has not ended yet.

        Its value cannot be read then, so no version can be found by it.
        """
        soft_deleted = SoftDeleted.from_tags(self.tags)
        return soft_deleted is not None and soft_deleted.fingerprint == self.fallback

    def changed(
        self, changes: Mapping[str, str | None], where: Where, current: Secret | None, sequence: int, former: str | None
    ) -> Said:
        """Return it with `changes` applied, and sealed anew.

        It has no seal where `former` is None or there is no current value. Only covered tags and the sibling keys' are
        changed.
        """
        both = {**self.tags, **{name: changes[name] for name in (*COVERED, SIBLING_KEYS_TAG) if name in changes}}
        tags = {name: text for name, text in both.items() if text is not None and name != SEAL_TAG}
        if former is None or current is None:
            return Said(tags)
        words = str(sequence), former or "-"
        seal = ".".join(("1", *words, _mac(tags, where, current, words)))
        return Said({**tags, SEAL_TAG: seal}, former, sequence)


NOTHING = Said()


def doubted(former: str | None) -> str | None:
    """Return a fallback that a seal names, marked as unproven.

    None and "" stay as they are.
    """
    return UNPROVEN + former.removeprefix(UNPROVEN) if former else former


def kept(tags: Mapping[str, str]) -> dict[str, str]:
    """Return the tags that a sink says about itself: those that a seal covers, the seal, and the sibling keys.

    Notes, locks, `bridge_current` and `bridge_fallback` are not among them.
    """
    return {name: tags[name] for name in (*COVERED, SIBLING_KEYS_TAG, SEAL_TAG) if name in tags}


def said(tags: Mapping[str, str], where: Where, current: Secret | None, highest: int | None = None) -> Said:
    """Return what tags say, and whether their seal is valid under the current value.

    `highest` is the highest sequence number that is possible by now. None: there is no limit.
    """
    if Record.from_tags(tags) is None:
        return NOTHING
    # An invalid seal is not copied anywhere, because it might be valid there.
    unsealed, found = Said(kept(tags)).unsealed, FORM.fullmatch(tags.get(SEAL_TAG, ""))
    # A sequence that is not possible yet was made up by a process that knows the value and wants its seal to win.
    if found is None or current is None or (highest is not None and int(found[1]) > highest):
        return unsealed
    # The newest value in the record must be the current one. Otherwise the record is about another promotion.
    if tags.get(RECENT, "").split()[:1] != [current.fingerprint(tags.get(CLIENT, ""))]:
        return unsealed
    # In constant time: otherwise a writer of tags could find a MAC byte by byte from how long a refusal takes.
    if not hmac.compare_digest(found[3], _mac(tags, where, current, (found[1], found[2]))):
        return unsealed
    return Said(kept(tags), former="" if found[2] == "-" else found[2], sequence=int(found[1]))


def _mac(tags: Mapping[str, str], where: Where, current: Secret, words: tuple[str, str]) -> str:
    """Return the MAC over everything covered.

    Each item comes with its name and length, so that two items cannot be read as one.
    """
    client, key = tags.get(CLIENT, ""), "?bare" if where.key is None else f"#{where.key}"
    named = ("uri", where.uri), ("key", key), ("client", client), ("tenant", tags.get(TENANT, ""))
    items = (("kind", "tags"), *named, *zip(("seq", "fb"), words, strict=True), *((n, tags.get(n)) for n in COVERED))
    text = f"{CONTEXT}\n" + "".join(
        f"{name}={'-' if told is None else f'{len(told.encode())}:{told}'}\n" for name, told in items
    )
    code = hmac.digest(_key(current, client), text.encode(), hashlib.sha256)
    return base64.urlsafe_b64encode(code).decode().rstrip("=")


def _key(current: Secret, client: str) -> bytes:
    """Derive the key from the current value and the client's id (HKDF-SHA256 with one block, RFC 5869).

    The value itself is never the key of a MAC that others can read.
    """
    extracted = hmac.digest(CONTEXT.encode(), current.reveal().encode(), hashlib.sha256)
    return hmac.digest(extracted, client.encode() + b"\x01", hashlib.sha256)

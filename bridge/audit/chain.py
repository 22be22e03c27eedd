"""The chain: each line says the mark of the line before it, and carries its own, made over all of its text.

With a key the mark is HMAC-SHA256, without one SHA-256, of which 128 bits are kept. Edits, removals and another order
break it. Whoever holds the key (without one: anybody) can make a chain anew, which only an anchor shows.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sinks.secret import Secret

SCHEMA = 1
DIGITS = 32  # hexadecimal, of a mark
KEYLESS = "-"
NOTHING = "-"
"""What the first line says of the line before it."""
KEY_LABEL = b"secret-bridge audit key"
LEAST_KEY = 16  # characters

_MAC = f"[0-9a-f]{{{DIGITS}}}"
_SEALED = re.compile(rf'(\{{.*),"mac":"({_MAC})"\}}'.encode())
_HEAD = re.compile(rf"(\d{{1,18}}):({_MAC})")


@dataclass(frozen=True)
class Head:
    """A line's number and mark: told elsewhere, an anchor."""

    seq: int
    mac: str

    def __str__(self) -> str:
        return f"{self.seq}:{self.mac}"


START = Head(0, NOTHING)


def head_in(text: str) -> Head | None:
    """Read SEQ:MAC; None where it is not that."""
    found = _HEAD.fullmatch(text.strip())
    return Head(int(found.group(1)), found.group(2)) if found else None


@dataclass(frozen=True)
class Line:
    """One line as it stands in a file: what it says, and the text that its mark was made over."""

    told: Mapping[str, Any]
    sealed: bytes
    head: Head
    before: str
    key: str


def read_line(text: bytes) -> Line | None:
    """Take a line apart; None where it is not a whole one."""
    found = _SEALED.fullmatch(text.rstrip(b"\n"))
    if found is None:
        return None
    sealed, mac = found.group(1) + b"}", found.group(2).decode()
    try:
        told = json.loads(sealed)
    except (ValueError, RecursionError):
        return None
    match told:
        case {"seq": int(seq), "prev": str(before), "key": str(key)}:
            return Line(told, sealed, Head(seq, mac), before, key)
    return None


class Chain:
    """Makes and checks marks. `key_id` tells keys apart, and tells nothing of a key that cannot be guessed."""

    def __init__(self, key: Secret | None) -> None:
        self._key = key
        self.key_id = self._mark(KEY_LABEL)[:8] if key else KEYLESS

    def seal(self, told: Mapping[str, Any], after: Head) -> tuple[bytes, Head]:
        """Return what comes after `after` as a line, and its head."""
        links = {"schema": SCHEMA, "seq": after.seq + 1, "prev": after.mac, "key": self.key_id}
        text = json.dumps({**links, **told}, separators=(",", ":")).encode()
        mac = self._mark(text)
        return text[:-1] + b',"mac":"%s"}\n' % mac.encode(), Head(after.seq + 1, mac)

    def made(self, line: Line) -> bool:
        """Tell whether a line's text is the one that its mark was made over, with this key."""
        return line.key == self.key_id and hmac.compare_digest(self._mark(line.sealed), line.head.mac)

    def _mark(self, text: bytes) -> str:
        if self._key is None:
            return hashlib.sha256(text).hexdigest()[:DIGITS]
        return hmac.new(self._key.reveal().encode(), text, hashlib.sha256).hexdigest()[:DIGITS]

"""The hash chain of the audit record: each line holds the mark of the line before it, and its own mark.

A line's mark is made over all of its text. It is HMAC-SHA256 with a key, and SHA-256 without one, cut to 128 bits.
Edits, removals and another order break the chain. A holder of the key can make a new valid chain, and without a key
every writer can. Only an anchor, a mark that is kept elsewhere, shows that.
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
# An anchor is copied by hand and put into metadata of limited size, so the mark
# is cut. 128 bits are still far beyond guessing.
DIGITS = 32  # hexadecimal digits of a mark: 128 bits
KEYLESS = "-"
NOTHING = "-"
"""The mark that the first line names as the one before it."""
KEY_LABEL = b"secret-bridge audit key"
"""The text whose mark, made with a key, yields the key's id."""
LEAST_KEY = 16  # characters

_MAC = f"[0-9a-f]{{{DIGITS}}}"
# The text up to the mark is taken as it stands in the file. Parsing and writing it again
# could change a byte, and a genuine line would look edited.
_SEALED = re.compile(rf'(\{{.*),"mac":"({_MAC})"\}}'.encode())
_HEAD = re.compile(rf"(\d{{1,18}}):({_MAC})")


@dataclass(frozen=True)
class Head:
    """A line's number and mark, written as `SEQ:MAC`.

    A head that is kept outside of the record is an anchor: it proves that this line was in the record.
    """

    seq: int
    mac: str

    def __str__(self) -> str:
        return f"{self.seq}:{self.mac}"


START = Head(0, NOTHING)


def head_in(text: str) -> Head | None:
    """Return the head that a text `SEQ:MAC` means, or None if the text has another form.

    White space around the text is ignored. The result proves nothing until a record is checked against it.
    """
    # `fullmatch`, because an anchor with something left over was copied wrongly, and must not pass as another one.
    found = _HEAD.fullmatch(text.strip())
    return Head(int(found.group(1)), found.group(2)) if found else None


@dataclass(frozen=True)
class Line:
    """One line of a file, taken apart.

    `told` is its content, and `sealed` the exact text that its mark was made over. `before` is the mark of the line
    before it, and `key` the id of the key that made its mark.
    """

    told: Mapping[str, Any]
    sealed: bytes
    head: Head
    before: str
    key: str


def read_line(text: bytes) -> Line | None:
    """Take a line apart, or return None if it is not a whole line.

    The mark is not checked here (see `Chain.made`).
    """
    found = _SEALED.fullmatch(text.rstrip(b"\n"))
    if found is None:
        return None
    sealed, mac = found.group(1) + b"}", found.group(2).decode()
    try:
        told = json.loads(sealed)
    # Others may write to the file. JSON that is nested too deep must count
    # as a torn line, and not end the verification.
    except (ValueError, RecursionError):
        return None
    match told:
        case {"seq": int(seq), "prev": str(before), "key": str(key)}:
            return Line(told, sealed, Head(seq, mac), before, key)
    return None


class Chain:
    """Makes and checks marks with one key, or without a key.

    `key_id` distinguishes keys. It reveals nothing about a key, as long as the key cannot be guessed.
    """

    def __init__(self, key: Secret | None) -> None:
        self._key = key
        # The id lets a reader tell "edited" from "made with another key", without
        # which a changed key would look like tampering.
        self.key_id = self._mark(KEY_LABEL)[:8] if key else KEYLESS

    def seal(self, told: Mapping[str, Any], after: Head) -> tuple[bytes, Head]:
        """Return the line that follows the head `after`, as bytes with a line break, and its own head.

        The mark is the last key of the JSON object, because it covers all the text before it.
        """
        links = {"schema": SCHEMA, "seq": after.seq + 1, "prev": after.mac, "key": self.key_id}
        text = json.dumps({**links, **told, **links}, separators=(",", ":")).encode()
        mac = self._mark(text)
        return text[:-1] + b',"mac":"%s"}\n' % mac.encode(), Head(after.seq + 1, mac)

    def made(self, line: Line) -> bool:
        """Return whether a line's mark was made over its text with this key.

        It is False for a line that was made with another key, whether it was edited or not.
        """
        # A comparison in constant time, because the time of a plain one tells a forger how many digits were right.
        return line.key == self.key_id and hmac.compare_digest(self._mark(line.sealed), line.head.mac)

    def _mark(self, text: bytes) -> str:
        if self._key is None:
            return hashlib.sha256(text).hexdigest()[:DIGITS]
        return hmac.new(self._key.reveal().encode(), text, hashlib.sha256).hexdigest()[:DIGITS]

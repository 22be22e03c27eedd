"""The text of a JSON object, taken apart at its keys. Pure.

A document belongs to its user. Parsing it and writing it again would change texts that mean the same to Python and not
to everybody: `1.10`, `1E5`, numbers of any length, escapes, a key that occurs twice. So only the texts of single values
are replaced, and everything between them stays as it is.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

_SPACE = re.compile(r"[ \t\n\r]*")
_EMPTY_START, _EMPTY_END = "{", "}"


class Number(NamedTuple):
    """A number as it is written. Two spellings of one number are different, because a store may keep either."""

    text: str


_VALUES = json.JSONDecoder(parse_float=Number, parse_int=Number, parse_constant=Number)
# As pairs, because a key that occurs twice is part of the text. Sorted, because the order of keys has no meaning.
_COMPARABLE = json.JSONDecoder(
    parse_float=Number,
    parse_int=Number,
    parse_constant=Number,
    object_pairs_hook=lambda pairs: tuple(sorted(pairs, key=lambda pair: pair[0])),
)


@dataclass(frozen=True)
class Member:
    """One key of an object with its value, as they are written.

    The text of the object is `{`, its members with commas between them, and `}`. White space belongs to the member
    beside it.
    """

    name: str
    """The key, decoded."""
    before: str
    """From the comma or bracket before it up to its value: white space, the key as it is written, and the colon."""
    value: str
    """The value's own text."""
    after: str = ""
    """White space up to the next comma or bracket."""

    @property
    def text(self) -> str:
        """The member as it is written."""
        return f"{self.before}{self.value}{self.after}"


@dataclass(frozen=True)
class JsonObject:
    """An object, as it is written. `start` and `end` are its brackets, with the white space around the object."""

    members: tuple[Member, ...] = ()
    start: str = _EMPTY_START
    end: str = _EMPTY_END

    @classmethod
    def parse(cls, text: str) -> JsonObject:
        """Take a text apart.

        Raises:
            ValueError: the text is not a JSON object, or is nested too deeply. The message quotes nothing of it.
        """
        try:
            return _parsed(text)
        except TypeError:
            raise ValueError("JSON, but not an object") from None
        except ValueError:
            # `from None`, because the error of `json` holds the whole text.
            raise ValueError("not JSON") from None
        except RecursionError:
            raise ValueError("JSON that is nested too deeply") from None

    @property
    def text(self) -> str:
        """The object as it is written."""
        return f"{self.start}{','.join(member.text for member in self.members)}{self.end}"

    def value(self, name: str) -> Any:
        """Return the value at a key, decoded, or None if there is none. Numbers are `Number`.

        Of a key that occurs twice the last value counts, as in every usual parser.
        """
        texts = [member.value for member in self.members if member.name == name]
        return _VALUES.decode(texts[-1]) if texts else None

    def raw(self, name: str) -> str | None:
        """Return the text of the value at a key, or None if there is none."""
        return next((member.value for member in reversed(self.members) if member.name == name), None)

    def with_text(self, name: str, value: str) -> JsonObject:
        """Return a copy with the text `value` at a key, which is added at the end if there is none.

        A key that occurs twice gets it at both places, because some parsers take the first.
        """
        if any(member.name == name for member in self.members):
            members = (replace(m, value=value) if m.name == name else m for m in self.members)
            return replace(self, members=tuple(members))
        key = f"{json.dumps(name)}: "
        if not self.members:
            return JsonObject((Member(name, key, value),))
        # The new member is laid out as the last one is.
        *others, last = self.members
        space = last.before[: _after_space(last.before, 0)] or ("" if others else " ")
        added = Member(name, f"{space}{key}", value, last.after)
        return replace(self, members=(*others, replace(last, after=""), added))

    def without(self, names: frozenset[str]) -> JsonObject:
        """Return a copy without these keys. A key that is not there is ignored."""
        return replace(self, members=tuple(member for member in self.members if member.name not in names))

    def comparable(self) -> object:
        """Return what is equal for two texts that a store may exchange: the order of keys and white space differ."""
        return _COMPARABLE.decode(self.text)


def written(value: object) -> str:
    """Return the JSON text of a value. It is in UTF-8 as it is, since escapes would make it longer."""
    text = json.dumps(value, ensure_ascii=False)
    # Half of a surrogate pair can only be written as an escape.
    return text if text.isascii() or not any("\ud800" <= c <= "\udfff" for c in text) else json.dumps(value)


def _parsed(text: str) -> JsonObject:
    # The whole text is checked first. So the steps below meet valid JSON only.
    if not isinstance(_VALUES.decode(text), dict):
        raise TypeError
    at = _after_space(text, 0) + 1  # behind the bracket
    start = text[:at]
    members: list[Member] = []
    while not members or text[at] == ",":
        at += bool(members)
        name_at = _after_space(text, at)
        if text[name_at] == _EMPTY_END:  # no member at all
            break
        name, name_end = _VALUES.raw_decode(text, name_at)
        value_at = _after_space(text, _after_space(text, name_end) + 1)  # behind the colon
        _, value_end = _VALUES.raw_decode(text, value_at)
        after = _after_space(text, value_end)
        members.append(Member(name, text[at:value_at], text[value_at:value_end], text[value_end:after]))
        at = after
    return JsonObject(tuple(members), start, text[at:])


def _after_space(text: str, at: int) -> int:
    return _SPACE.match(text, at).end()  # type: ignore[union-attr]  # the pattern matches nothing as well

"""The document stored at a sink: the user's keys, with the bridge's among them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NoReturn

from sinks.json_object import JsonObject, Number, written
from sinks.secret import Secret

EMPTY_TEXT, NULL = "an empty text", "null"
"""What `Document.unusable` says of a key that holds nothing yet."""


def _is_unicode(text: str) -> bool:
    # JSON can contain half of a surrogate pair, which is a `str` in Python and cannot be sent to any server.
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


class Document:
    """A stored document, masked like a `Secret`, because its other keys may hold secrets too.

    A bare document (AWS only) is one text without keys: the text is the value.
    """

    __slots__ = ("_bare", "_object")
    __hash__ = None  # type: ignore[assignment]  # holds secrets

    def __init__(self, data: Mapping[str, Any] | JsonObject, *, bare: str | None = None) -> None:
        self._object = data if isinstance(data, JsonObject) else JsonObject.parse(written(dict(data)))
        self._bare = bare

    @classmethod
    def of(cls, key: str | None, value: Secret) -> Document:
        """Return a new document that holds only `value`. It is bare when `key` is None."""
        return cls({}, bare="-").with_value(None, value) if key is None else cls({}).with_value(key, value)

    @classmethod
    def parse(cls, text: str, *, bare: bool) -> Document:
        """Parse a stored text.

        Raises:
            ValueError: the document is not bare, and the text is not a JSON object. The message quotes nothing of it.
        """
        if not _is_unicode(text):
            raise ValueError("not valid Unicode")
        return cls({}, bare=text) if bare else cls(JsonObject.parse(text))

    @property
    def keys(self) -> tuple[str, ...]:
        """The names of the keys, sorted. A bare document has none.

        Names are shown in messages, and values never are.
        """
        return tuple(sorted({member.name for member in self._object.members}))

    def get(self, key: str | None) -> Secret | None:
        """Return the value at `key`, or the whole text when `key` is None.

        Returns None where there is no value that can be sent: no such key, not a text, empty, or not valid Unicode.
        """
        text = self._bare if key is None else self._object.value(key)
        return Secret(text) if isinstance(text, str) and text and _is_unicode(text) else None

    def unusable(self, key: str | None) -> str:
        """Return what stands at `key` instead of a value, in words, or "" where a value or nothing does."""
        if key is None or key not in self.keys or self.get(key) is not None:
            return ""
        found = self._object.value(key)
        if isinstance(found, str):
            return "text that is not valid Unicode" if found else EMPTY_TEXT
        kinds = ((bool, "true or false"), (Number, "a number"), (list, "an array"), (dict, "an object"))
        return next((words for kind, words in kinds if isinstance(found, kind)), NULL)

    def lacks(self, key: str, uri: str) -> str:
        """Return the sentence for a reader that finds no value at `key`, with what stands there or the other keys."""
        if unusable := self.unusable(key):
            return f"the key '{key}' in {uri} holds {unusable}, and not a text"
        return f"no key '{key}' in {uri}. Keys there: {', '.join(self.keys) or 'none'}"

    def object_at(self, key: str) -> Mapping[str, Any] | None:
        """Return the value at `key` where it is an object, else None. Its numbers are `json_object.Number`."""
        value = self._object.value(key)
        return value if isinstance(value, dict) else None

    def with_value(self, key: str | None, value: Secret) -> Document:
        """Return a copy with only the value at `key` replaced.

        Foreign keys keep their texts. With `key` None the copy is a bare document that is `value`.
        """
        if key is None:
            return Document({}, bare=value.reveal())
        return Document(self._object.with_text(key, written(value.reveal())))

    def without(self, *keys: str) -> Document:
        """Return a copy without these keys.

        A key that is not there is ignored. A bare document stays as it is.
        """
        return Document(self._object.without(frozenset(keys)), bare=self._bare)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Document):
            return NotImplemented
        return (self._object.comparable(), self._bare) == (other._object.comparable(), other._bare)

    def reveal_text(self) -> str:
        """Return the text to store: JSON, or the bare text itself."""
        return self._object.text if self._bare is None else self._bare

    def __repr__(self) -> str:
        return "Document(***)"

    def _refuse(self, *_: object) -> NoReturn:
        raise TypeError("a Document cannot be copied or pickled")

    __copy__ = __deepcopy__ = __reduce__ = __reduce_ex__ = __getstate__ = _refuse

"""The document stored at a sink: the user's keys, with the bridge's among them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NoReturn

from sinks.secret import Secret


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

    __slots__ = ("_bare", "_data")
    __hash__ = None  # type: ignore[assignment]  # holds secrets

    def __init__(self, data: Mapping[str, Any], *, bare: str | None = None) -> None:
        self._data = dict(data)
        self._bare = bare

    @classmethod
    def of(cls, key: str | None, value: Secret) -> Document:
        """Return a new document that holds only `value`. It is bare when `key` is None."""
        return cls({}, bare="-").with_value(None, value) if key is None else cls({}).with_value(key, value)

    @classmethod
    def parse(cls, text: str, *, bare: bool) -> Document:
        """Parse a stored text.

        Raises:
            ValueError: the document is not bare, and the text is not a JSON object.
        """
        if bare:
            return cls({}, bare=text)
        try:
            data = json.loads(text)
        except ValueError:
            # `from None`, because the error of `json` holds the whole document.
            raise ValueError("not JSON") from None
        if not isinstance(data, dict):
            raise ValueError("JSON, but not an object")
        return cls(data)

    @property
    def keys(self) -> tuple[str, ...]:
        """The names of the keys, sorted. A bare document has none.

        Names are shown in messages, and values never are.
        """
        return tuple(sorted(self._data))

    def get(self, key: str | None) -> Secret | None:
        """Return the value at `key`, or the whole text when `key` is None.

        Returns None where there is no value that can be sent: no such key, not a text, empty, or not valid Unicode.
        """
        text = self._bare if key is None else self._data.get(key)
        return Secret(text) if isinstance(text, str) and text and _is_unicode(text) else None

    def with_value(self, key: str | None, value: Secret) -> Document:
        """Return a copy with only the value at `key` replaced.

        Foreign keys stay as they are. With `key` None the copy is a bare document that is `value`.
        """
        if key is None:
            return Document({}, bare=value.reveal())
        return Document({**self._data, key: value.reveal()})

    def without(self, *keys: str) -> Document:
        """Return a copy without these keys.

        A key that is not there is ignored. A bare document stays as it is.
        """
        return Document({k: v for k, v in self._data.items() if k not in keys}, bare=self._bare)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Document):
            return NotImplemented
        return (self._sorted(), self._bare) == (other._sorted(), other._bare)

    def _sorted(self) -> str:
        return json.dumps(self._data, sort_keys=True)  # as JSON: to Python True equals 1, and NaN never NaN

    def reveal(self) -> dict[str, Any]:
        """Return the keys and values, as Vault stores them.

        The dictionary is a copy, so a caller cannot change the document by it.
        """
        return dict(self._data)

    def reveal_text(self) -> str:
        """Return the text to store, as AWS stores it.

        That is JSON, or the bare text itself.
        """
        # Not sorted, so that the user's keys stay in their order.
        return json.dumps(self._data) if self._bare is None else self._bare

    def __repr__(self) -> str:
        return "Document(***)"

    def _refuse(self, *_: object) -> NoReturn:
        raise TypeError("a Document cannot be copied or pickled")

    __copy__ = __deepcopy__ = __reduce__ = __reduce_ex__ = __getstate__ = _refuse

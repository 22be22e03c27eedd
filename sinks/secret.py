"""The only type that may hold a secret's text."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable
from typing import NoReturn

MASK = "Secret(***)"


class Secret:
    """A secret value that cannot be printed, hashed, copied or pickled by accident.

    `reveal()` is the only way to the text. Call it in the argument list of the request that needs the text, so that a
    search for it lists every use (an architecture test holds the list).

    Raises:
        ValueError: the text is empty. A sink without a value is `None`, never an empty secret.
    """

    __slots__ = ("_text",)
    __hash__ = None  # type: ignore[assignment]  # a hash of the text would be a copy of it

    def __init__(self, text: str) -> None:
        if not text:
            raise ValueError("a secret cannot be empty")
        self._text = text

    def reveal(self) -> str:
        """Return the text.

        The caller must not keep it in a variable, an exception or a log record.
        """
        return self._text

    def fingerprint(self, salt: str) -> str:
        """Return 16 hex digits that distinguish the secrets of one owner.

        `salt` is the owner's name (the client id), so that equal values of two owners differ. The values that the
        bridge makes have 384 bits of entropy, so a fingerprint reveals nothing of them.
        """
        return hmac.new(salt.encode(), self._text.encode(), hashlib.sha256).hexdigest()[:16]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        # Constant time, so that a comparison reveals nothing by its duration.
        return hmac.compare_digest(self._text.encode(), other._text.encode())

    def __repr__(self) -> str:
        return MASK

    __str__ = __repr__

    def __format__(self, _spec: str) -> str:
        return MASK

    def _refuse(self, *_: object) -> NoReturn:
        # Copies escape into caches, queues and crash reports, where nobody masks them.
        raise TypeError("a Secret cannot be copied or pickled")

    __copy__ = __deepcopy__ = __reduce__ = __reduce_ex__ = __getstate__ = _refuse


def unlike(known: Iterable[Secret], values: Iterable[Secret]) -> tuple[Secret, ...]:
    """Return the distinct ones of `values` that are not in `known`, in their order.

    It compares with `==`, because a secret has no hash.
    """
    found: list[Secret] = []
    seen = list(known)
    for value in values:
        if value not in seen:
            found.append(value)
            seen.append(value)
    return tuple(found)

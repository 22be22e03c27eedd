"""The other candidates beside current, for readers that see nothing but the latest document. Pure.

Beside `client_secret` such a document holds `client_secret_next` and `client_secret_previous`. They are never missing:
where nothing is pending, or there is no fallback, they hold current's value.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from enum import StrEnum
from typing import TYPE_CHECKING

from sinks.versions import Stage

if TYPE_CHECKING:
    from datetime import datetime

    from sinks.document import Document
    from sinks.port import Place
    from sinks.secret import Secret

NEXT, PREVIOUS = "_next", "_previous"


class Companions(StrEnum):
    """What an operation does about them: leaves them alone (`NONE`), keeps them right, or takes them away."""

    NONE = ""
    KEEP = "keep"
    END = "end"


def next_of(key: str | None) -> str:
    """Return the key at which the coming value stands; a bare text has none."""
    return f"{key}{NEXT}"


def previous_of(key: str | None) -> str:
    """Return the key at which the fallback's value stands."""
    return f"{key}{PREVIOUS}"


def laid_out(
    document: Document,
    key: str | None,
    companions: str,
    current: Secret,
    *,
    coming: Secret | None = None,
    former: Secret | None = None,
) -> Document:
    """Return a document with `current` at its key and, where they are kept, its companions beside it."""
    document = document.with_value(key, current)
    if key is None or companions == Companions.NONE:
        return document
    if companions == Companions.END:
        return document.without(next_of(key), previous_of(key))
    return document.with_value(next_of(key), coming or current).with_value(previous_of(key), former or current)


def values_in(document: Document | None, key: str | None, companions: str) -> Iterator[Secret]:
    """Yield the values of a document: current's, and its companions' where it has such."""
    names = [key] if key is None or companions == Companions.NONE else [key, next_of(key), previous_of(key)]
    for name in names:
        if document is not None and (value := document.get(name)):
            yield value


def with_companions(place: Place, document: Document | None, key: str | None, made: datetime | None) -> Place:
    """Return a place with what the companions in its latest document tell, which was `made` then.

    Its lock and its values have been read already.
    """
    current, pending = place.value(Stage.CURRENT), place.value(Stage.PENDING)
    if document is None or key is None or current is None:
        return place
    coming, former = document.get(next_of(key)), document.get(previous_of(key))
    right = coming == current and former == (place.value(Stage.FALLBACK) or current)
    kept = place.record is not None and place.record.companions and not place.unsettled
    return replace(
        place,
        announced=made if pending is not None and coming == pending else None,
        astray=kept and not right,
    )

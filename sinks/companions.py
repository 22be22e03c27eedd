"""The other candidates beside current, for readers that see nothing but the latest document. Pure.

Beside `client_secret` such a document holds `client_secret_next` and `client_secret_previous`. They are never missing:
where nothing is pending, or there is no fallback, they hold current's value.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from enum import StrEnum
from typing import TYPE_CHECKING

from sinks.errors import Refused
from sinks.versions import Stage

if TYPE_CHECKING:
    from datetime import datetime

    from sinks.document import Document
    from sinks.port import Place
    from sinks.secret import Secret

NEXT, PREVIOUS = "_next", "_previous"


class Companions(StrEnum):
    """What an operation does about them: nothing, keep them right, or take them away.

    `WERE`: the latest document has none (any more), and older versions may.
    """

    NONE = ""
    KEEP = "keep"
    END = "end"
    WERE = "were"


WRITTEN = frozenset({Companions.KEEP, Companions.END})
"""Where the latest document is changed for their sake."""


def afterwards(companions: str) -> Companions:
    """Return what a place has after an operation that did this about them."""
    return Companions.WERE if companions == Companions.END else Companions(companions)


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
    if key is None or companions not in WRITTEN:
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


def announces(document: Document | None, key: str | None) -> bool:
    """Tell whether a document holds a coming value that is not current's."""
    if document is None or key is None:
        return False
    coming = document.get(next_of(key))
    return coming is not None and coming != document.get(key)


def with_companions(place: Place, document: Document | None, key: str | None, made: datetime | None) -> Place:
    """Return a place with what the companions in its latest document tell, which was `made` then.

    Its lock and its values have been read already. Without a record of them they count as ours where they hold what
    ours would, or where somebody wiped what said so.

    Raises:
        Refused: `key` is itself a companion's.
    """
    known = place.record or place.remembered
    told = known.companions if known else Companions.NONE
    current = place.value(Stage.CURRENT)
    if document is None or key is None or current is None:
        return replace(place, companions=told)
    if told and (stem := _stem(key)) and stem in document.keys:
        raise Refused(f"'{key}' in {place.uri} is written beside '{stem}' by secret-bridge", f"name {place.uri}#{stem}")
    pending, fallback = place.value(Stage.PENDING), place.value(Stage.FALLBACK)
    beside = (document.get(next_of(key)), document.get(previous_of(key)))
    likely = place.wiped or all(value in (current, pending, fallback) for value in beside)
    ours = None not in beside and likely
    keys = tuple(name for name in (next_of(key), previous_of(key)) if name in document.keys)
    kept = told == Companions.KEEP and place.record is not None and not place.unsettled
    return replace(
        place,
        companions=Companions.KEEP if ours and not known else Companions.WERE if told and not ours else told,
        announced=made if pending is not None and beside[0] == pending else None,
        astray=kept and beside != (current, fallback or current),
        occupied=() if ours or told == Companions.KEEP else keys,
    )


def _stem(key: str) -> str | None:
    """Return the key that a companion's belongs to; None where it is none."""
    return next((key.removesuffix(end) for end in (NEXT, PREVIOUS) if key.endswith(end)), None)

"""Sibling keys: the other candidates beside current, for readers that see only the latest document. Pure.

Beside `client_secret` such a document holds `client_secret_next` and `client_secret_previous`. They are never missing.
Where nothing is pending, or there is no fallback, they hold current's value.
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
    from sinks.record import Record
    from sinks.secret import Secret
    from sinks.state import SinkState

NEXT, PREVIOUS = "_next", "_previous"


class SiblingKeys(StrEnum):
    """What an operation does about the sibling keys: nothing, keep them right, or remove them."""

    NONE = ""
    """The documents have none, and the operation writes none."""
    KEEP = "keep"
    """The documents have them, and the operation keeps them right."""
    END = "end"
    """The operation removes them from the latest document."""
    WERE = "were"
    """The latest document has none any more, but older versions may."""


WRITTEN = frozenset({SiblingKeys.KEEP, SiblingKeys.END})
"""The cases in which an operation changes the latest document for the sibling keys."""


def afterwards(sibling_keys: str) -> SiblingKeys:
    """Return what a sink has after an operation that did this about its sibling keys.

    `END` becomes `WERE`, because older versions still hold them.
    """
    return SiblingKeys.WERE if sibling_keys == SiblingKeys.END else SiblingKeys(sibling_keys)


def next_of(key: str | None) -> str:
    """Return the key of the coming value. A bare text has no such key."""
    return f"{key}{NEXT}"


def previous_of(key: str | None) -> str:
    """Return the key of the fallback's value. A bare text has no such key."""
    return f"{key}{PREVIOUS}"


def sibling_keys_written(
    document: Document,
    key: str | None,
    sibling_keys: str,
    current: Secret,
    *,
    coming: Secret | None = None,
    former: Secret | None = None,
) -> Document:
    """Return a document with `current` at its key and, where sibling keys are kept, with them beside it.

    A sibling key without a value of its own (`coming` or `former` is None) holds `current`. With `END` both are
    removed. A bare document, with `key` None, never has any.
    """
    document = document.with_value(key, current)
    if key is None or sibling_keys not in WRITTEN:
        return document
    if sibling_keys == SiblingKeys.END:
        return document.without(next_of(key), previous_of(key))
    return document.with_value(next_of(key), coming or current).with_value(previous_of(key), former or current)


def values_in(document: Document | None, key: str | None, sibling_keys: str) -> Iterator[Secret]:
    """Yield the values of a document: current's, and those of its sibling keys where it has any.

    Current's is the first. A value may occur more than once.
    """
    # Without ours, keys of such names are the user's, and their texts are no candidates.
    names = [key] if key is None or sibling_keys == SiblingKeys.NONE else [key, next_of(key), previous_of(key)]
    for name in names:
        if document is not None and (value := document.get(name)):
            yield value


def announces(document: Document | None, key: str | None) -> bool:
    """Return whether a document holds a coming value that differs from current's.

    A sibling key that holds current's value announces nothing.
    """
    if document is None or key is None:
        return False
    coming = document.get(next_of(key))
    return coming is not None and coming != document.get(key)


def with_sibling_keys(state: SinkState, document: Document | None, key: str | None, made: datetime | None) -> SinkState:
    """Return the state of a sink with its key, and with what the sibling keys in its latest document say.

    The document was written at `made`. The lock and the values of `state` must have been read before. Sibling keys that
    no record names count as ours where they hold what ours would, or where the tags that named them were wiped.

    Raises:
        Refused: `key` is itself the name of a sibling key.
    """
    state = replace(state, key=key)
    # Tags may have been replaced. What they said last decides whether the keys beside `key` are ours to overwrite.
    known = state.record or state.remembered
    told = known.sibling_keys if known else SiblingKeys.NONE
    current = state.value(Stage.CURRENT)
    if document is None or key is None or current is None:
        return replace(state, sibling_keys=told)
    if told and (stem := _stem(key)) and stem in document.keys:
        raise Refused(f"'{key}' in {state.uri} is written beside '{stem}' by secret-bridge", f"name {state.uri}#{stem}")
    pending, fallback = state.value(Stage.PENDING), state.value(Stage.FALLBACK)
    beside = (document.get(next_of(key)), document.get(previous_of(key)))
    there = [value for value in beside if value is not None]
    # A user's own key may have such a name. Ours never holds anything but a candidate, or what was one: somebody may
    # have pasted another value over current, and somebody may have taken one of the two away.
    ours = (len(there) == len(beside) or bool(told and there)) and (
        state.wiped or all(v in (current, pending, fallback) or _was_current(v, known) for v in there)
    )
    keys = tuple(name for name in (next_of(key), previous_of(key)) if name in document.keys)
    # While an operation holds the sink, sibling keys are between two states and cannot be called wrong.
    kept = told == SiblingKeys.KEEP and state.record is not None and not state.unsettled
    return replace(
        state,
        sibling_keys=SiblingKeys.KEEP if ours and not known else SiblingKeys.WERE if told and not ours else told,
        announced=made if pending is not None and beside[0] == pending else None,
        inconsistent=kept and beside != (current, fallback or current),
        occupied=() if ours or told == SiblingKeys.KEEP else keys,
    )


def _was_current(value: Secret, known: Record | None) -> bool:
    """Return whether a value was current before, by its fingerprint in the record."""
    return known is not None and value.fingerprint(known.client_id) in known.recent


def _stem(key: str) -> str | None:
    return next((key.removesuffix(end) for end in (NEXT, PREVIOUS) if key.endswith(end)), None)

"""Tells something once, although several watchers may be at it.

A note has no compare-and-set. So a watcher first writes its word, waits longer than others take from their look to
their own word, and reads what stands there. Only the watcher whose word it is tells. Then it writes what was told.
Where it dies in between, its word stays, and after `CLAIM` another watcher tells it. So a thing may be told twice then,
and is never lost.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable

from bridge.execution.session import Session
from bridge.watch.decide import Decision, Tell
from bridge.watch.look import BUSY, Later, Sight
from bridge.watch.notes import Note
from sinks.errors import SinkError

SETTLED = 2.0
"""Seconds between the word and the second look."""


def tell(session: Session, sight: Sight, decision: Decision, announce: Callable[[Tell], None]) -> None:
    """Tell what was decided, and keep in the client's first sink that it was told.

    Raises:
        Later: another watcher tells it.
        SinkError: the note cannot be written or read. Everything was told all the same.
    """
    sink, word = next(iter(session.sinks.values())), secrets.token_hex(4)
    try:
        if decision.tells:
            sink.note(sight.note.by(word, sight.at).texts())
            session.clock.sleep(SETTLED)
            found = sink.survey()
            if Note.of(found.noted, found.at).claim != word:
                raise Later(BUSY)
    except SinkError:
        for each in decision.tells:
            announce(each)
        raise
    for each in decision.tells:
        announce(each)
    if decision.tells or decision.note != sight.note:
        sink.note(decision.note.done().texts())

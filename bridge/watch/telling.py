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
from sinks.port import Readable, SinkState

SETTLED = 2.0
"""Seconds between the word and the second look."""


def tell(session: Session, sight: Sight, decision: Decision, announce: Callable[[Tell], None]) -> None:
    """Tell what was decided, and keep in the client's first managed sink that it was told.

    Raises:
        Later: another watcher has written there since, or tells it.
        SinkError: the note cannot be written or read. Everything was told all the same.
    """
    if not decision.tells and decision.note == sight.note:
        return
    sink = tuple(session.sinks.values())[sight.place]
    try:
        # Once more, because a look takes long, and the word has to follow at once.
        there = sink.survey()
        if _note(there).texts() != sight.read.texts():
            raise Later(BUSY)
        if decision.tells:
            word = secrets.token_hex(4)
            _write(sink, sight.note.by(word, there.at), there)
            session.clock.sleep(SETTLED)
            there = sink.survey()
            if _note(there).claim != word:
                raise Later(BUSY)
    except SinkError:
        for each in decision.tells:
            announce(each)
        raise
    for each in decision.tells:
        announce(each)
    _write(sink, decision.note.done(), there)


def _note(state: SinkState) -> Note:
    return Note.of(state.noted, state.at)


def _write(sink: Readable, note: Note, there: SinkState) -> None:
    # In AWS, removing a tag is a request of its own, also where there is none.
    sink.note({name: text for name, text in note.texts().items() if text is not None or name in there.noted})

"""What is told or done about a client, from what was found and what was told before. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from bridge.evidence.checkpoint import digest_of
from bridge.evidence.judge import Source
from bridge.evidence.judge import told as in_words
from bridge.watch.notes import EPOCH, MOST_SOURCES, Failing, Note, digest

REMINDED = timedelta(days=1)
"""After this time it is told again that something still holds."""
QUIET = timedelta(hours=1)
"""A source that has not failed for so long has stopped."""
COARSE = QUIET / 4
"""A later failure is remembered when it is so much later, because each note is a write to the vault."""


class Kind(StrEnum):
    """What a line is about. The names are part of the output for programs."""

    DRIFT = "drift"
    REPAIRED = "repaired"
    IN_ORDER = "in-order"
    INTERRUPTED = "interrupted"
    SETTLED = "settled"
    DELETED = "deleted"
    BACK = "back"
    METHOD = "method"
    GRANTS = "grants"
    FAILING = "failing"
    STILL_FAILING = "still-failing"
    STOPPED = "stopped"
    NOT_LOOKED_AT = "not-looked-at"

    @property
    def attention(self) -> bool:
        """Whether somebody has to act."""
        return self not in (Kind.REPAIRED, Kind.IN_ORDER, Kind.SETTLED, Kind.BACK, Kind.STOPPED)


@dataclass(frozen=True)
class Tell:
    """One thing to tell."""

    kind: Kind
    text: str
    next: str | None = None
    """The command that it calls for, if there is one."""


@dataclass(frozen=True)
class Held:
    """A state that lasts: the word for it in a note, and what is told at its begin and at its end."""

    word: str
    begins: Kind
    ends: Kind
    over: str
    """The text for its end."""


CROWD = "crowd"
"""The word for sources that a note has no room for."""
DRIFT = Held("drift", Kind.DRIFT, Kind.IN_ORDER, "Auth0 accepts what the sinks hold again")
INTERRUPTED = Held("interrupted", Kind.INTERRUPTED, Kind.SETTLED, "what was interrupted is settled")
DELETED = Held("deleted", Kind.DELETED, Kind.BACK, "the application is there again")


@dataclass(frozen=True)
class Found:
    """What a look at a client has found."""

    at: datetime
    """The vaults' time of the look."""
    drift: Tell | None = None
    """That Auth0 refuses what a sink holds."""
    interrupted: Tell | None = None
    """That an operation was interrupted. Nothing else is known then."""
    ours: bool = False
    """Whether what was interrupted may be a repair by a watcher."""
    deleted: Tell | None = None
    """That the application is gone. Nothing else is known then."""
    method: str = ""
    """How it authenticates. Empty: not known."""
    grants: str = ""
    """Its grants."""
    compared: bool = False
    """Whether Auth0 was asked about the values."""
    given: datetime | None = None
    """When it was given another secret last, by the log."""
    promoted: datetime | None = None
    """When the bridge last made a value current, by the sinks."""


@dataclass(frozen=True)
class Decision:
    """What to tell, and the note to write once it was told."""

    tells: tuple[Tell, ...]
    note: Note


def decide(note: Note, found: Found) -> Decision:
    """Return what a look means after what was told before."""
    tells: list[Tell] = []
    told = dict(note.told)
    only = next((state for state, tell in _states(found) if tell and state is not DRIFT), None)
    for state, tell in _states(found):
        since = told.get(state.word)
        # A later change at Auth0, or one after a repair: it is not what was told.
        again = state is DRIFT and since and any(at and at > since for at in (found.given, found.promoted))
        if tell and (since is None or again or found.at - since >= REMINDED):
            tells.append(tell)
            told[state.word] = found.at
        # What could not be compared neither holds nor ends.
        elif tell is None and since and only is None and (state is not DRIFT or found.compared):
            tells.append(Tell(state.ends, state.over))
            del told[state.word]
    note = replace(note, told=told)
    if found.method:
        tells += _changes(note, found)
        note = replace(note, method=digest(found.method), grants=digest(found.grants))
    return Decision(tuple(tells), note)


def repaired(note: Note) -> Note:
    """Return the note after the sinks got the new value."""
    over = (DRIFT.word, INTERRUPTED.word)
    return replace(note, told={word: at for word, at in note.told.items() if word not in over})


def _states(found: Found) -> tuple[tuple[Held, Tell | None], ...]:
    return (DELETED, found.deleted), (INTERRUPTED, found.interrupted), (DRIFT, found.drift)


def _changes(note: Note, found: Found) -> Iterator[Tell]:
    if note.method and note.method != digest(found.method):
        yield Tell(Kind.METHOD, f"its authentication was changed: it is {found.method} now")
    if note.grants and note.grants != digest(found.grants):
        yield Tell(Kind.GRANTS, f"its grants were changed: they are {found.grants} now")


def failures(
    note: Note, client_id: str, sources: Iterable[Source], at: datetime, history: Mapping[str, Source]
) -> Decision:
    """Return what failures of known consumers since the client's last change mean.

    Each source is told when it begins to fail, again while it goes on, and when it has stopped. Sources for which a
    note has no room are counted, and told together. `history` is what the log knows of sources (`in_question`), by
    their digests.
    """
    tells: list[Tell] = []
    failing, told, more = dict(note.failing), dict(note.told), 0
    for source in sources:
        name = digest_of((source.address, source.agent), client_id)
        before = failing.get(name)
        if before is None and len(failing) >= MOST_SOURCES:
            more += 1
        elif before is None and at - source.last < QUIET:
            tells.append(Tell(Kind.FAILING, f"an old value still fails: {in_words(source)}"))
            failing[name] = Failing(at, source.last)
        elif before and source.last - before.last >= COARSE:
            again = at - before.told >= REMINDED
            text = f"an old value goes on failing: {in_words(history.get(name, source))}"
            tells += [Tell(Kind.STILL_FAILING, text)] * again
            failing[name] = Failing(at if again else before.told, source.last)
    if more and at - told.get(CROWD, EPOCH) >= REMINDED:
        tells.append(Tell(Kind.FAILING, f"an old value still fails at {more} more sources"))
        told[CROWD] = at
    for name in [name for name, each in failing.items() if at - each.last >= QUIET]:
        known = in_words(history[name]) if name in history else f"source {name}"
        tells.append(Tell(Kind.STOPPED, f"an old value does not fail any more: {known}"))
        del failing[name]
    return Decision(tuple(tells), replace(note, failing=failing, told=told))


def in_question(note: Note, at: datetime) -> datetime | None:
    """Return since when the log has to be asked for sources that have stopped, or go on. None: there are none."""
    old = [each.told for each in note.failing.values() if at - each.last >= QUIET or at - each.told >= REMINDED]
    return min(old) - timedelta(minutes=1) if old else None

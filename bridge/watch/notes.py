"""What `watch` keeps in the sinks' metadata (`Sink.note`). Pure.

A tenant's checkpoint is how far its log was read, and when every client was looked at. A client's note is what was told
about it. None holds a secret or an address. Others may write here, so what does not parse, or is of the future, counts
as not there. Nothing is changed because of a note: it only decides what is read again, and what is told again.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from bridge.watch.entries import Position
from sinks.record import stamp, unstamp

CHECKPOINT, CLIENT, FAILING = "watchlog", "watch", "watchwho"
"""The names of the notes."""
KEEPERS = 2
"""How many clients' sinks hold a tenant's checkpoint, so that it outlives any one of them."""
MOST_SOURCES = 8
"""How many failing sources of a client are remembered. That is as many as fit into one tag."""
CLAIM = timedelta(minutes=1)
"""After this time a watcher that was about to tell something counts as dead."""
AHEAD = timedelta(minutes=5)
"""How far a time may be ahead, because clocks differ. What is later was not written by a watcher."""
_ID, _DIGEST = re.compile(r"[A-Za-z0-9_.-]{1,120}"), re.compile(r"[0-9a-f]{8}")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND = timedelta(seconds=1)


def digest(*texts: str) -> str:
    """Return eight digits by which texts are recognised. The order counts."""
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()[:8]


@dataclass(frozen=True)
class Checkpoint:
    """How far a tenant's log was read."""

    position: Position
    """What comes after it is read again."""
    looked: datetime
    """When all clients had been looked at, whatever the log says."""
    clients: str
    """The digest of the clients' ids. With other clients, all of them are looked at again."""

    def text(self) -> str:
        """Return it as a note."""
        return f"{self.position.id} {stamp(self.position.at)} {_written(self.looked)} {self.clients}"

    @classmethod
    def of(cls, text: str, now: datetime) -> Checkpoint | None:
        """Read it from a note. Return None where there is none, or none that a watcher can have written."""
        words = text.split()
        if len(words) != 4 or not _ID.fullmatch(words[0]) or not _DIGEST.fullmatch(words[3]):
            return None
        at, looked = unstamp(words[1]), _read(words[2], now)
        return cls(Position(words[0], at), looked, words[3]) if at and looked and at <= now + AHEAD else None


def latest(notes: Iterable[Mapping[str, str]], now: datetime) -> Checkpoint | None:
    """Return the latest checkpoint among the notes of several sinks, or None.

    They differ where a watcher died between two of them, or where a client did not hold it for a while.
    """
    found = [kept for each in notes if (kept := Checkpoint.of(each.get(CHECKPOINT, ""), now))]
    return max(found, key=lambda kept: kept.position.at, default=None)


@dataclass(frozen=True)
class Failing:
    """What was told about one source that fails with an old value."""

    told: datetime
    last: datetime
    """When it failed last."""


@dataclass(frozen=True)
class Note:
    """What was told about one client, and what it was like then."""

    told: Mapping[str, datetime] = field(default_factory=dict)
    """What holds and was told, by its word, and when."""
    method: str = ""
    """The digest of how it authenticates. Empty: not known yet."""
    grants: str = ""
    """The digest of its grants."""
    failing: Mapping[str, Failing] = field(default_factory=dict)
    """The sources that fail with an old value, by digest."""
    claim: str = ""
    """The word of the watcher that is about to tell something."""
    claimed: datetime | None = None
    """Since when it is."""

    def is_claimed(self, now: datetime) -> bool:
        """Return whether another watcher is about to tell something."""
        return self.claimed is not None and now - self.claimed < CLAIM

    def by(self, claim: str, now: datetime) -> Note:
        """Return the note of a watcher that is about to tell something."""
        return replace(self, claim=claim, claimed=now)

    def done(self) -> Note:
        """Return the note of a watcher that has told it."""
        return replace(self, claim="", claimed=None)

    def texts(self) -> dict[str, str | None]:
        """Return it as notes of a sink. A text of None removes one."""
        words = [f"{word}={_written(at)}" for word, at in sorted(self.told.items())]
        words += [f"{name}={text}" for name, text in (("method", self.method), ("grants", self.grants)) if text]
        words += [f"by={self.claim}:{_written(self.claimed)}"] if self.claimed else []
        kept = sorted(self.failing.items(), key=lambda each: each[1].last, reverse=True)[:MOST_SOURCES]
        failing = " ".join(f"{name}:{_written(each.told)}:{_written(each.last)}" for name, each in kept)
        return {CLIENT: " ".join(words) or None, FAILING: failing or None}

    @classmethod
    def of(cls, notes: Mapping[str, str], now: datetime) -> Note:
        """Read it from the notes of a sink. Whatever cannot be read is left out."""
        note = cls(failing=_failing(notes.get(FAILING, ""), now))
        told: dict[str, datetime] = {}
        for word in notes.get(CLIENT, "").split():
            name, _, text = word.partition("=")
            if name in ("method", "grants") and not _DIGEST.fullmatch(text):
                continue
            if name == "method":
                note = replace(note, method=text)
            elif name == "grants":
                note = replace(note, grants=text)
            elif name == "by":
                note = _claimed(note, text, now)
            elif at := _read(text, now):
                told[name] = at
        return replace(note, told=told)


def _failing(text: str, now: datetime) -> dict[str, Failing]:
    found = {}
    for word in text.split():
        name, _, times = word.partition(":")
        told, last = (_read(each, now) for each in (*times.split(":"), "", "")[:2])
        if _DIGEST.fullmatch(name) and told and last:
            found[name] = Failing(told, last)
    return found


def _claimed(note: Note, text: str, now: datetime) -> Note:
    claim, _, seconds = text.partition(":")
    at = _read(seconds, now) if _DIGEST.fullmatch(claim) else None
    return note.by(claim, at) if at else note


def _written(moment: datetime) -> str:
    return str((moment - EPOCH) // _SECOND)


def _read(text: str, now: datetime) -> datetime | None:
    at = EPOCH + int(text) * _SECOND if re.fullmatch(r"[0-9]{1,11}", text) else None
    return at if at and at <= now + AHEAD else None

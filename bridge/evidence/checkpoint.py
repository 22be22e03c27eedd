"""What `evidence --record` keeps in the sinks' metadata, for logs that forget too early. Pure.

A checkpoint holds no secret and no address. A source is a digest of its address and agent, so it can be recognised, but
not read. For each source the checkpoint keeps when it was first and last seen to succeed, and when it failed last. It
also keeps from when until when the log was read without a gap.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from bridge.auth0.logs import Exchange
from bridge.evidence.judge import Key, Source, Tally, minute

EPOCH = datetime(2020, 1, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
NEVER = "-"
HEAD, SOURCES = "seen", "sources"
TAGS, PER_TAG = 6, 8
"""The number of tags for sources, and of sources in each tag.

That is as many as fit beside everything else (AWS: 50 tags of 256 characters).
"""
DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True)
class Remembered:
    """One source: when it first and last succeeded, and when it failed last, to the minute.

    Whether a source is a known consumer of a later change follows from `first` and `last`, so no other success is kept.
    """

    first: datetime | None = None
    last: datetime | None = None
    failed: datetime | None = None

    def met(self, at: datetime, *, failed: bool) -> Remembered:
        """Return what is remembered after another exchange.

        Exchanges may come in any order, and twice.
        """
        if failed:
            return replace(self, failed=max(self.failed or at, at))
        return replace(self, first=min(self.first or at, at), last=max(self.last or at, at))


@dataclass(frozen=True)
class Checkpoint:
    """What is remembered of a client's sources, by digest.

    The log was read from `since` until `until`. If the checkpoint is not `complete`, there were more sources than fit,
    and those that succeeded least recently are left out.
    """

    since: datetime
    until: datetime
    sources: Mapping[str, Remembered] = field(default_factory=dict)
    complete: bool = True

    def covers(self, begins: datetime) -> bool:
        """Return whether there is no gap between this checkpoint and a log that begins at `begins`.

        Checkpoints are kept to the minute, so a gap of less than one is none.
        """
        return self.until + MINUTE > begins

    def notes(self) -> dict[str, str | None]:
        """Return the checkpoint as notes of a sink (`Sink.note`).

        A text of None removes a note that an earlier checkpoint may have left.
        """
        # Those that succeeded lately are the likeliest consumers, so they keep their room.
        latest = sorted(self.sources, key=lambda digest: self.sources[digest].last or EPOCH, reverse=True)
        kept = latest[: TAGS * PER_TAG]
        whole = self.complete and len(kept) == len(latest)
        told: dict[str, str | None] = {HEAD: f"{_write(self.since)} {_write(self.until)} {'all' if whole else 'some'}"}
        for number in range(TAGS):
            some = kept[number * PER_TAG : (number + 1) * PER_TAG]
            told[f"{SOURCES}{number}"] = " ".join(_token(digest, self.sources[digest]) for digest in some) or None
        return told

    @classmethod
    def of(cls, notes: Mapping[str, str]) -> Checkpoint | None:
        """Read a checkpoint from notes. Returns None where there is none, or it cannot be read.

        A checkpoint that cannot be read is no error, because nothing but the reach of the evidence depends on it.
        """
        try:
            # Others may write these notes. What does not parse counts as no checkpoint, and more is then unknown.
            since, until, whole = notes.get(HEAD, "").split()
            tokens = " ".join(notes.get(f"{SOURCES}{number}", "") for number in range(TAGS)).split()
            told = [token.split(":") for token in tokens]
            sources = {digest: Remembered(_read(a), _read(b), _read(c)) for digest, a, b, c in told}
            first, last = _read(since), _read(until)
        except (ValueError, TypeError):
            return None
        return cls(first, last, sources, whole == "all") if first and last else None


def digest_of(key: Key, client_id: str) -> str:
    """Return the digest of a source: eight hexadecimal digits.

    The client's id is part of it, so the same source has another digest for every client.
    """
    # Eight digits fit into a tag. They hide an address from a glance, but a guessed address can be confirmed.
    return hashlib.sha256("\n".join((client_id, *key)).encode()).hexdigest()[:8]


def grown(
    before: Checkpoint | None,
    client_id: str,
    begins: datetime,
    at: datetime,
    succeeded: Iterable[Exchange],
    failed: Iterable[Exchange],
) -> Checkpoint:
    """Return a checkpoint after another look at the log, which reaches back to `begins`.

    `at` is the time of that look. Sources that have never succeeded are left out.
    """
    # What happened in a gap is unknown, so the known time begins anew. What is known of each source stays true.
    joined = before is not None and before.covers(begins)
    sources = dict(before.sources) if before else {}
    for exchanges, refused in ((succeeded, False), (failed, True)):
        for exchange in exchanges:
            digest = digest_of((exchange.address, exchange.agent), client_id)
            if not exchange.ours and (not refused or exchange.refused):
                sources[digest] = sources.get(digest, Remembered()).met(exchange.at, failed=refused)
    known = {digest: told for digest, told in sources.items() if told.first}  # strangers are not worth their room
    complete = before.complete if before else True
    return Checkpoint(before.since if before and joined else begins, at, known, complete)


def latest(notes: Iterable[Mapping[str, str]]) -> Checkpoint | None:
    """Return the latest checkpoint among the notes of a client's sinks, or None.

    An interrupted recording leaves sinks with different ones.
    """
    found = [checkpoint for each in notes if (checkpoint := Checkpoint.of(each))]
    return max(found, key=lambda checkpoint: checkpoint.until, default=None)


def summed_up(checkpoint: Checkpoint | None, change: datetime | None) -> tuple[str, ...] | None:
    """Return what a checkpoint says about failures since a change.

    Returns None where there is no checkpoint, or none that was made after the change.
    """
    if checkpoint is None or change is None or checkpoint.until <= change:
        return None
    failed = [at for told in checkpoint.sources.values() if (at := told.failed) and at > change]
    last = f", last {minute(max(failed))}" if failed else ""
    seen = f"{len(failed)} of {len(checkpoint.sources)} known consumers failed since the change{last}"
    return (f"{seen}; the logs were looked at until {minute(checkpoint.until)}",)


def recall(tally: Tally, checkpoint: Checkpoint, client_id: str, change: datetime, since: datetime) -> None:
    """Add to the failures what a checkpoint knows: successes before the change, and failures from `since` on.

    A source whose failures the log has forgotten appears under its digest.
    """
    keys = {digest_of(key, client_id): key for key in tally.sources}
    for digest, told in checkpoint.sources.items():
        # Only a source that had succeeded before the change can be a consumer with the old value.
        if told.first is None or told.first > change:
            continue
        until = min(told.last or told.first, change)
        key = keys.get(digest)
        if key is not None:
            tally.known({key: until})
        elif told.failed is not None and told.failed >= since:
            unread = Source(f"recorded:{digest}", "", 1, told.failed, told.failed, until)
            tally.sources[unread.address, unread.agent] = unread


def _token(digest: str, told: Remembered) -> str:
    return ":".join((digest, *(_write(moment) for moment in (told.first, told.last, told.failed))))


def _write(moment: datetime | None) -> str:
    """Return a time as minutes since 2020 in base 36: five characters until 2134."""
    if moment is None:
        return NEVER
    # Base 36 of minutes: three times for each of 48 sources have to fit into six tags.
    number, text = max(0, (moment - EPOCH) // MINUTE), ""
    while number:
        number, digit = divmod(number, 36)
        text = DIGITS[digit] + text
    return text or "0"


def _read(text: str) -> datetime | None:
    return None if text == NEVER else EPOCH + int(text, 36) * MINUTE

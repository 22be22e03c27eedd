"""The table of `status`: one row for each client, or a paragraph where a terminal is too narrow for the row. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from bridge.cli.output.console import Line, Tone
from bridge.cli.output.text import clients
from bridge.cli.output.wrapping import wrapped
from bridge.planning.status import Kind
from sinks.clock import span
from sinks.versions import short

if TYPE_CHECKING:
    from bridge.planning.status import Status

HEAD = ("", "CLIENT", "SECRET AGE", "FALLBACK", "SINKS")
STATE = "STATE"
VERIFY = "secret-bridge verify"
LEAST = 30
"""Columns that the state needs beside the others. With fewer of them, each client is a paragraph."""
ARROW = "-> "


def statuses(found: Sequence[Status], width: int | None, others: int = 0) -> Iterator[str]:
    """Yield the table of all clients, with those that need attention first, and a summary.

    `width` is the number of columns of a terminal. None: lines may be of any length, and each client has one. The
    secret's age and the fallback's age come from tags only. `others` is the number of clients that are not shown.
    """
    shown = sorted(found, key=lambda s: (not s.attention, s.client))
    rows = [HEAD, *map(_cells, shown)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEAD))]
    before = sum(widths) + len(widths)
    if width is None or before + LEAST <= width:
        yield f"{_padded(HEAD, widths)} {STATE}"
        for row, status in zip(rows[1:], shown, strict=True):
            yield from _row(row, widths, status, None if width is None else width - before)
    else:
        for row, status in zip(rows[1:], shown, strict=True):
            yield from _paragraph(row, status, width)
    needy = sum(status.attention for status in found)
    left = f" ({others} more not shown)" if others else ""
    told = f"{clients(len(found))}{left}, {needy} need attention. Read from tags only; ask Auth0 with: {VERIFY}"
    yield from [told] if width is None else wrapped(told, width)


def tone(status: Status) -> Tone:
    """Return what a state means: to act at once, to act, or nothing to do."""
    if not status.attention:
        return Tone.GOOD if status.kind is Kind.OK else Tone.NOTICE
    return Tone.NOTICE if status.kind in (Kind.DUE, Kind.EMPTY, Kind.UNMANAGED) else Tone.BAD


def _cells(status: Status) -> tuple[str, ...]:
    fallback = status.fallbacks[0] if status.fallbacks else None
    since = status.at - fallback.since if fallback else None
    return (
        "!" if status.attention else " ",
        status.client,
        status.age_in_words,
        f"{short(fallback.version)}, {span(since)}" if fallback and since is not None else "-",
        ", ".join(dict.fromkeys(p.uri.partition("://")[0] for p in status.sinks)),
    )


def _state(status: Status) -> str:
    edited = [f" (edited by others {p.edits} times)" for p in status.sinks if p.edits]
    room = [f"; room for {p.room} more writes" for p in status.sinks if p.room is not None]
    return status.state + "".join(edited[:1]) + "".join(room[:1])


def _padded(cells: Sequence[str], widths: Sequence[int]) -> str:
    return " ".join(f"{cell:<{width}}" for cell, width in zip(cells, widths, strict=True))


def _row(cells: Sequence[str], widths: Sequence[int], status: Status, room: int | None) -> Iterator[str]:
    before, mark = _padded(cells, widths)[1:] + " ", (cells[0], tone(status) if status.attention else None)
    following = f"{ARROW}{status.next}" if status.next and status.attention else ""
    if room is None:
        rest = f"   {following}" if following else ""
        yield Line.of(mark, before, *_toned(_state(status), status), rest)
        return
    for number, line in enumerate([*wrapped(_state(status), room), *wrapped(following, room)]):
        if number:
            yield f"{'':<{len(before) + 1}}{line}"
        else:
            yield Line.of(mark, before, *_toned(line, status))


def _paragraph(cells: Sequence[str], status: Status, width: int) -> Iterator[str]:
    mark, client, age, fallback, sinks = cells
    yield Line.of((mark, tone(status) if status.attention else None), f" {client}")
    for line in wrapped(f"age {age}; fallback {fallback}; {sinks}", width - 4):
        yield f"    {line}"
    for number, line in enumerate(wrapped(_state(status), width - 4)):
        yield f"    {line}" if number else Line.of("    ", *_toned(line, status))
    if status.next and status.attention:
        yield from (f"    {line}" for line in wrapped(f"{ARROW}{status.next}", width - 4))


def _toned(text: str, status: Status) -> tuple[tuple[str, Tone | None], ...]:
    """Return a state's text with its first words, which name it, in its tone."""
    label = status.kind.label
    if text.startswith(label):
        return (label, tone(status)), (text[len(label) :], None)
    return ((text, tone(status) if status.attention else None),)

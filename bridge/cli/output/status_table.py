"""The table of `status`: one row for each client, or a paragraph where a terminal is too narrow for the row. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from bridge.cli.output.console import Line, Tone
from bridge.cli.output.text import clients, emphasised
from bridge.cli.output.wrapping import wrapped
from bridge.planning.status import Kind
from sinks.clock import span
from sinks.versions import short

if TYPE_CHECKING:
    from bridge.planning.status import Status

HEAD = ("", "CLIENT", "SECRET AGE", "FALLBACK", "SINKS")
STATE = "STATE"
VERIFY = "secret-bridge verify"
GAP = 2
"""Spaces between the columns on a terminal. Elsewhere there is one, which scripts expect."""
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
    before = sum(widths) + GAP * (len(widths) - 1) + 1
    gap = GAP if width is not None and before + LEAST <= width else 1
    before -= (GAP - gap) * (len(widths) - 1)
    if width is None or before + LEAST <= width:
        yield Line.of((f"{_padded(HEAD, widths, gap)}{STATE}", Tone.STRONG))
        for row, status in zip(rows[1:], shown, strict=True):
            yield from _row(_padded(row, widths, gap), status, None if width is None else width - before)
    else:
        for row, status in zip(rows[1:], shown, strict=True):
            yield from _paragraph(row, status, width)
    needy = sum(status.attention for status in found)
    left = f" ({others} more not shown)" if others else ""
    told = f"{clients(len(found))}{left}, {needy} need attention. Read from tags only; ask Auth0 with: {VERIFY}"
    for line in [told] if width is None else wrapped(told, width):
        yield Line.of(*emphasised(line))


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


def _padded(cells: Sequence[str], widths: Sequence[int], gap: int) -> str:
    # The mark before a client's name is no column of its own.
    mark, *others = (f"{cell:<{width}}" for cell, width in zip(cells, widths, strict=True))
    return f"{mark} {(' ' * gap).join(others)}{' ' * gap}"


def _row(cells: str, status: Status, room: int | None) -> Iterator[str]:
    mark, before = (cells[0], tone(status) if status.attention else None), cells[1:]
    if room is None:
        yield Line.of(mark, before, *_toned(_state(status), status), *_following(status, "   "))
        return
    margin = " " * len(cells)
    for number, line in enumerate(wrapped(_state(status), room, hanging=0)):
        yield Line.of(*((margin,) if number else (mark, before)), *_toned(line, status))
    for text, bold in _following(status):
        yield from (Line.of(margin, (line, bold)) for line in wrapped(text, room))


def _following(status: Status, margin: str = "") -> Iterator[tuple[str, Tone]]:
    """Yield the command to run next, after a margin, where there is one."""
    if status.next and status.attention:
        yield f"{margin}{ARROW}{status.next}", Tone.COMMAND


def _paragraph(cells: Sequence[str], status: Status, width: int) -> Iterator[str]:
    mark, client, age, fallback, sinks = cells
    yield Line.of((mark, tone(status) if status.attention else None), f" {client}")
    for line in wrapped(f"age {age}; fallback {fallback}; {sinks}", width - 4, hanging=0):
        yield f"    {line}"
    for line in wrapped(_state(status), width - 4, hanging=0):
        yield Line.of("    ", *_toned(line, status))
    for text, bold in _following(status):
        yield from (Line.of("    ", (line, bold)) for line in wrapped(text, width - 4))


def _toned(line: str, status: Status) -> tuple[tuple[str, Tone | None], ...]:
    """Return a line of a state's text, in which the words that name the state have its tone.

    A text that does not begin with them has it in all of its lines.
    """
    label = status.kind.label
    if line.startswith(label):
        return (label, tone(status)), (line[len(label) :], None)
    whole = status.attention and not status.state.startswith(label)
    return ((line, tone(status) if whole else None),)

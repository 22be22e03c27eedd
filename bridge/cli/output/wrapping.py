"""Lines that fit a terminal: the one place that breaks a line. Pure.

A line is broken between words only. What follows is indented to where the line's text begins, so that a label, an
arrow or a time stands out. A command that goes on in the next line can be copied into a shell together.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

CONTINUED = " \\"
"""The end of a line of a command that goes on in the next line, as a shell takes it."""
NARROWEST = 20
"""Columns below which no line is broken, because hardly a word would fit."""
STEP = 2
"""Columns by which the lines that follow are indented, where nothing else says it."""

# A time and the name of a step; an arrow; a label that is set apart by two spaces or more.
_BEFORE = re.compile(r" *(?:\d\d:\d\d:\d\d \S+ +|-> +|\S(?:[^ ]| (?! ))*  +)")
# The program's name is also a word of our texts, so it begins a command only where a text names one.
_COMMAND = re.compile(
    r"(?:^|(?<=-> )|(?<=[:,] )|(?<=then )|(?<=again )|(?<=run )|(?<=  ))(secret-bridge(?: [^\s(#]\S*)+)"
)


class Slice(NamedTuple):
    """A part of a text that is one line of its own."""

    lead: str
    """What comes before it: spaces, and in a comment its mark."""
    start: int
    """Where it begins in the text."""
    end: int
    """Where it ends in the text."""
    tail: str
    """What comes after it."""


def wrapped(text: str, width: int, *, hanging: int | None = None) -> list[str]:
    """Return a text in lines of at most `width` columns. A word that is longer than a line stays whole.

    `hanging` is the indent of the lines after the first one, where the text itself does not show it.
    """
    found = slices(text, width, hanging=hanging)
    return [f"{each.lead}{text[each.start : each.end]}{each.tail}" for each in found]


def commands(text: str) -> Iterator[tuple[int, int]]:
    """Yield where the commands in a text begin and end: from the program's name to the end of the clause."""
    end = 0
    while found := _COMMAND.search(text, end):
        start, end = found.span(1)
        for word in re.finditer(r"\S+", text[start:end]):
            if word.group()[-1] in ";,:.)":
                end = start + word.end() - 1
                break
        yield start, end


def slices(text: str, width: int, *, hanging: int | None = None) -> list[Slice]:
    """Return the lines of a text as parts of it, in their order. `hanging` is what it is for `wrapped`."""
    if len(text) <= width or width < NARROWEST:
        return [Slice("", 0, len(text), "")]
    lead, first = "", _leading(text, width) if hanging is None else " " * hanging
    words = _words(text, width - len(first) - len(CONTINUED))
    inside, whole = _within_commands(text, words)
    done: list[Slice] = []
    begin, end = 0, 0
    for number, (start, stop) in enumerate(words):
        # What a command needs at the end of its line, if the next word is no more on it.
        tail = len(CONTINUED) if number + 1 < len(words) and inside[number + 1] else 0
        needs = max(whole.get(start, 0), stop + tail)
        if end > max(begin, _label(text, begin)) and needs - begin + len(lead) > width:
            done.append(Slice(lead, begin, end, CONTINUED if inside[number] else ""))
            begin, lead = start, first
        end = stop
    return [*done, Slice(lead, begin, end, "")]


def _words(text: str, width: int) -> list[tuple[int, int]]:
    """Return where the words begin and end. An option and its value are one, if a line has room for both."""
    words: list[tuple[int, int]] = []
    for found in re.finditer(r"\S+", text):
        before = words[-1] if words else (0, 0)
        if re.match("--[^ ]+ (?!-)", text[before[0] : found.end()]) and found.end() - before[0] <= width:
            words[-1] = before[0], found.end()
        else:
            words.append(found.span())
    return words


def _label(text: str, begin: int) -> int:
    """Return where the label of the first line ends. There is no break before that."""
    found = None if begin else _BEFORE.match(text)
    return len(found.group().rstrip()) if found else begin


def _leading(text: str, width: int) -> str:
    """Return what the lines after the first one begin with."""
    found, margin = _BEFORE.match(text), len(text) - len(text.lstrip())
    hanging = found.end() if found else margin + STEP
    if hanging > width // 2:
        hanging = margin + STEP
    # A remedy may be a line for a configuration file, and a comment there is one in each of its lines.
    mark = "# " if found and text.startswith("# ", found.end()) else ""
    return " " * (hanging if hanging <= width // 2 else STEP) + mark


def _within_commands(text: str, words: list[tuple[int, int]]) -> tuple[list[bool], dict[int, int]]:
    """Return for each word whether a break before it is in a command, and where each command ends by its begin."""
    found = dict(commands(text))
    return [any(start < at < end for start, end in found.items()) for at, _ in words], found

"""Printing: one function that shows foreign text safely, and never fails.

Everything that people read goes through `say`. A closed pipe or a full disk must not stop an operation that is under
way, and a text that others wrote must not forge a line or send commands to the terminal.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum
from typing import Self, TextIO

import typer

from bridge.cli.output.footer import FOOTER
from bridge.cli.output.wrapping import slices
from bridge.model.printable import printable


class Tone(StrEnum):
    """What a coloured word means, as the parameters of its escape sequence. The word itself says it as well."""

    GOOD = "32"
    NOTICE = "33"
    BAD = "1;31"
    STRONG = "1"
    # As options are in --help.
    COMMAND = "1;36"


class Line(str):
    """A line of text in which some words have a tone. Without a terminal it is just its text.

    Texts that hold a line break are no line, so `Line` and `say` show it as an escape.
    """

    __slots__ = ("parts",)
    parts: tuple[tuple[str, Tone | None], ...]

    @classmethod
    def of(cls, *parts: str | tuple[str, Tone | None]) -> Self:
        """Return a line from its parts, each with or without a tone."""
        toned = tuple((part, None) if isinstance(part, str) else part for part in parts)
        line = cls("".join(text for text, _ in toned))
        line.parts = toned
        return line


class Whole(str):
    """A line that is never wrapped, because a program reads it or somebody pastes it."""

    __slots__ = ()


class Colour(StrEnum):
    """When output is coloured. `auto` means on a terminal, unless NO_COLOR is set (https://no-color.org)."""

    AUTO = "auto"
    ALWAYS = "always"
    NEVER = "never"


class _Choice:
    """What the user chose by --color. It is one for the process, as its streams are."""

    colour = Colour.AUTO


def choose_colour(colour: Colour) -> None:
    """Set when output is coloured, from now on, help texts included."""
    _Choice.colour = colour
    if colour is not Colour.AUTO:
        # Imported for this option only, because rich takes long to import.
        from typer import rich_utils

        rich_utils.COLOR_SYSTEM = "auto" if colour is Colour.ALWAYS else None
        rich_utils.FORCE_TERMINAL = True if colour is Colour.ALWAYS else None


def coloured(stream: TextIO | None) -> bool:
    """Return whether output on a stream is coloured."""
    if _Choice.colour is not Colour.AUTO:
        return _Choice.colour is Colour.ALWAYS
    return is_terminal(stream) and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def say(line: str, *, err: bool = False) -> None:
    """Print one line to standard output, or to standard error with `err`.

    Whatever is unprintable in it is shown as an escape, line breaks included. So are characters that the stream's
    encoding does not have. After the first failure, this line and all later ones on the same stream are discarded.

    On a terminal the line is wrapped to its width, unless it is `Whole`. Elsewhere it stays one line, so that scripts
    find it.
    """
    stream = sys.stderr if err else sys.stdout
    toned = isinstance(line, Line) and coloured(stream)
    parts = line.parts if isinstance(line, Line) else ((str(line), None),)
    shown = [(printable(text), tone if toned else None) for text, tone in parts]
    room = None if isinstance(line, Whole) else columns(stream)
    lines = [_painted(shown)] if room is None else _wrapped(shown, room)
    _print("".join(f"{each}\n" for each in lines), err=err, colour=toned)


def say_all(lines: Iterable[str], *, err: bool = False) -> None:
    """Print each line to standard output, or to standard error with `err`.

    The lines are asked for one after the other, so those of a generator that fails midway are printed until then.
    """
    for line in lines:
        say(line, err=err)


def hand_over(text: str | bytes) -> None:
    """Print a document for other programs as it is: its format has escapes of its own, which its writer has used.

    It fails as little as `say` does.
    """
    _print(text, err=False, colour=True)


def _painted(parts: Iterable[tuple[str, Tone | None]]) -> str:
    return "".join(f"\033[{tone}m{text}\033[0m" if tone and text else text for text, tone in parts)


def _wrapped(parts: Sequence[tuple[str, Tone | None]], room: int) -> Iterator[str]:
    """Yield the lines of a text that has tones, wrapped as a text without them would be."""
    for each in slices("".join(text for text, _ in parts), room):
        yield f"{each.lead}{_painted(_cut(parts, each.start, each.end))}{each.tail}"


def _cut(parts: Iterable[tuple[str, Tone | None]], start: int, end: int) -> Iterator[tuple[str, Tone | None]]:
    at = 0
    for text, tone in parts:
        yield text[max(start - at, 0) : max(end - at, 0)], tone
        at += len(text)


def _print(text: str | bytes, *, err: bool, colour: bool) -> None:
    with FOOTER.aside():
        try:
            try:
                typer.echo(text, err=err, nl=False, color=colour or None)
            # A terminal with the C locale cannot print "…" or "→".
            except UnicodeEncodeError:
                plain = str(text).encode("ascii", "backslashreplace").decode()
                typer.echo(plain, err=err, nl=False, color=colour or None)
        except OSError:
            silence(2 if err else 1)


def is_terminal(stream: TextIO | None) -> bool:
    """Return whether a stream is a terminal.

    The stream is None if the process was started without it, which counts as no terminal.
    """
    return stream is not None and stream.isatty()


def width() -> int | None:
    """Return the number of columns of the terminal that standard output is, or None if it is none.

    The variable COLUMNS takes precedence, also where there is no terminal.
    """
    if not is_terminal(sys.stdout) and not os.environ.get("COLUMNS", "").isdigit():
        return None
    return shutil.get_terminal_size().columns


def columns(stream: TextIO | None) -> int | None:
    """Return the number of columns of the terminal that a stream is, or None if it is none or does not know.

    The variable COLUMNS takes precedence.
    """
    if stream is None or not is_terminal(stream):
        return None
    told = os.environ.get("COLUMNS", "")
    try:
        return int(told) if told.isdigit() else os.get_terminal_size(stream.fileno()).columns or None
    except (OSError, ValueError):
        return None


def silence(descriptor: int) -> None:
    """Redirect a descriptor to nowhere.

    The text that is still in Python's buffers is discarded, too, so that the flush at the exit does not fail.
    """
    nowhere = os.open(os.devnull, os.O_WRONLY)
    # On the descriptor and not on `sys.stdout`, because libraries and the interpreter's exit use it as well.
    os.dup2(nowhere, descriptor)
    os.close(nowhere)

"""Printing that never fails, because a closed pipe or a full disk must not stop an operation that is under way."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TextIO

import typer


def say(text: str | bytes, *, err: bool = False, nl: bool = True) -> None:
    """Print a text to standard output, or to standard error with `err`, with a line break unless `nl` is False.

    After the first failure, this text and all later ones on the same stream are discarded. Characters that the stream's
    encoding does not have are printed as escapes.
    """
    try:
        try:
            typer.echo(text, err=err, nl=nl)
        # A terminal with the C locale cannot print "…" or "→".
        except UnicodeEncodeError:
            typer.echo(str(text).encode("ascii", "backslashreplace").decode(), err=err, nl=nl)
    except OSError:
        silence(2 if err else 1)


def say_all(lines: Iterable[str], *, err: bool = False) -> None:
    """Print each line to standard output, or to standard error with `err`.

    The lines are asked for one after the other, so those of a generator that fails midway are printed until then.
    """
    for line in lines:
        say(line, err=err)


def is_terminal(stream: TextIO | None) -> bool:
    """Return whether a stream is a terminal.

    The stream is None if the process was started without it, which counts as no terminal.
    """
    return stream is not None and stream.isatty()


def silence(descriptor: int) -> None:
    """Redirect a descriptor to nowhere.

    The text that is still in Python's buffers is discarded, too, so that the flush at the exit does not fail.
    """
    nowhere = os.open(os.devnull, os.O_WRONLY)
    # On the descriptor and not on `sys.stdout`, because libraries and the interpreter's exit use it as well.
    os.dup2(nowhere, descriptor)
    os.close(nowhere)

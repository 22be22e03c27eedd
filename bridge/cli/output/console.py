"""Printing, which never fails: a reader that went away, or a full disk, must not stop an operation on its way."""

from __future__ import annotations

import os
from typing import TextIO

import typer


def say(text: str | bytes, *, err: bool = False, nl: bool = True) -> None:
    """Print a line; once that is impossible, this and all that follows goes nowhere."""
    try:
        try:
            typer.echo(text, err=err, nl=nl)
        except UnicodeEncodeError:
            typer.echo(str(text).encode("ascii", "backslashreplace").decode(), err=err, nl=nl)
    except OSError:
        silence(2 if err else 1)


def is_terminal(stream: TextIO | None) -> bool:
    """Tell whether somebody sits at a stream; a process may have been started without it."""
    return stream is not None and stream.isatty()


def silence(descriptor: int) -> None:
    """Send whatever is still to be written to an open file to nowhere, what stands in its buffers too."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, descriptor)
    os.close(nowhere)

"""A value that a user brings: piped in, or typed where nobody sees it. Never an argument, never a variable."""

from __future__ import annotations

import sys

import typer

from bridge.cli.run import usage_errors
from bridge.cli.say import is_terminal
from bridge.model.errors import Usage
from sinks.secret import Secret


def value_from_stdin(what: str, names: list[str] | None, *, json: bool = False) -> Secret:
    """Return the first line of standard input as it is; on a terminal ask for it, twice for want of an echo."""
    with usage_errors(json=json):
        if names is None or len(names) != 1:
            raise Usage(f"--secret-stdin: found {len(names or ())} clients, expected one: a value is one client's")
        if is_terminal(sys.stdin):
            return Secret(typer.prompt(what.capitalize(), hide_input=True, confirmation_prompt=True, err=True))
        text = (sys.stdin.readline() if sys.stdin else "").removesuffix("\n").removesuffix("\r")
        if not text:
            raise Usage("--secret-stdin: standard input is empty", hint="pipe the value in")
        return Secret(text)

r"""Makes foreign text safe to show: the only rule for what may reach a terminal, a log, a message or a report. Pure.

`printable("Billing" + chr(10) + "result=rotated")` is the one line `Billing\nresult=rotated`.
"""

from __future__ import annotations

import re

# Runners of GitHub and Azure take such lines of a job's log for commands, such as one that ends the masking of secrets.
_COMMAND = re.compile(r"^(\s*):(?=:)|#(?=#(?:vso)?\[)")


def printable(text: str) -> str:
    r"""Return a text as one line that shows what is in it, with every unprintable character as an escape.

    Unprintable is what Unicode counts as control, format, surrogate, private, unassigned or separator, except for the
    space. So the line has no line break (`\n`), no escape sequence (`\x1b`), and no mark that turns the direction of
    a text round (`\u202e`). It cannot be a workflow command of a CI job either.

    A backslash stays as it is, because commands to copy hold backslashes. So the result cannot be turned back.
    """
    if not text.isprintable():
        text = "".join(char if char.isprintable() else _escape(char) for char in text)
    return _COMMAND.sub(lambda found: f"{found.group(1) or ''}\\u{ord(found.group().lstrip()[0]):04x}", text)


def _escape(char: str) -> str:
    return char.encode("unicode_escape").decode("ascii")

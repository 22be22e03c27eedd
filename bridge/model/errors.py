"""Errors of the bridge, as data: what happened, what to do next, and the exit status.

Only the CLI prints them and exits.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

ATTENTION = 5
"""The exit status of a command that did what it was asked, and found something that needs the user's attention."""


class BridgeError(Exception):
    """Base class of every error of the bridge.

    `message` says what happened, in the bridge's own words. `hint` says what to do next. `changed` says whether
    anything was changed, or may have been. The message does not repeat it.

    `faults` are the lines of the message, and `hints` those of the hint. Foreign text in a line may hold line breaks
    of its own, so the lines must not be found by splitting a text.
    """

    # 1 promises that nothing was changed, so a script may try again. Each number tells a caller what to do (ADR 14).
    exit_status: ClassVar[int] = 1
    changed: ClassVar[bool] = False

    def __init__(self, message: str, hint: str | Sequence[str] | None = None, *, more: Sequence[str] = ()) -> None:
        self.faults = (message, *more)
        self.hints = tuple(text for text in ((hint,) if isinstance(hint, str) else hint or ()) if text)
        self.message = "\n".join(self.faults)
        self.hint = "\n".join(self.hints) or None
        super().__init__(self.message)


class Failed(BridgeError):
    """The operation failed, and it is known that nothing was changed.

    The same command may succeed later.
    """


class Usage(BridgeError):
    """The command or the configuration is not valid.

    `faults` reports all problems at once, with one line for each.
    """

    exit_status = 2

    def __init__(self, *faults: str, hint: str | Sequence[str] | None = None) -> None:
        super().__init__(faults[0], hint, more=faults[1:])


class Incomplete(BridgeError):
    """The operation stopped after its first write, or it is unknown whether anything was changed.

    The user has to run `resume`.
    """

    # Never 1: a lost answer after the first write may have changed Auth0.
    exit_status = 3
    changed = True


class Refused(BridgeError):
    """A guard refused the operation, and nothing was changed.

    The same command is refused again until the reason is gone. `hint` says how, where that is known.
    """

    exit_status = 4

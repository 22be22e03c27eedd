"""What went wrong, as data: what happened, what to do next, and the exit status. Only the CLI prints and exits."""

from __future__ import annotations

from typing import ClassVar


class BridgeError(Exception):
    """The base of every error of the bridge. `message` says what happened, in our own words; `hint` what to do next."""

    exit_status: ClassVar[int] = 1

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class Failed(BridgeError):
    """It failed, and it is known that nothing was changed."""


class Usage(BridgeError):
    """The command or the configuration cannot be meant so. `faults` holds one line each, all of them at once."""

    exit_status = 2

    def __init__(self, *faults: str, hint: str | None = None) -> None:
        super().__init__("\n".join(faults), hint)
        self.faults = faults


class Incomplete(BridgeError):
    """It stopped after the first write, or it is unknown whether something was changed: run `resume`."""

    exit_status = 3


class Refused(BridgeError):
    """A guard refused; nothing was changed."""

    exit_status = 4


class Attention(BridgeError):
    """Somebody should look: overdue, drifted, a check or a hook that failed."""

    exit_status = 5

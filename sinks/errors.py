"""What can go wrong at a place. Every exception that leaves `sinks` is one of these."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sinks.record import Lock


class SinkError(Exception):
    """Something about a place. `message` says what happened, in our own words; `hint` what to do next."""

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class BadAddress(SinkError):
    """A URI or setting that names no place; nothing was asked of any server."""


class Refused(SinkError):
    """A guard refused: the place must not be changed as it stands."""


class Busy(Refused):
    """Another operation holds the place. `lock` tells who, when and until when, as far as it is known."""

    def __init__(self, message: str, lock: Lock | None, hint: str | None = None) -> None:
        super().__init__(message, hint)
        self.lock = lock


class Denied(SinkError):
    """The server refused a permission; the message names the path or resource and the capability or action."""


class Unavailable(SinkError):
    """No usable answer: unreachable, sealed, throttled, timed out, half an answer.

    `unsure`: a write may have been done, and asking again could not tell.
    """

    def __init__(self, message: str, hint: str | None = None, *, unsure: bool = False) -> None:
        super().__init__(message, hint)
        self.unsure = unsure


class Lost(SinkError):
    """The lock is no longer ours: somebody took the operation over, or finished it."""


class Expired(SinkError):
    """A call without compare-and-set was given up because it could not end within its lease. Look again."""


class Conflict(SinkError):
    """A compare-and-set lost. Read again and decide again."""

"""The errors of a sink. Every exception that leaves `sinks` is one of these."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sinks.record import Lock


class SinkError(Exception):
    """An error at a sink.

    `message` says what happened, in the bridge's own words. `hint` says what the user can do next.
    """

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class BadAddress(SinkError):
    """A URI or setting names no sink, or a reference names no secret.

    Nothing was changed. Except for a reference to a sink, no request was sent.
    """


class Refused(SinkError):
    """A guard refused: the sink must not be changed in its present state.

    The message names the reason. The same call fails again until the reason is gone.
    """


class Busy(Refused):
    """Another operation holds the sink. Nothing of it was changed.

    `lock` is what is known of that operation: its actor, its start and its expected end. It is None where the lock is
    not written yet, or is a foreign text.
    """

    def __init__(self, message: str, lock: Lock | None, hint: str | None = None) -> None:
        super().__init__(message, hint)
        self.lock = lock


class Denied(SinkError):
    """The server denied a permission.

    The message names the path or resource, and the capability or action. Credentials that are refused count as denied,
    too.
    """


class Unavailable(SinkError):
    """There was no usable answer: unreachable, sealed, throttled, timed out, or half an answer.

    With `unsure`, a write may have been done, and a further question could not settle it.
    """

    def __init__(self, message: str, hint: str | None = None, *, unsure: bool = False) -> None:
        super().__init__(message, hint)
        self.unsure = unsure


class Lost(SinkError):
    """This process does not hold the lock any more: another one took the operation over, or finished it.

    A change at Auth0 that this process has made must still be finished (`Sink.finish`).
    """


class Expired(SinkError):
    """A call without compare-and-set was given up, because it could not end within its lease.

    The caller renews its lease and decides again. The call may have been carried out all the same.
    """


class Conflict(SinkError):
    """A compare-and-set failed. The caller has to read again and decide again.

    The change in between may be the caller's own, from an attempt whose answer was lost.
    """

"""What to do about each state of a sink: one table for `status`, `verify`, `doctor` and `read`. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class Trouble(StrEnum):
    """What may be wrong with a client's sinks, the most urgent first."""

    INTERRUPTED = "interrupted"
    """An operation stopped on its way."""
    FOREIGN = "foreign"
    """A foreign text stands where the lock belongs."""
    LEFT_OVER = "left-over"
    """A release was interrupted."""
    EMPTY = "empty"
    """There is nothing yet."""
    WIPED = "wiped"
    """The tags are gone."""
    UNMANAGED = "unmanaged"
    """The sink was never adopted."""
    UNREADABLE = "unreadable"
    """The current value cannot be read any more."""
    OTHER_SINKS = "other-sinks"
    """The tags name another list of sinks."""
    DRIFT = "drift"
    """Sinks hold different values, or not the one that Auth0 accepts."""
    UNSEALED = "unsealed"
    """Nothing proves which value was the fallback, or the tags contradict what does."""
    FALLBACK_OVERDUE = "fallback-overdue"
    """The fallback is older than it may be."""
    DUE = "due"
    """The current value is older than it may be."""


# `sync` asks Auth0 which value it accepts and publishes that one, so it mends every difference in values. `adopt`
# fills what is empty and writes tags, so it mends what is missing beside the values.
NEXT: Mapping[Trouble, str] = {
    Trouble.INTERRUPTED: "resume",
    Trouble.FOREIGN: "resume --discard-foreign",
    Trouble.LEFT_OVER: "resume",
    Trouble.EMPTY: "adopt",
    Trouble.WIPED: "adopt --repair",
    Trouble.UNMANAGED: "adopt",
    Trouble.UNREADABLE: "sync",
    Trouble.OTHER_SINKS: "adopt",
    Trouble.DRIFT: "sync",
    Trouble.UNSEALED: "adopt --repair",
    Trouble.FALLBACK_OVERDUE: "retire",
    Trouble.DUE: "rotate",
}
"""The command for each state, as a verb with its options."""

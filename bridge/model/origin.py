"""Which values may be set at Auth0.

A value that was only found in a lock, a tag or a label never qualifies. Otherwise every writer there could
choose the live secret (ADR 33).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sinks.secret import Secret


class Origin(StrEnum):
    """Why a value may be set at Auth0.

    There is no member for a value that was merely found somewhere.
    """

    GENERATED = "generated"
    """This process generated it."""
    BROUGHT = "brought"
    """The user of this process supplied it."""
    ACCEPTED = "accepted"
    """Auth0 accepted it in this process."""
    SEALED = "sealed"
    """It is the fallback that the seal over the sink's record names."""


@dataclass(frozen=True)
class Settable:
    """A value together with the reason why it may be set.

    Auth0's client takes no other type where a value is to be set.
    """

    value: Secret
    origin: Origin

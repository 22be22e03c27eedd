"""Which values may be set at Auth0. Nothing that merely stood in a lock, a tag or a label ever is."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sinks.secret import Secret


class Origin(StrEnum):
    """Why a value may be set at Auth0."""

    GENERATED = "generated"
    """This process made it."""
    BROUGHT = "brought"
    """The user of this process handed it over."""
    ACCEPTED = "accepted"
    """Auth0 accepted it in this process."""
    SEALED = "sealed"
    """It is the fallback that the place's record names."""


@dataclass(frozen=True)
class Settable:
    """A value with its origin: the only thing that Auth0's client takes to be set."""

    value: Secret
    origin: Origin

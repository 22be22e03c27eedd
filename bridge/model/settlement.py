"""How an interruption is settled.

Auth0's answer chooses the way. What locks, tags and labels say does not (ADR 33).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Way(StrEnum):
    """How an interruption ends. It depends on the value that Auth0 accepts.

    Only `REPLACE` changes Auth0.
    """

    GIVE_BACK = "given back"
    """Auth0 accepts what is current everywhere and another value is pending, or nothing was ever stored."""
    COMPLETE = "completed"
    """Auth0 accepts the pending value, or one that is current in some sinks only."""
    PUBLISH = "published"
    """Auth0 accepts another value."""
    REPLACE = "replaced"
    """Auth0 accepts no readable value, because it generated one and the answer was lost. It gets a fresh one."""


@dataclass(frozen=True)
class Settlement:
    """The way in which an interruption ends, and what becomes of the fallback.

    `base` is the fingerprint of the value that becomes the fallback. If it is empty, the fallbacks stay what they are.
    `proven`: a seal confirms `base` as the former value. `former`: the accepted value was a fallback, or current
    lately, and a late call of an old operation has brought it back.
    """

    way: Way
    base: str = ""
    former: bool = False
    proven: bool = False

"""How an interruption was ended."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Way(StrEnum):
    """How an interruption ends.

    `GIVE_BACK`: Auth0 accepts what is current everywhere, and another value is pending; or nothing was ever stored.
    `COMPLETE`: it accepts the pending value, or what is current in some places only. `PUBLISH`: it accepts another
    value. `REPLACE`: it accepts none that can be read, because it generated one itself and the answer was lost: it gets
    a fresh one.
    """

    GIVE_BACK = "given back"
    COMPLETE = "completed"
    PUBLISH = "published"
    REPLACE = "replaced"


@dataclass(frozen=True)
class Settlement:
    """The way, with the fingerprint of the value that becomes the fallback ("": the fallbacks stay what they are).

    `proven`: a seal says that it was current before. `former`: the value was a fallback, or current lately; a late call
    of an old operation has brought it back.
    """

    way: Way
    base: str = ""
    former: bool = False
    proven: bool = False

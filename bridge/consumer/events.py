"""What a consumer tells whoever operates it: by logging, and to a function of the application's own."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

LOG = logging.getLogger("bridge.consumer")


class Kind(StrEnum):
    """What happened."""

    REFRESHED = "refreshed"
    """The place was read, and holds another value than before (or the first one)."""
    PENDING_USED = "pending used"
    """A value was accepted that is not published yet: a rotation is on its way."""
    FALLBACK_USED = "fallback used"
    """The value from before was accepted: a rotation is spreading, or was undone at Auth0."""
    ALL_REFUSED = "all refused"
    """Every value that can be read was refused, for as long as it made sense to try."""
    READ_FAILED = "read failed"
    """The place could not be read; the values that are known are used on."""


LEVELS = {
    Kind.REFRESHED: logging.INFO,
    Kind.PENDING_USED: logging.INFO,
    Kind.FALLBACK_USED: logging.WARNING,
    Kind.ALL_REFUSED: logging.ERROR,
    Kind.READ_FAILED: logging.WARNING,
}


@dataclass(frozen=True)
class Event:
    """Something that happened at a place. `version` is the vault's name for what is current there; no value is told."""

    kind: Kind
    client_id: str
    place: str
    version: str = ""
    why: str = ""


Hook = Callable[[Event], None]


def tell(event: Event, hook: Hook | None) -> None:
    """Log an event, and give it to the application; what goes wrong there is logged, and stops nothing."""
    why = f": {event.why}" if event.why else ""
    LOG.log(LEVELS[event.kind], "%s (%s, client %s)%s", event.kind, event.place, event.client_id, why)
    if hook is None:
        return
    try:
        hook(event)
    except Exception:  # noqa: BLE001  # the application's own; its words may hold anything
        LOG.error("the hook for consumer events failed")  # noqa: TRY400  # no traceback: as above

"""The events that a consumer reports to its operators: by logging, and by calling a function of the application's."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

LOG = logging.getLogger("bridge.consumer")


class Kind(StrEnum):
    """What happened at a sink, or with one of its values.

    The texts are part of logs, of notifications and of the attribute `event` of metrics, so they do not change.
    """

    REFRESHED = "refreshed"
    """The sink was read, and holds another value than before (or the first one)."""
    PENDING_USED = "pending used"
    """Auth0 accepted a value that is not published yet, so a rotation is in progress."""
    FALLBACK_USED = "fallback used"
    """Auth0 accepted the previous value. A rotation is spreading, or was undone at Auth0."""
    ALL_REFUSED = "all refused"
    """Auth0 refused every value that can be read, for as long as a retry made sense."""
    READ_FAILED = "read failed"
    """The sink could not be read. The cached values remain in use."""


# A pending value in use is an ordinary rotation. A fallback in use may mean that a rotation
# was undone, so it is a warning.
LEVELS = {
    Kind.REFRESHED: logging.INFO,
    Kind.PENDING_USED: logging.INFO,
    Kind.FALLBACK_USED: logging.WARNING,
    Kind.ALL_REFUSED: logging.ERROR,
    Kind.READ_FAILED: logging.WARNING,
}


@dataclass(frozen=True)
class Event:
    """One event at a sink. It holds no secret value.

    `version` is the vault's name for the version that is current there, and empty while nothing has been read. `why` is
    the reason, where there is one.
    """

    kind: Kind
    client_id: str
    sink: str
    version: str = ""
    why: str = ""


Hook = Callable[[Event], None]
"""A function of the application's that receives each event. It must not block."""


def tell(event: Event, hook: Hook | None) -> None:
    """Log an event and pass it to the application's hook.

    An exception of the hook is logged and goes no further, so that a hook cannot stop a token request.

    It is called in the thread in which the event happens, which may be one that waits for a token.
    """
    why = f": {event.why}" if event.why else ""
    LOG.log(LEVELS[event.kind], "%s (%s, client %s)%s", event.kind, event.sink, event.client_id, why)
    if hook is None:
        return
    try:
        hook(event)
    except Exception:  # noqa: BLE001  # the application's own, and its text may hold a secret
        LOG.error("the hook for consumer events failed")  # noqa: TRY400  # no traceback: as above

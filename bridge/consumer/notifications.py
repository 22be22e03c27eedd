"""Sends messages to people about the events at an application's sink.

The extra `notify` installs apprise, which runs in another process.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from datetime import timedelta
from functools import partial
from importlib.util import find_spec

from bridge.consumer import events
from bridge.consumer.events import LOG, Hook, Kind
from bridge.notify.events import Event, Message, text, title
from bridge.notify.post import Post
from sinks.clock import Clock, SystemClock
from sinks.references import resolve

# Refreshes and failed readings are for logs and metrics: the cached values remain in use.
TOLD: Mapping[Kind, Event] = {Kind.FALLBACK_USED: Event.FALLBACK_USED, Kind.ALL_REFUSED: Event.FAILED}
"""The events that are worth a message. A pending value in use is normal during a rotation."""


class Notifications:
    """A function for `on_event` that sends a message when the fallback was used, or when every value was refused.

    It never blocks and never raises. A message that could not be delivered is logged. No message holds a secret value.

    Example:
        secret = ClientSecret("AbC123", "vault://secret/apps/billing", on_event=Notifications("env:SLACK_URL"))

    Args:
        url: a reference to an apprise URL: `env:NAME`, `file:PATH` …
        every: the shortest interval between two messages of the same kind about the same sink.
        then: called with each event afterwards, whether or not it was worth a message.

    Raises:
        ImportError: the extra is not installed.
    """

    def __init__(
        self,
        url: str,
        *,
        every: timedelta = timedelta(hours=1),
        then: Hook | None = None,
        clock: Clock | None = None,
    ) -> None:
        # At once and not with the first message, which would be when something is wrong already.
        if find_spec("apprise") is None:
            raise ImportError("the extra is not installed; in a clone of secret-bridge: pip install '.[notify]'")
        self._url = url
        self._every = every.total_seconds()
        self._then = then
        self._clock = clock or SystemClock()
        self._guard = threading.Lock()
        self._told: dict[tuple[str, str], float] = {}

    def __call__(self, event: events.Event) -> None:
        """Send a message about an event if it is worth one (`bridge.consumer.events.Hook`).

        It returns at once. The message is sent by a thread, which ends when it is delivered or given up.
        """
        if event.kind in TOLD and self._due(event):
            threading.Thread(target=self._deliver, args=(_message(event),), name="notify", daemon=True).start()
        if self._then is not None:
            self._then(event)

    def _due(self, event: events.Event) -> bool:
        # Checked and recorded in one step, or two threads with the same event would both send a message.
        now, key = self._clock.monotonic(), (event.kind, event.sink)
        with self._guard:
            if key in self._told and now - self._told[key] < self._every:
                return False
            self._told[key] = now
        return True

    def _deliver(self, message: Message) -> None:
        """Deliver a message and log what was not taken.

        It runs in a thread of its own, because a messenger process has to start.
        """
        post = Post(partial(resolve, environ=os.environ))
        post.send([self._url], message)
        for lost in post.finish():
            LOG.warning(lost)


def _message(event: events.Event) -> Message:
    fields = {"client_id": event.client_id, "sink": event.sink, "current": event.version, "kind": str(event.kind)}
    why = f": {event.why}" if event.why else ""
    body = [
        f"An application of client {event.client_id} reports: {event.kind}{why}",
        f"{event.sink}, where version {event.version or 'unknown'} is current",
        "Within a minute after a rotation this is its spreading. Else look: secret-bridge verify, then evidence",
    ]
    return Message(TOLD[event.kind], title("secret-bridge:", event.client_id, event.kind), text(body), fields)

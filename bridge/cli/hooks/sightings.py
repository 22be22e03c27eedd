"""Notifications of what `watch` sees, one message for each thing."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from bridge.cli.hooks.notify import Teller
from bridge.cli.output import json as as_json
from bridge.cli.output.sightings import as_object

if TYPE_CHECKING:
    from bridge.config.settings import ClientSettings, Settings
    from bridge.notify.events import Event
    from bridge.watch.decide import Tell


class Sightings(Teller):
    """Notifies of what `watch` sees, one message for each thing, from any thread."""

    def told(self, settings: Settings, tenant: str, client: ClientSettings | None, told: Tell, at: datetime) -> None:
        """Send a message, without waiting until it is delivered: other watchers wait for what follows."""
        with self._sending:
            self._safely(lambda: self._tell(settings, tenant, client, told, at))

    def _tell(self, settings: Settings, tenant: str, client: ClientSettings | None, told: Tell, at: datetime) -> None:
        from bridge.notify import events

        event = _event_of(told)
        to = [each for each in settings.notify if event in each.on]
        if not to:
            return
        details = as_json.plain(as_object(tenant, client, told, at))
        fields = self._fields(client=details["client"], client_id=details["client_id"], details=details)
        title = events.title("secret-bridge:", client.name if client else tenant, told.kind)
        body = [told.text, *([f"-> {told.next}"] if told.next else []), "", f"{self._command} by {fields['actor']}"]
        self._send(to, events.Message(event, title, events.text(body), fields))


def _event_of(told: Tell) -> Event:
    """Return the event of something that was seen. What ends has the event of its begin, for those who got that."""
    from bridge.notify.events import Event
    from bridge.watch.decide import Kind

    if told.kind in (Kind.FAILING, Kind.STILL_FAILING, Kind.STOPPED):
        return Event.FALLBACK_USED
    return {Kind.REPAIRED: Event.ROTATED, Kind.NOT_LOOKED_AT: Event.FAILED}.get(told.kind, Event.ATTENTION)

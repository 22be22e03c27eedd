"""Counts what happens at a place with OpenTelemetry. The extra `otel` brings its API; nothing else here imports it."""

from __future__ import annotations

from opentelemetry.metrics import MeterProvider, get_meter

from bridge.consumer.cache import USED
from bridge.consumer.events import Event, Hook

NAME = "secret_bridge.consumer.events"
STAGES = {kind: str(stage) for stage, kind in USED.items()}


class Telemetry:
    """A function for `on_event` that counts events in one instrument, `secret_bridge.consumer.events`.

    Each has the attributes `event` (`Kind`), `client_id`, `place` and, where another value than current's was used,
    `stage`. None of them holds a value, and there are few different ones: neither a version nor a reason is among them.

    Example:
        secret = ClientSecret("AbC123", "vault://secret/apps/billing", on_event=Telemetry())

    Args:
        provider: where the meter comes from; by default the one that the application has set.
        then: told each event afterwards.
    """

    def __init__(self, *, provider: MeterProvider | None = None, then: Hook | None = None) -> None:
        meter = get_meter("bridge.consumer", meter_provider=provider)
        self._events = meter.create_counter(NAME, "{event}", "What a reader of a rotated secret met")
        self._then = then

    def __call__(self, event: Event) -> None:
        """Count an event (`bridge.consumer.events.Hook`)."""
        attributes = {"event": str(event.kind), "client_id": event.client_id, "place": event.place}
        if stage := STAGES.get(event.kind):
            attributes["stage"] = stage
        self._events.add(1, attributes)
        if self._then is not None:
            self._then(event)

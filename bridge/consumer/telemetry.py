"""Counts the events at a sink with OpenTelemetry.

The extra `otel` installs its API. Only this module of the package imports it.
"""

from __future__ import annotations

from opentelemetry.metrics import MeterProvider, get_meter

from bridge.consumer.cache import USED
from bridge.consumer.events import Event, Hook

NAME = "secret_bridge.consumer.events"
"""The name of the counter."""
STAGES = {kind: str(stage) for stage, kind in USED.items()}
"""The stage to report for an event in which a value other than current was used."""


class Telemetry:
    """A function for `on_event` that counts events in one instrument, `secret_bridge.consumer.events`.

    Each count has the attributes `event` (`Kind`), `client_id`, `sink` and, if a value other than current was used,
    `stage`. No attribute holds a secret value. Versions and reasons are left out, to keep the number of time series
    small.

    Example:
        secret = ClientSecret("AbC123", "vault://secret/apps/billing", on_event=Telemetry())

    Args:
        provider: the source of the meter. By default it is the one that the application has set.
        then: called with each event afterwards.
    """

    def __init__(self, *, provider: MeterProvider | None = None, then: Hook | None = None) -> None:
        meter = get_meter("bridge.consumer", meter_provider=provider)
        self._events = meter.create_counter(NAME, "{event}", "What a reader of a rotated secret met")
        self._then = then

    def __call__(self, event: Event) -> None:
        """Count an event (`bridge.consumer.events.Hook`).

        It sends nothing itself: the application's exporter does.
        """
        attributes = {"event": str(event.kind), "client_id": event.client_id, "sink": event.sink}
        if stage := STAGES.get(event.kind):
            attributes["stage"] = stage
        self._events.add(1, attributes)
        if self._then is not None:
            self._then(event)

"""What OpenTelemetry's own SDK collects of what an application meets."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from bridge.consumer import Event, Kind
from bridge.consumer.telemetry import NAME, Telemetry
from tests.e2e.taps import died
from tests.e2e.world import MakeWorld, World
from tests.support.proxy import Proxy
from tests.unit.consumer.asking import Application, soon
from tests.unit.consumer.test_candidates import adopted

ROOT = Path(__file__).parents[3]


class Collected:
    """A meter that keeps what it measures."""

    def __init__(self) -> None:
        self._reader = InMemoryMetricReader()
        self.provider = MeterProvider([self._reader], shutdown_on_exit=False)

    def points(self) -> list[tuple[dict[str, Any], int]]:
        data = self._reader.get_metrics_data()
        metrics = [m for r in data.resource_metrics for s in r.scope_metrics for m in s.metrics] if data else []
        assert {metric.name for metric in metrics} <= {NAME}
        return [(dict(point.attributes), point.value) for m in metrics for point in m.data.data_points]

    def counts(self) -> dict[tuple[str, str], int]:
        """How often what happened, with the stage that was used."""
        found = Counter[tuple[str, str]]()
        for attributes, count in self.points():
            found[attributes["event"], attributes.get("stage", "")] += count
        return dict(found)


@pytest.fixture
def collected() -> Collected:
    return Collected()


def application(world: World, collected: Collected, **more: Any) -> Application:
    (uri,) = world.uris
    found = Application(world, uri, on_event=Telemetry(provider=collected.provider), **more)
    world._opened.callback(found.close)
    return found


def test_another_value_than_current_is_counted_with_its_stage(make_world: MakeWorld, collected: Collected) -> None:
    world = adopted(make_world(ends="aws"))
    reader = application(world, collected)
    assert reader.ask()
    assert collected.counts() == {("refreshed", ""): 1}
    died(world, "auth0.set_secret")
    world.spread()
    assert reader.ask() == world.live
    assert collected.counts() == {("refreshed", ""): 1, ("pending used", "pending"): 1}
    world.tenant.set_in_dashboard(world.client_id)
    world.spread()
    assert reader.ask() is None
    assert collected.counts()["all refused", ""] == 1


def test_a_fallback_that_works_is_counted(make_world: MakeWorld, collected: Collected) -> None:
    world = adopted(make_world(ends="aws"))
    world.rotate()
    reader = application(world, collected)
    world.tenant.set_in_dashboard(world.client_id, world.s0)
    world.spread()
    assert reader.ask() == world.s0
    assert collected.counts()["fallback used", "fallback"] == 1


def test_a_place_that_cannot_be_read_is_counted(make_world: MakeWorld, collected: Collected) -> None:
    world = adopted(make_world(ends="vault"))
    with Proxy(world.servers.bao.url) as proxy:
        reader = application(world, collected, environ={**world.environment, "VAULT_ADDR": proxy.url})
        assert reader.ask()
        reader.secret.close()
    world.clock.sleep(3600)
    assert reader.ask()
    assert soon(lambda: collected.counts().get(("read failed", ""), 0) >= 1)


@pytest.mark.parametrize("kind", Kind)
def test_every_kind_is_counted_and_no_attribute_says_more_than_where(kind: Kind, collected: Collected) -> None:
    told: list[Event] = []
    event = Event(kind, "AbC123", "vault://secret/apps/billing", version="7", why="a reason that is long")
    Telemetry(provider=collected.provider, then=told.append)(event)
    ((attributes, count),) = collected.points()
    assert (attributes["event"], attributes["client_id"], attributes["sink"], count) == (
        kind.value, "AbC123", "vault://secret/apps/billing", 1,
    )  # fmt: skip
    assert set(attributes) <= {"event", "client_id", "sink", "stage"}
    assert told == [event]


def test_nothing_loads_it_but_who_asks_for_it() -> None:
    code = "import sys, bridge.consumer, bridge.consumer.client_credentials; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert not [name for name in done.stdout.split() if name.startswith("opentelemetry")]

"""AWS's caching client, by the reader of the documentation."""

from __future__ import annotations

import time
from types import ModuleType

import pytest
from aws_secretsmanager_caching.cache.items import SecretCacheObject  # type: ignore[import-untyped]  # no types

from tests.e2e.taps import Trace, died
from tests.e2e.world import MakeWorld, World
from tests.recipes.recipe import adopted, asking, between_changes, module

STAGES = ("AWSCURRENT", "AWSPENDING", "FALLBACK")


@pytest.fixture
def world(make_world: MakeWorld) -> World:
    return adopted(make_world(ends="aws"))


@pytest.fixture
def without_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    """A refresh pauses for some seconds first; only one test waits for it."""
    monkeypatch.setattr(SecretCacheObject, "FORCE_REFRESH_JITTER_SLEEP", 0)


def reader(world: World, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    asking(world, monkeypatch)
    made = module("read_aws_cached", {"apps/billing": world.aws.name})
    world._opened.callback(made.cache._client.close)
    return made


def stages(cached: ModuleType) -> list[str | None]:
    return [cached.read(stage) for stage in STAGES]


def test_after_a_refresh_each_stage_holds_its_value(
    world: World, monkeypatch: pytest.MonkeyPatch, without_pause: None
) -> None:
    cached = reader(world, monkeypatch)
    assert stages(cached) == [world.s0, None, None]
    died(world, "auth0.set_secret")
    assert stages(cached) == [world.s0, None, None]  # it is a cache
    assert cached.cache.refresh_secret_now(world.aws.name)
    assert stages(cached) == [world.s0, world.live, None]
    world.clock.advance(world.tenant.settings.propagation * 10)
    world.rotate()
    assert cached.cache.refresh_secret_now(world.aws.name)
    assert stages(cached) == [world.live, None, world.s0]


def test_no_moment_of_a_rotation_refuses_it(world: World, monkeypatch: pytest.MonkeyPatch, without_pause: None) -> None:
    cached = reader(world, monkeypatch)
    cached.token()
    trace = Trace(world.clock, after=between_changes(cached.token))
    world.rotate(trace, settle=True)
    assert len(trace.effects) > 5


def test_a_refused_reader_pauses_before_it_reads_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    cached = reader(world, monkeypatch)
    cached.token()
    world.rotate()
    began = time.monotonic()
    assert cached.token()["access_token"]
    assert time.monotonic() - began >= 2.5

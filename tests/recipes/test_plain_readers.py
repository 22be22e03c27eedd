"""The readers with hvac and boto3: refused at no moment of a rotation."""

from __future__ import annotations

import itertools
from types import ModuleType

import pytest

from tests.e2e.taps import Trace, died
from tests.e2e.world import MakeWorld, World
from tests.recipes.recipe import adopted, asking, between_changes, module


def readers(world: World, monkeypatch: pytest.MonkeyPatch) -> list[ModuleType]:
    asking(world, monkeypatch)
    vault = module("read_vault", {"apps/billing": world.vault.path})
    world._opened.callback(vault.vault.adapter.close)
    aws = module("read_aws", {"apps/billing": world.aws.name})
    world._opened.callback(aws.aws.close)
    return [vault, aws]


def test_no_moment_of_a_rotation_refuses_them(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    adopted(world)
    both = readers(world, monkeypatch)
    tap = between_changes(*(reader.token for reader in both))
    world.rotate(Trace(world.clock, after=tap))
    again = Trace(world.clock, after=tap)
    world.rotate(again, settle=True)
    assert len(again.effects) > 10


def test_they_offer_what_is_there_in_the_order_of_reading(
    make_world: MakeWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = adopted(make_world())
    both = readers(world, monkeypatch)

    def offered() -> list[list[str]]:
        found = [[value for value in reader.candidates() if value] for reader in both]
        return [[value for value, _ in itertools.groupby(values)] for values in found]

    assert offered() == [[world.s0]] * 2
    died(world, "auth0.set_secret")
    pending = world.live
    assert offered() == [[world.s0, pending, world.s0]] * 2
    world.clock.advance(world.tenant.settings.propagation * 10)
    world.rotate()
    assert offered() == [[pending, world.s0]] * 2

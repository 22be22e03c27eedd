"""Rotating, as everybody sees it afterwards. The waits are skipped; the calls are real."""

from __future__ import annotations

import base64
import string

import pytest

from bridge.model.operation import Strategy
from tests.e2e.observe import assert_rotated, beside
from tests.e2e.world import MakeWorld, World

BOTH = pytest.mark.parametrize("strategy", list(Strategy))
SHAPES = pytest.mark.parametrize("shape", [{}, {"bare": True}, {"key": "auth0_secret"}], ids=["json", "bare", "key"])


def adopted(world: World) -> World:
    world.fill()
    world.adopt()
    return world


@BOTH
@SHAPES
def test_adopted_places_hold_the_new_value_as_current_and_the_old_as_fallback(
    make_world: MakeWorld, strategy: Strategy, shape: dict[str, object]
) -> None:
    world = adopted(make_world(**shape))
    untouched = beside(world)
    done = world.rotate(strategy=strategy)
    assert done.result == "done"
    assert_rotated(world, old=world.s0, untouched=untouched)


@BOTH
@SHAPES
def test_empty_places_get_the_live_value_as_fallback(
    make_world: MakeWorld, strategy: Strategy, shape: dict[str, object]
) -> None:
    world = make_world(**shape)
    world.rotate(strategy=strategy)
    assert_rotated(world, old=world.s0)


@BOTH
def test_empty_places_without_fallback_keep_nothing_of_the_old_value(world: World, strategy: Strategy) -> None:
    world.rotate(strategy=strategy, without_fallback=True)
    assert_rotated(world, old=None)
    assert not any(world.s0 in place.see().readable for place in world.sinks)


@BOTH
@SHAPES
def test_unmanaged_places_are_taken_over_and_rotated_at_once(
    make_world: MakeWorld, strategy: Strategy, shape: dict[str, object]
) -> None:
    world = make_world(**shape)
    world.fill()
    untouched = beside(world)
    world.rotate(strategy=strategy, adopt=True)
    assert_rotated(world, old=world.s0, untouched=untouched)


@pytest.mark.parametrize("filled", [0, 1], ids=["vault filled", "aws filled"])
def test_one_filled_and_one_empty_place_end_alike(world: World, filled: int) -> None:
    world.sinks[filled].fill(world.s0)
    world.rotate(adopt=True)
    assert_rotated(world, old=world.s0)


@BOTH
def test_the_second_of_two_rotations_keeps_the_first_ones_value_and_ends_the_oldest(
    world: World, strategy: Strategy
) -> None:
    adopted(world)
    untouched = beside(world)
    world.rotate(strategy=strategy)
    first = world.live
    world.rotate(strategy=strategy)
    assert_rotated(world, old=first, untouched=untouched)
    assert not any(world.s0 in place.see().readable for place in world.sinks)


def test_rotating_right_after_a_settled_rotation_waits_for_the_fence_and_works(world: World) -> None:
    adopted(world)
    world.rotate(settle=True)
    first = world.live
    world.rotate(settle=True)
    assert_rotated(world, old=first)
    assert len(world.tenant.secret_history(world.client_id)) == 3


def test_a_settled_rotation_was_proven_by_probes(world: World) -> None:
    adopted(world)
    done = world.rotate(settle=True)
    assert done.propagated is not None
    assert done.propagated.proven
    assert (done.propagated.refused, done.propagated.asked_old) == (6, 6)
    assert done.propagated.asked <= 12


def test_a_client_with_a_base64_secret_gets_one(make_world: MakeWorld) -> None:
    world = adopted(make_world(kind="secret_encoded"))
    world.rotate()
    assert len(base64.b64decode(world.live, validate=True)) == 48
    assert_rotated(world, old=world.s0)


def test_a_new_value_has_64_safe_characters(world: World) -> None:
    adopted(world).rotate()
    assert len(world.live) == 64
    assert set(world.live) <= {*string.ascii_letters, *string.digits, "-", "_"}


@pytest.mark.parametrize("kind", ["machine", "web", "basic", "third_party"])
def test_every_kind_of_confidential_client_can_be_rotated(make_world: MakeWorld, kind: str) -> None:
    world = adopted(make_world(kind=kind))
    world.rotate(settle=True)
    assert_rotated(world, old=world.s0)

"""Somebody else, who writes beside the bridge: one atomic step at any time, in the order that a scenario names."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

from tests.model.auth0_model import changed
from tests.model.aws_model import give, holder
from tests.model.world import OTHER_KEY, VALUE_KEY, AwsPlace, Key, Labelled, VaultPlace, World, with_place


def kinds(world: World) -> tuple[str, ...]:
    """Return the kind of each place of a world; those with companions end with a star."""
    counted = {"vault": 0, "aws": 0}
    found = []
    for place in world.places:
        kind = "aws" if isinstance(place, AwsPlace) else "vault"
        counted[kind] += 1
        found.append(kind if counted[kind] == 1 else f"{kind}{counted[kind]}")
    return tuple(f"{kind}*" for kind in found) if world.companions else tuple(found)


def steps(world: World, planned: tuple[str, ...], done: int) -> Iterator[tuple[str, World]]:
    """Yield the next thing that the foreign writer does, at each place where it can."""
    if done >= len(planned):
        return
    what = planned[done]
    if what == "dashboard":
        auth0 = changed(world.auth0, f"dashboard-{done}", world.clock)
        yield "somebody presses Rotate in the dashboard", world._replace(auth0=auth0, foreign=True)
        return
    for index in range(len(world.places)):
        after = _WRITES[what](world, index, done)
        if after is not None:
            yield f"somebody: {what} at place {index}", after


def tidied(world: World) -> World:
    """Return the world after somebody took away what the bridge must not: AWSPENDING on a version it did not make."""
    for index, place in enumerate(world.places):
        pending = holder(place, "AWSPENDING") if isinstance(place, AwsPlace) else None
        if isinstance(place, AwsPlace) and pending and pending.id.startswith("foreign"):
            world = with_place(world, index, give(place, "AWSPENDING", None, world.clock))
    return world


def _sibling(world: World, index: int, done: int) -> World | None:
    text = f"x{done + 1}"
    after = _edited(world, index, done, {OTHER_KEY: text})
    if after is None:
        return None
    siblings = tuple(text if i == index else s for i, s in enumerate(world.siblings))
    return after._replace(siblings=siblings)


def _value(world: World, index: int, done: int) -> World | None:
    after = _edited(world, index, done, {VALUE_KEY: f"foreign-{done}"})
    return after and after._replace(foreign=True)


def _edited(world: World, index: int, done: int, changes: dict[str, Any]) -> World | None:
    """Return the world with some keys of the current document changed, as a new version."""
    place = world.places[index]
    if isinstance(place, VaultPlace):
        main = place.main
        text = next((t for n, _, t in main.versions if n == main.current), None) if main else None
        if main is None or text is None:
            return None
        number, written = main.current + 1, json.dumps({**json.loads(text), **changes}, sort_keys=True)
        versions = (*main.versions, (number, world.clock, written))[-main.limit :]
        return with_place(world, index, place._replace(main=main._replace(current=number, versions=versions)))
    current = holder(place, "AWSCURRENT")
    if current is None:
        return None
    text = json.dumps({**json.loads(current.text), **changes}, sort_keys=True)
    version = Labelled(f"foreign-{done}", world.clock, text, ())
    after = give(place._replace(versions=(*place.versions, version)), "AWSCURRENT", version.id, world.clock)
    return with_place(world, index, after)


def _wipe(world: World, index: int, done: int) -> World | None:
    place = world.places[index]
    if isinstance(place, VaultPlace):
        wiped: VaultPlace | AwsPlace = place._replace(main=place.main and place.main._replace(tags=()))
    else:
        wiped = place._replace(tags=(), changed=world.clock)
    return with_place(world, index, wiped)._replace(foreign=True)


def _pending(world: World, index: int, done: int) -> World | None:
    place = world.places[index]
    if isinstance(place, VaultPlace):
        return None
    version = Labelled(f"foreign-{done}", world.clock, json.dumps({VALUE_KEY: f"foreign-{done}"}), ())
    after = give(place._replace(versions=(*place.versions, version)), "AWSPENDING", version.id, world.clock)
    return with_place(world, index, after)._replace(foreign=True)


_WRITES: dict[str, Callable[[World, int, int], World | None]] = {
    "sibling": _sibling, "value": _value, "wipe": _wipe, "pending": _pending,
}  # fmt: skip

__all__ = ["Key", "kinds", "steps", "tidied"]

"""Somebody else, who writes beside the bridge: one atomic step at a time, in the order that a scenario names.

Most of it may happen at any moment. What is named with a moment happens then only, and the commands have to cope with
it: `World.struck`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

from tests.model.auth0_model import changed
from tests.model.aws_model import give, holder
from tests.model.seeing import shown
from tests.model.world import (
    ANY_TIME,
    EARLY,
    OTHER_KEY,
    VALUE_KEY,
    AwsPlace,
    Key,
    Labelled,
    VaultPlace,
    World,
    with_place,
)  # fmt: skip

ANYTHING = ("sibling", "value", "wipe", "pending", "dashboard")
"""What "anything" is one of."""

LATE = "a late request while they wait"
PASTED = "a value while they wait"
HALFWAY = "dashboard when half is published"
BETWEEN = "dashboard when nobody holds a place"


def kinds(world: World) -> tuple[str, ...]:
    """Return the kind of each place of a world; those with companions end with a star."""
    counted = {"vault": 0, "aws": 0}
    found = []
    for place in world.places:
        kind = "aws" if isinstance(place, AwsPlace) else "vault"
        counted[kind] += 1
        found.append(kind if counted[kind] == 1 else f"{kind}{counted[kind]}")
    return tuple(f"{kind}*" for kind in found) if world.companions else tuple(found)


def steps(world: World, planned: tuple[str, ...], done: int, *, waiting: bool) -> Iterator[tuple[str, World]]:
    """Yield the next thing that the foreign writer does, at each place where it can.

    `waiting`: whoever does anything waits for time to pass.
    """
    if done >= len(planned):
        return
    for what in ANYTHING if planned[done] == "anything" else (planned[done],):
        yield from _struck(world, what, done, waiting=waiting) if what in _MOMENTS else _steps(world, what, done)


def _struck(world: World, what: str, done: int, *, waiting: bool) -> Iterator[tuple[str, World]]:
    """Yield what somebody does at a certain moment, if this is the moment."""
    places = [shown(place) for place in world.places]
    moment = {
        LATE: waiting and any(at.locked for at in places),
        PASTED: waiting and any(at.locked for at in places),
        HALFWAY: any(at.locked for at in places) and len({at.current for at in places}) > 1,
        BETWEEN: not any(at.locked for at in places),
    }[what]
    former = next((at.fallback for at in places if at.fallback), None)
    if not moment or (what == LATE and former is None):
        return
    if what == LATE:
        late = world._replace(auth0=changed(world.auth0, str(former), world.clock))
        yield f"Auth0 carries out an old request: set_secret({former})", late._replace(struck=EARLY)
        return
    for told, after in _steps(world, _MOMENTS[what], done):
        foreign = world.foreign or what == PASTED
        yield told, after._replace(foreign=foreign, struck=ANY_TIME if what == BETWEEN else EARLY)


def _steps(world: World, what: str, done: int) -> Iterator[tuple[str, World]]:
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

_MOMENTS = {LATE: "", PASTED: "value", HALFWAY: "dashboard", BETWEEN: "dashboard"}

__all__ = ["Key", "kinds", "steps", "tidied"]

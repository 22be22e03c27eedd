"""Somebody else, who writes beside the bridge: one atomic step at a time, in the order that a scenario names.

Most of it may happen at any moment. What is named with a moment happens then only, and the commands have to cope with
it: `World.struck`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

from tests.resilience.model.adversary import ACTS, RIGHTS
from tests.resilience.model.auth0_model import changed
from tests.resilience.model.aws_model import give, holder
from tests.resilience.model.seeing import shown
from tests.resilience.model.world import (
    ANY_TIME,
    AT_ONCE,
    EARLY,
    OTHER_KEY,
    VALUE_KEY,
    Auth0State,
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
BETWEEN = "dashboard when nobody holds a sink"
SWIFT = "a late request that spreads at once while they wait"
OVERWRITTEN = "a lock"
TAKEN = "AWSPENDING while a sink is held"
DROPPED = "a very late request of "
"""It names the value. Nobody holds a sink then."""


HELD = "foreign-held-"
"""How the versions are named of somebody who takes AWSPENDING from whoever holds a sink."""


def kinds(world: World) -> tuple[str, ...]:
    """Return the kind of each sink of a world; those with sibling keys end with a star."""
    counted = {"vault": 0, "aws": 0}
    found = []
    for place in world.sinks:
        kind = "aws" if isinstance(place, AwsPlace) else "vault"
        counted[kind] += 1
        found.append(kind if counted[kind] == 1 else f"{kind}{counted[kind]}")
    return tuple(f"{kind}*" for kind in found) if world.sibling_keys else tuple(found)


def steps(world: World, planned: tuple[str, ...], done: int, *, waiting: bool) -> Iterator[tuple[str, World]]:
    """Yield the next thing that the foreign writer does, at each sink where it can.

    `waiting`: whoever does anything waits for time to pass.
    """
    if done >= len(planned):
        return
    for what in {"anything": ANYTHING, **RIGHTS}.get(planned[done], (planned[done],)):
        if what in ACTS:
            yield from _acts(world, what)
        elif what.startswith(DROPPED):
            yield from _dropped(world, what.removeprefix(DROPPED))
        else:
            yield from _struck(world, what, done, waiting=waiting) if what in _MOMENTS else _steps(world, what, done)


def _acts(world: World, what: str) -> Iterator[tuple[str, World]]:
    """Yield what somebody does who has one right too many."""
    for index in range(len(world.sinks)):
        after = ACTS[what](world, index)
        if after is not None and after != world:
            yield f"an adversary: {what} at sink {index}", after._replace(foreign=True, forged=True)


def _dropped(world: World, value: str) -> Iterator[tuple[str, World]]:
    if any(shown(place).locked for place in world.sinks):
        return
    late = world._replace(auth0=Auth0State(value, made=world.auth0.made), foreign=True, struck=ANY_TIME)
    yield f"Auth0 carries out a dead process's request: set_secret({value})", late


def _struck(world: World, what: str, done: int, *, waiting: bool) -> Iterator[tuple[str, World]]:
    """Yield what somebody does at a certain moment, if this is the moment."""
    sinks = [shown(place) for place in world.sinks]
    moment = {
        LATE: waiting and any(at.locked for at in sinks),
        PASTED: waiting and any(at.locked for at in sinks),
        HALFWAY: any(at.locked for at in sinks) and len({at.current for at in sinks}) > 1,
        BETWEEN: not any(at.locked for at in sinks),
        SWIFT: waiting and any(at.locked for at in sinks),
        OVERWRITTEN: any(at.locked for at in sinks),
        TAKEN: any(at.locked for at in sinks),
    }[what]
    former = next((at.fallback for at in sinks if at.fallback), None)
    if not moment or (what in (LATE, SWIFT) and former is None):
        return
    if what in (LATE, SWIFT):
        auth0 = changed(world.auth0, str(former), world.clock)
        auth0 = auth0 if what == LATE else auth0._replace(old=(), unsure=0.0)
        yield f"Auth0 carries out an old request: set_secret({former})", world._replace(auth0=auth0, struck=EARLY)
        return
    struck = {BETWEEN: ANY_TIME, TAKEN: ANY_TIME, OVERWRITTEN: AT_ONCE}.get(what, EARLY)
    for told, after in _steps(world, _MOMENTS[what], done):
        yield told, after._replace(foreign=world.foreign or what in (PASTED, TAKEN), struck=struck)


def _steps(world: World, what: str, done: int) -> Iterator[tuple[str, World]]:
    if what == "dashboard":
        auth0 = changed(world.auth0, f"dashboard-{done}", world.clock)
        yield "somebody presses Rotate in the dashboard", world._replace(auth0=auth0, foreign=True)
        return
    for index in range(len(world.sinks)):
        after = _WRITES[what](world, index, done)
        if after is not None:
            yield f"somebody: {what} at sink {index}", after


def robbed(world: World) -> Iterator[str]:
    """Yield where AWSPENDING was taken from somebody who had taken it from whoever held the sink."""
    for index, place in enumerate(world.sinks):
        versions = place.versions if isinstance(place, AwsPlace) else ()
        if any(v.id.startswith(HELD) and "AWSPENDING" not in v.stages for v in versions):
            yield f"sink {index}: AWSPENDING was taken from somebody else's version"


def tidied(world: World) -> World:
    """Return the world after somebody took away what the bridge must not: AWSPENDING on a version it did not make."""
    for index, place in enumerate(world.sinks):
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
    place = world.sinks[index]
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
    place = world.sinks[index]
    if isinstance(place, VaultPlace):
        wiped: VaultPlace | AwsPlace = place._replace(main=place.main and place.main._replace(tags=()))
    else:
        wiped = place._replace(tags=(), changed=world.clock)
    return with_place(world, index, wiped)._replace(foreign=True)


def _held(world: World, index: int, done: int) -> World | None:
    return _pending(world, index, done, HELD) if shown(world.sinks[index]).locked else None


def _pending(world: World, index: int, done: int, named: str = "foreign-") -> World | None:
    place = world.sinks[index]
    if isinstance(place, VaultPlace):
        return None
    version = Labelled(f"{named}{done}", world.clock, json.dumps({VALUE_KEY: f"foreign-{done}"}), ())
    after = give(place._replace(versions=(*place.versions, version)), "AWSPENDING", version.id, world.clock)
    return with_place(world, index, after)._replace(foreign=True)


def _lock(world: World, index: int, done: int) -> World | None:
    """Take the lock away: AWSPENDING from its version, or in Vault by a newer version that was deleted again."""
    place = world.sinks[index]
    if isinstance(place, AwsPlace):
        return with_place(world, index, give(place, "AWSPENDING", None, world.clock)) if shown(place).locked else None
    lock = place.lock
    if lock is None or not shown(place).locked:
        return None
    number = lock.current + 1
    versions = (*lock.versions, (number, world.clock, None))[-lock.limit :]
    return with_place(world, index, place._replace(lock=lock._replace(current=number, versions=versions)))


_WRITES: dict[str, Callable[[World, int, int], World | None]] = {
    "sibling": _sibling, "value": _value, "wipe": _wipe, "pending": _pending, "lock": _lock, "held": _held,
}  # fmt: skip

_MOMENTS = {
    LATE: "",
    SWIFT: "",
    PASTED: "value",
    HALFWAY: "dashboard",
    BETWEEN: "dashboard",
    OVERWRITTEN: "lock",
    TAKEN: "held",
}

__all__ = ["Key", "kinds", "steps", "tidied"]

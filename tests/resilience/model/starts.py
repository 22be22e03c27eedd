"""Where the searches begin: worlds that commands have left, an hour after each."""

from __future__ import annotations

import json
from collections.abc import Callable

from tests.resilience.model.converge import Converging
from tests.resilience.model.foreign import kinds
from tests.resilience.model.operations import program
from tests.resilience.model.program import End
from tests.resilience.model.servers import READS, serve
from tests.resilience.model.world import (
    FIRST_OTHER,
    OTHER_KEY,
    VALUE_KEY,
    Auth0State,
    AwsPlace,
    Key,
    Labelled,
    VaultPlace,
    World,
    advanced,
    with_place,
)  # fmt: skip

HOUR = 3600.0


def raw(*sinks: str) -> World:
    """Return a world in which the sinks hold the live value, and the bridge has never been."""
    text = json.dumps({VALUE_KEY: "S0", OTHER_KEY: FIRST_OTHER}, sort_keys=True)
    vault = VaultPlace(Key(1, ((1, 0.0, text),)))
    aws = AwsPlace(True, (Labelled("first", 0.0, text, ("AWSCURRENT",)),))
    found = tuple(aws if kind.startswith("aws") else vault for kind in sinks)
    kept = sinks[0].endswith("*")
    return World(HOUR, found, Auth0State("S0"), siblings=(FIRST_OTHER,) * len(sinks), sibling_keys=kept)


def after(world: World, *commands: str) -> World:
    """Return the world after some commands, an hour after each."""
    for number, name in enumerate(commands):
        ((world, kind),) = Converging(kinds(world)).run(name, "mnop"[number], world)
        assert kind in ("done", "finished"), f"{name}: {kind}"
        world = advanced(world, world.clock + HOUR)
    return world


def managed(*sinks: str) -> World:
    """Return a world with sinks that the bridge manages, no fallback open."""
    return after(raw(*sinks), "adopt")


def rotated(*sinks: str) -> World:
    """Return a world with an open fallback everywhere."""
    return after(raw(*sinks), "adopt", "rotate")


def retired(*sinks: str) -> World:
    """Return a world whose fallback was retired."""
    return after(raw(*sinks), "adopt", "rotate", "retire")


def older(*sinks: str) -> World:
    """Return a managed world, in whose sinks somebody had another value before the bridge came."""
    world, text = raw(*sinks), json.dumps({VALUE_KEY: "ancient", OTHER_KEY: FIRST_OTHER}, sort_keys=True)
    for index, place in enumerate(world.sinks):
        if isinstance(place, VaultPlace) and place.main:
            (_, _, first), *_ = place.main.versions
            world = with_place(world, index, VaultPlace(Key(2, ((1, 0.0, text), (2, 0.0, first)))))
    return after(world, "adopt")


def gone_back(*sinks: str) -> World:
    """Return a world whose current value was current before, and what the tags said then."""
    world = rotated(*sinks)
    told = tuple((p.tags if isinstance(p, AwsPlace) else p.main.tags if p.main else ()) for p in world.sinks)
    return after(world, "rotate", "rollback")._replace(before=told)


def ended(*sinks: str) -> World:
    """Return a world whose fallback was retired, and what the tags said before."""
    world = rotated(*sinks)
    told = tuple((p.tags if isinstance(p, AwsPlace) else p.main.tags if p.main else ()) for p in world.sinks)
    return after(world, "retire")._replace(before=told)


def soft_deleted(*sinks: str) -> World:
    """Return a world whose fallback was retired softly."""
    return after(raw(*sinks), "adopt", "rotate", "retire --soft")


def changed(*sinks: str) -> World:
    """Return a world with sinks that the bridge manages, after somebody changed the value in the dashboard."""
    world = rotated(*sinks)
    return world._replace(auth0=Auth0State("dashboard"))


def interrupted(command: str, effects: int, *sinks: str, before: Callable[..., World] = rotated) -> World:
    """Return a world an hour after a command died, having changed so many things; an open fallback stood before."""
    world = before(*sinks)
    operator = program(command, "q", kinds(world))
    node = operator.begin(world.clock)
    while not isinstance(request := operator.next(node, world), End) and (effects or request.name in READS):
        effects -= request.name not in READS
        world, answer = serve(world, request)[0]
        node = operator.child(node, answer, world.clock)
    return advanced(world, world.clock + HOUR)


STARTS: dict[str, Callable[..., World]] = {
    "raw": raw, "managed": managed, "rotated": rotated, "retired": retired, "aside": soft_deleted, "changed": changed,
    "older": older, "gone back": gone_back, "ended": ended,
}  # fmt: skip

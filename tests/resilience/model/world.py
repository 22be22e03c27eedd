"""The world of the model: a clock, the sinks and Auth0 as one immutable value, and the requests that change it.

Every raw call of the product is one atomic step on such a world. Calls take no time; time moves by itself, in jumps.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

BASE = datetime(2030, 1, 1, tzinfo=UTC)
AUTH0, CLOCK = -1, -2
"""Ends of a request that are no sink; a sink's end is its index in `World.places`."""

OK, CONFLICT, EXPIRED, MISSING, LOST = "ok", "conflict", "expired", "missing", "lost"
VALUE_KEY, OTHER_KEY = "client_secret", "other"
FIRST_OTHER = "x0"
"""What stands at OTHER_KEY as long as nobody else writes."""
EARLY, ANY_TIME, AT_ONCE = "early", "any time", "at once"


def at(clock: float) -> datetime:
    """Return the date that the servers show at a time of the model's clock."""
    return BASE + timedelta(seconds=clock)


class Key(NamedTuple):
    """One key of Vault's KV version 2: versions as (number, made at, document as JSON; None once it is gone).

    `deleted` are the documents that can be undeleted, by number.
    """

    current: int
    versions: tuple[tuple[int, float, str | None], ...]
    tags: tuple[tuple[str, str], ...] = ()
    limit: int = 10
    deleted: tuple[tuple[int, str], ...] = ()


class VaultPlace(NamedTuple):
    """A document and its lock key."""

    main: Key | None = None
    lock: Key | None = None


class Labelled(NamedTuple):
    """One version of a secret in AWS."""

    id: str
    made: float
    text: str
    stages: tuple[str, ...]


class AwsPlace(NamedTuple):
    """A secret in AWS; it does not exist yet without `exists`."""

    exists: bool = False
    versions: tuple[Labelled, ...] = ()
    tags: tuple[tuple[str, str], ...] = ()
    changed: float = 0.0


class Auth0State(NamedTuple):
    """The value that Auth0 holds; `old` are values still accepted at some of its edges, each until when.

    Until `unsure` the live value may still be refused somewhere. `made` counts the values that Auth0 generated.
    """

    live: str
    old: tuple[tuple[str, float], ...] = ()
    unsure: float = 0.0
    made: int = 0


class World(NamedTuple):
    """Everything outside of the operators. `siblings` is what the foreign writer last wrote beside our key, by sink.

    `foreign` says that somebody changed a *value*, wiped tags or took AWSPENDING: then fewer promises hold.
    `struck` says that somebody changed something which the commands have to cope with: EARLY if whoever ends well
    afterwards has noticed, ANY_TIME if not, AT_ONCE if whoever is struck mends it before it ends. `sibling_keys`: the
    client is configured so. `before` is what the tags said earlier, by sink: somebody may have kept it.
    `forged`: an adversary has written something; what is tagged or labelled may be a lie until it is repaired.
    """

    clock: float
    sinks: tuple[VaultPlace | AwsPlace, ...]
    auth0: Auth0State
    siblings: tuple[str, ...] = ()
    foreign: bool = False
    struck: str = ""
    sibling_keys: bool = False
    before: tuple[tuple[tuple[str, str], ...], ...] = ()
    forged: bool = False


class Request(NamedTuple):
    """One raw call. `before` is the time by which it has to have ended, where it has no compare-and-set."""

    end: int
    name: str
    args: tuple[Any, ...] = ()
    before: float | None = None


Answer = tuple[Any, ...]
"""What a server answered: OK with whatever it says, or the name of a failure."""

Outcomes = tuple[tuple[World, Answer], ...]


def with_place(world: World, index: int, place: VaultPlace | AwsPlace) -> World:
    """Return the world with one sink changed."""
    return world._replace(sinks=(*world.sinks[:index], place, *world.sinks[index + 1 :]))


def advanced(world: World, clock: float) -> World:
    """Return the world at a later time; windows that are over are forgotten, so that equal worlds are equal."""
    auth0 = world.auth0
    old = tuple((value, until) for value, until in auth0.old if until > clock)
    unsure = auth0.unsure if auth0.unsure > clock else 0.0
    return world._replace(clock=clock, auth0=auth0._replace(old=old, unsure=unsure))

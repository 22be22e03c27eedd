"""What is killed: a table. Each row sets its scene on a client that is new, and names the command that is struck."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.kill.bench import Subject
from tests.kill.judge import Limits
from tests.kill.wire import Point, Side

RESUME = ("resume", "--takeover", "--no-wait")
PLACES = {"vault": "vault", "aws": "aws", "both": "vault aws"}
REASON = "in a public repository"
COMPROMISED = ("rotate", "--compromised", "--reason", REASON, "--yes")
ABORT = ("resume", "--abort", "--takeover")
GENERATED = ("--strategy", "auth0-generated")

CLAIMED = Point(1, Side.AFTER, r"vault (POST|PUT) .*/pending|aws POST PutSecretValue")
NAMED = r"vault (POST|PUT) .*/pending|aws POST TagResource"
"""In AWS a claim says in tags who made it and why."""
SET = Point(1, Side.AFTER, r"auth0 (PATCH .*|POST .*/rotate-secret)")
CURRENT = Point(1, Side.AFTER, r"vault (POST|PUT) /v1/secret/data/apps/[^/]*")
LABELLED = Point(3, Side.AFTER, r"aws POST UpdateSecretVersionStage")
"""The check's, FALLBACK's and then AWSCURRENT's."""
ENDED = Point(1, Side.AFTER, r"vault (POST|PUT) /v1/secret/destroy/apps/[^/]*")

Scene = Callable[[Subject], None]


@dataclass(frozen=True)
class Scenario:
    """`ends` are the client's places. `repeats`: the same command finishes what it began, as `resume` does.

    `begins` is the request by which others know of it, where `resume` has something else to do or refuses before that:
    then the command itself has to be given again. `companions`: the client is configured so.
    """

    name: str
    ends: str
    scene: Scene
    argv: tuple[str, ...]
    limits: Limits = field(default_factory=Limits)
    repeats: bool = False
    begins: str | None = None
    companions: bool = False

    def begun(self, done: Iterable[str]) -> bool:
        """Tell whether others know of the operation, by the requests that servers have heard."""
        return self.begins is None or any(re.fullmatch(self.begins, call) for call in done)


def empty(_subject: Subject) -> None:
    """Nothing is there."""


def filled(subject: Subject) -> None:
    """Somebody wrote the live value by hand, beside other keys and tags."""
    for place in subject.places:
        place.fill(subject.world.s0)


def adopted(subject: Subject) -> None:
    filled(subject)
    subject.must("adopt", "--yes")


def rotated(subject: Subject) -> None:
    """There is a fallback, which Auth0 refuses."""
    filled(subject)
    subject.must("rotate", "--adopt", "--no-wait")


def set_aside(subject: Subject) -> None:
    """The fallback was retired softly."""
    rotated(subject)
    subject.spread()
    subject.must("retire", "--soft")


def changed_elsewhere(subject: Subject) -> None:
    """Somebody rotated in Auth0's dashboard: no place holds what Auth0 accepts."""
    rotated(subject)
    subject.world.tenant.set_in_dashboard(subject.world.client_id)


def interrupted(before: Scene, point: Point, *argv: str) -> Scene:
    """After `before` and a pause, a command died at a point."""

    def scene(subject: Subject) -> None:
        before(subject)
        subject.rest()
        struck = subject.strike(argv, point)
        assert struck.reached, f"{' '.join(argv)} never came to {point}: {struck.ended}"

    return scene


def _rotations() -> Iterator[Scenario]:
    for strategy, options in {"staged": (), "generated": GENERATED}.items():
        limits = Limits(generated=bool(options))
        scenes = {"first": (filled, ("--adopt",)), "open": (rotated, ())}
        for name, ends in PLACES.items():
            for when, (scene, more) in scenes.items():
                argv = ("rotate", *options, *more)
                yield Scenario(f"rotate/{strategy}/{name}/{when}", ends, scene, argv, limits, repeats=True)
        argv = ("rotate", *options)
        yield Scenario(f"rotate/{strategy}/both/empty", PLACES["both"], empty, argv, limits, repeats=True)


def _others() -> Iterator[Scenario]:
    none, leaked = Limits(makes=0), Limits(ends_current=True)
    undone = interrupted(rotated, SET, "rotate", "--no-wait")
    for name, ends in PLACES.items():
        yield Scenario(f"rollback/{name}", ends, rotated, ("rollback",), none, repeats=True)
        yield Scenario(f"sync/{name}", ends, changed_elsewhere, ("sync",), none, repeats=True, begins=CLAIMED.match)
        yield Scenario(f"compromised/{name}", ends, rotated, COMPROMISED, leaked, repeats=True)
        yield Scenario(f"abort/{name}", ends, undone, ABORT, none, repeats=True, begins=NAMED)
        yield Scenario(f"retire/{name}", ends, rotated, ("retire", "--yes"), none, repeats=True)
        yield Scenario(f"retire softly/{name}", ends, rotated, ("retire", "--soft"), none, repeats=True)
        yield Scenario(f"bring back/{name}", ends, set_aside, ("retire", "--undo"), none, repeats=True)
        yield Scenario(f"adopt/{name}", ends, filled, ("adopt", "--yes"), none)
    yield Scenario("rotate/staged/both/aside", PLACES["both"], set_aside, ("rotate",), repeats=True)
    yield Scenario("adopt/both/empty", PLACES["both"], empty, ("adopt", "--yes"), none)
    discarding = ("rollback", "--discard", "--yes")
    yield Scenario("rollback/both/discard", PLACES["both"], rotated, discarding, Limits(0, ends_current=True))
    yield Scenario("forget/both", PLACES["both"], adopted, ("forget",), none)


def _resumptions() -> Iterator[Scenario]:
    """What died is finished by a `resume` that dies as well."""
    staged, generated = ("rotate", "--no-wait"), ("rotate", "--no-wait", *GENERATED)
    rows: list[tuple[str, str, Scene, Point, tuple[str, ...]]] = [
        ("staged/both/open/claimed", "both", rotated, CLAIMED, staged),
        ("staged/both/open/set", "both", rotated, SET, staged),
        ("staged/both/open/current in one", "both", rotated, LABELLED, staged),
        ("staged/vault/first/set", "vault", filled, SET, (*staged, "--adopt")),
        ("staged/aws/first/set", "aws", filled, SET, (*staged, "--adopt")),
        ("generated/both/first/claimed", "both", filled, CLAIMED, (*generated, "--adopt")),
        ("generated/both/first/set", "both", filled, SET, (*generated, "--adopt")),
        ("generated/vault/open/set", "vault", rotated, SET, generated),
        ("generated/aws/open/set", "aws", rotated, SET, generated),
        ("retire/both/claimed", "both", rotated, CLAIMED, ("retire", "--yes")),
        ("retire/vault/ended", "vault", rotated, ENDED, ("retire", "--yes")),
        ("retire softly/both/claimed", "both", rotated, CLAIMED, ("retire", "--soft")),
        ("bring back/both/claimed", "both", set_aside, CLAIMED, ("retire", "--undo")),
        ("adopt/both/claimed", "both", filled, CLAIMED, ("adopt", "--yes")),
        ("rollback/both/set", "both", rotated, SET, ("rollback", "--no-wait")),
        ("compromised/both/set", "both", rotated, SET, COMPROMISED),
        ("sync/both/claimed", "both", changed_elsewhere, CLAIMED, ("sync",)),
        ("abort/both/claimed", "both", interrupted(rotated, SET, *staged), CLAIMED, ABORT),
        ("abort/both/set", "both", interrupted(rotated, SET, *staged), SET, ABORT),
    ]
    for name, ends, before, point, argv in rows:
        makes = 1 if argv[0] == "rotate" else 0
        limits = Limits(makes, ends_current=argv is COMPROMISED, generated=GENERATED[1] in argv)
        scene = interrupted(before, point, *argv)
        yield Scenario(f"resume/{name}", PLACES[ends], scene, RESUME, limits, repeats=True)


def _with_companions() -> Iterator[Scenario]:
    """Documents that hold the other candidates too: whatever writes them, on each kind of place."""
    none, leaked = Limits(makes=0), Limits(ends_current=True)
    staged = ("rotate", "--no-wait")
    undone = interrupted(rotated, SET, *staged)
    for name, ends in PLACES.items():
        rows: tuple[tuple[str, Scene, tuple[str, ...], Limits], ...] = (
            ("rotate/first", filled, ("rotate", "--adopt"), Limits()),
            ("rotate/open", rotated, ("rotate",), Limits()),
            ("rollback", rotated, ("rollback",), none),
            ("retire", rotated, ("retire", "--yes"), none),
            ("retire softly", rotated, ("retire", "--soft"), none),
            ("bring back", set_aside, ("retire", "--undo"), none),
            ("compromised", rotated, COMPROMISED, leaked),
            ("resume", undone, RESUME, Limits()),
        )
        for what, scene, argv, limits in rows:
            yield Scenario(f"companions/{what}/{name}", ends, scene, argv, limits, repeats=True, companions=True)
        more: dict[str, Any] = {"limits": none, "companions": True}
        yield Scenario(f"companions/abort/{name}", ends, undone, ABORT, **more, repeats=True, begins=NAMED)
        yield Scenario(f"companions/adopt/{name}", ends, filled, ("adopt", "--yes"), **more)
    sync = ("sync",)
    more["limits"] = Limits(makes=0, untold=True)
    yield Scenario(
        "companions/sync/both", "vault aws", changed_elsewhere, sync, **more, repeats=True, begins=CLAIMED.match
    )


SCENARIOS: dict[str, Scenario] = {
    row.name: row for row in (*_rotations(), *_others(), *_resumptions(), *_with_companions())
}

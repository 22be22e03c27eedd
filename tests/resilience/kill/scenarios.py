"""What is killed: a table. Each row sets its scene on a client that is new, and names the command that is struck."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.e2e.sinks import VaultPlace
from tests.resilience.kill.judge import Limits

if TYPE_CHECKING:
    from tests.resilience.kill.bench import Subject

RESUME = ("resume", "--takeover", "--no-wait")
PLACES = {"vault": "vault", "aws": "aws", "both": "vault aws"}
REASON = "in a public repository"
END_LEAKED = ("sync", "--compromised", "--reason", REASON, "--yes")
COMPROMISED = ("rotate", "--compromised", "--reason", REASON, "--yes")
GENERATED = ("--strategy", "auth0-generated")

CLAIMED = r"vault (POST|PUT) .*/pending|aws POST PutSecretValue"

Scene = Callable[["Subject"], None]


@dataclass(frozen=True)
class Scenario:
    """`ends` are the client's sinks. `repeats`: the same command finishes what it began, as `resume` does.

    `begins` is the request by which others know of it, where `resume` has something else to do or refuses before that:
    then the command itself has to be given again. `sibling_keys`: the client is configured so.
    """

    name: str
    ends: str
    scene: Scene
    argv: tuple[str, ...]
    limits: Limits = field(default_factory=Limits)
    repeats: bool = False
    begins: str | None = None
    sibling_keys: bool = False

    @property
    def doubtful(self) -> bool:
        """Tell whether an interruption leaves a fallback that nothing proves: only Vault keeps a copy of the seal."""
        return self.ends == PLACES["aws"] and self.argv[0] == "rollback"

    def begun(self, done: Iterable[str]) -> bool:
        """Tell whether others know of the operation, by the requests that servers have heard."""
        return self.begins is None or any(re.fullmatch(self.begins, call) for call in done)


def empty(_subject: Subject) -> None:
    """Nothing is there."""


def filled(subject: Subject) -> None:
    """Somebody wrote the live value by hand, beside other keys and tags."""
    for place in subject.sinks:
        place.fill(subject.world.s0)


def adopted(subject: Subject) -> None:
    filled(subject)
    subject.must("adopt", "--yes")


def rotated(subject: Subject) -> None:
    """There is a fallback, which Auth0 refuses."""
    filled(subject)
    subject.must("rotate", "--adopt", "--no-wait")


def soft_delete(subject: Subject) -> None:
    """The fallback was retired softly."""
    rotated(subject)
    subject.spread()
    subject.must("retire", "--soft")


def wiped(*which: int) -> Scene:
    """Return a scene in which somebody has replaced the tags of some sinks; a fallback was open."""

    def scene(subject: Subject) -> None:
        rotated(subject)
        for number in which:
            subject.sinks[number].wipe()

    return scene


def destroyed(subject: Subject) -> None:
    """Somebody destroyed the version that is current."""
    rotated(subject)
    place = subject.sinks[0]
    assert isinstance(place, VaultPlace)
    place.kv.destroy_secret_versions(place.path, [place.metadata()["current_version"]])


def changed_elsewhere(subject: Subject) -> None:
    """Somebody rotated in Auth0's dashboard: no sink holds what Auth0 accepts."""
    rotated(subject)
    subject.world.tenant.set_in_dashboard(subject.world.client_id)


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
    none, leaked = Limits(makes=0), Limits(makes=3, ends_current=True)
    for name, ends in PLACES.items():
        yield Scenario(f"rollback/{name}", ends, rotated, ("rollback",), none, repeats=True)
        yield Scenario(f"sync/{name}", ends, changed_elsewhere, ("sync",), none, repeats=True, begins=CLAIMED)
        yield Scenario(f"compromised/{name}", ends, rotated, COMPROMISED, leaked, repeats=True)
        yield Scenario(f"retire/{name}", ends, rotated, ("retire", "--yes"), none, repeats=True)
        yield Scenario(f"retire softly/{name}", ends, rotated, ("retire", "--soft"), none, repeats=True)
        yield Scenario(f"bring back/{name}", ends, soft_delete, ("retire", "--undo"), none, repeats=True)
        yield Scenario(f"adopt/{name}", ends, filled, ("adopt", "--yes"), none)
    yield Scenario("rotate/staged/both/aside", PLACES["both"], soft_delete, ("rotate",), repeats=True)
    yield Scenario("adopt/both/empty", PLACES["both"], empty, ("adopt", "--yes"), none)
    discarding = ("rollback", "--discard", "--yes")
    yield Scenario("rollback/both/discard", PLACES["both"], rotated, discarding, Limits(0, ends_current=True))
    yield Scenario("forget/both", PLACES["both"], adopted, ("forget",), none)


def _repairs() -> Iterator[Scenario]:
    """Repairs of what others did to the tags, in every combination of sinks, and of a current that is gone."""
    none, repair = Limits(makes=0), ("adopt", "--repair", "--yes")
    for name, ends, which in (
        ("vault", "vault", (0,)), ("aws", "aws", (0,)),
        ("both", "vault aws", (0, 1)), ("both, the first", "vault aws", (0,)), ("both, the second", "vault aws", (1,)),
    ):  # fmt: skip
        yield Scenario(f"repair/{name}", ends, wiped(*which), repair, none, repeats=True, begins=CLAIMED)
    lost = Limits(makes=0, untold=True, ends_current=True)
    yield Scenario("sync/destroyed", "vault", destroyed, ("sync",), lost, repeats=True, begins=CLAIMED)


def _with_companions() -> Iterator[Scenario]:
    """Documents that hold the other candidates too: whatever writes them, on each kind of sink."""
    none, leaked = Limits(makes=0), Limits(makes=3, ends_current=True)
    for name, ends in PLACES.items():
        rows: tuple[tuple[str, Scene, tuple[str, ...], Limits], ...] = (
            ("rotate/first", filled, ("rotate", "--adopt"), Limits()),
            ("rotate/open", rotated, ("rotate",), Limits()),
            ("rollback", rotated, ("rollback",), none),
            ("retire", rotated, ("retire", "--yes"), none),
            ("retire softly", rotated, ("retire", "--soft"), none),
            ("bring back", soft_delete, ("retire", "--undo"), none),
            ("compromised", rotated, COMPROMISED, leaked),
        )
        for what, scene, argv, limits in rows:
            yield Scenario(f"sibling keys/{what}/{name}", ends, scene, argv, limits, repeats=True, sibling_keys=True)
        more: dict[str, Any] = {"limits": none, "sibling_keys": True}
        yield Scenario(f"sibling keys/adopt/{name}", ends, filled, ("adopt", "--yes"), **more)
    sync = ("sync",)
    more["limits"] = Limits(makes=0, untold=True)
    yield Scenario("companions/sync/both", "vault aws", changed_elsewhere, sync, **more, repeats=True, begins=CLAIMED)


ROWS = (*_rotations(), *_others(), *_repairs(), *_with_companions())
SCENARIOS: dict[str, Scenario] = {row.name: row for row in ROWS}

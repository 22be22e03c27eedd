"""Strikes a command about all clients, has another one follow, and collects what is wrong."""

from __future__ import annotations

import fcntl
import time
from collections import Counter
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from bridge.config.audit import LOCK
from tests.resilience.races.operators import Ended, Spawned
from tests.resilience.together import judge
from tests.resilience.together.cases import ASKS, STRIKES, Blow
from tests.resilience.together.fleet import PROPAGATION, RECORD, Fleet, Running
from tests.resilience.together.judge import Before
from tests.resilience.together.moments import Moment, Trap

CALM = 0.5  # seconds in which the servers carry out what has arrived


@dataclass
class Played:
    """One command that was struck, and how its clients stood then.

    It held those that are `held`, has left something in those that are `touched`, and all sinks hold the live value of
    those that are `published`. `changes` is how many values Auth0 had been given of each.
    """

    fleet: Fleet
    blow: Blow
    running: Running
    before: dict[str, Before]
    lines: int
    changes: dict[str, int] = field(default_factory=dict)
    held: set[str] = field(default_factory=set)
    touched: set[str] = field(default_factory=set)
    published: set[str] = field(default_factory=set)
    ended: Ended | None = None
    faults: list[str] = field(default_factory=list)

    def new(self, name: str) -> int:
        """Return how often a client had been changed at Auth0 when the command was struck."""
        return self.changes[name] - self.before[name].changes


def strike(fleet: Fleet, blow: Blow, moment: Moment, place: str, argv: tuple[str, ...], waits_after: Moment,
           *, leaked: bool = False) -> Played:  # fmt: skip
    """Run a command, and strike it. Where it goes on by itself, return when it has ended.

    Raises:
        AssertionError: it has ended without coming there.
    """
    names = [(world.client_id, world.vault.path) for world in fleet.worlds.values()]
    deal = partial(freeze, fleet) if blow is Blow.FROZEN else STRIKES[blow]
    trap = Trap(moment, place, names, deal, PROPAGATION.total_seconds(), waits_after)
    before, lines = Before.of(fleet), len(fleet.record())
    running = fleet.start(*argv, trap=trap)
    met = trap.met(running.process)
    played = Played(fleet, blow, running, before, lines)
    if not met or blow is not Blow.FROZEN:
        played.ended = fleet.ended(running)
    assert met, f"it did not come to this moment: {played.ended}"
    calm()
    played.changes = fleet.changes()
    played.held = {name for name, world in fleet.worlds.items() if judge.held(world)}
    played.published = {
        name for name, w in fleet.worlds.items() if {place.see().current for place in w.sinks} == {w.live}
    }
    played.touched = {name for name, world in fleet.worlds.items() if judge.touched(world)}
    played.faults += [
        f"when it was struck: {name}: {fault}"
        for name, world in fleet.worlds.items()
        for fault in judge.at_death(world, before[name], leaked=leaked)
    ]
    played.faults += judge.logins(running.asked, ended=False)
    if played.ended and blow is not Blow.KILLED:
        played.faults += _told(played, played.ended)
    return played


def freeze(fleet: Fleet, process: Spawned) -> None:
    """Freeze a process, but not while it writes to the record.

    One that stands still there holds the record's file: every other command is refused, and changes nothing, until it
    goes on or is killed. It is there for a millisecond at a time.
    """
    while True:
        process.freeze()
        with (fleet.home / f"{RECORD}{LOCK}").open("a") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                process.wake()
                time.sleep(0.001)
            else:
                return


def calm() -> None:
    """Wait until the servers have carried out what a process has sent that is dead or stands still."""
    time.sleep(CALM)


def differing(before: Any, after: Any, at: str = "") -> str:
    """Return where two states differ, by the way there, with what was there and what is."""
    if isinstance(before, dict) and isinstance(after, dict):
        return "; ".join(
            differing(before.get(key), after.get(key), f"{at}/{key}")
            for key in sorted({*before, *after}, key=str)
            if before.get(key) != after.get(key)
        )
    return f"{at}: {before!r} -> {after!r}"


def _told(played: Played, ended: Ended) -> list[str]:
    """A process that ends when it is asked to tells of each client; asked once, it holds nothing any more."""
    told = judge.results(ended)
    faults = [] if ended.status in (0, 1, 3, -2, 130) else [f"it ended with {ended.status}"]
    if played.blow in ASKS:
        faults += [f"{name} is still held" for name in sorted(played.held)]
        faults += [f"{name} is not told" for name in played.fleet.worlds if name not in told]
    faults += [f"{name} is held, and told as {told[name]}" for name in sorted(played.held & {*told}) if told[name] != 3]
    return faults


def follow(played: Played, *argv: str) -> None:
    """Run the command that follows."""
    ended, asked = played.fleet.run(*argv)
    if ended.status:
        played.faults.append(f"{' '.join(argv)} ended with {ended.status}: {ended.out}{ended.err}")
    played.faults += judge.logins(asked, ended=True)


def wake(played: Played, overtaken: set[str]) -> None:
    """Let a frozen process go on to its end. Of the clients that others have taken, it changes nothing, and says so.

    Where its value was published everywhere, others have only released what it held. So it is done, and may say so.
    """
    fleet, asked = played.fleet, played.running.asked
    fleet.spread()
    stood: dict[str, Any] = fleet.dump()
    logged_in = Counter(asked)
    played.running.process.wake()
    ended = played.ended = fleet.ended(played.running)
    now, told = fleet.dump(), judge.results(ended)
    played.faults += [
        f"{name}: it changed something after it was woken: {differing(stood[name], now[name])}"
        for name in sorted(overtaken)
        if now[name] != stood[name]
    ]
    lost = played.held & overtaken - played.published
    for name in sorted(lost):
        # Refused, with 4, is who has not changed Auth0.
        wanted = (1, 3) if played.new(name) else (1, 3, 4)
        played.faults += [f"{name}: taken over, and told as {told.get(name)}"] * (told.get(name) not in wanted)
    if ended.status not in (1, 3, 4) and (ended.status or lost):
        played.faults.append(f"woken, it ended with {ended.status}: {ended.out}{ended.err}")
    if logged_in["login"] and asked["login"] > logged_in["login"]:
        played.faults.append("woken, it logged in once more")

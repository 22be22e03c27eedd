"""What must hold of each client when the process has ended, and after the one command that followed.

Each function returns the faults that it found.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from tests.e2e.observe import values, values_met
from tests.e2e.sinks import ANCIENT, Snapshot, VaultPlace
from tests.e2e.world import World
from tests.resilience.kill.judge import BUG
from tests.resilience.races.operators import Ended
from tests.resilience.together.fleet import Fleet

DIED = "unknown: died"


@dataclass(frozen=True)
class Before:
    """How a client stood before the command: its sinks, and how many values Auth0 had been given."""

    seen: tuple[Snapshot, ...]
    changes: int

    @classmethod
    def of(cls, fleet: Fleet) -> dict[str, Before]:
        """Look at each client."""
        changes = fleet.changes()
        return {
            name: cls(tuple(place.see() for place in world.sinks), changes[name])
            for name, world in fleet.worlds.items()
        }  # fmt: skip


def held(world: World) -> bool:
    """Tell whether an operation holds a sink of a client."""
    return any(_is_held(place) for place in world.sinks)


def touched(world: World) -> bool:
    """Tell whether an operation holds a sink of a client, or has left something in one."""
    return held(world) or any(place.see().left for place in world.sinks)


def _is_held(place: Any) -> bool:
    if not isinstance(place, VaultPlace):
        return any(label == "AWSPENDING" or label.startswith("BRIDGE") for label in place.see().labels)
    lock = place.document(path=f"{place.path}/pending")
    return bool(lock) and lock["secret-bridge"]["state"] != "idle"


def whole(world: World, before: Before, *, changes: Iterable[int], fallback: str = "kept") -> list[str]:
    """One current value everywhere, which Auth0 accepts and no other; nothing pending, no lock; the fallback as told.

    `changes` is how often it may have been changed at Auth0. `fallback`: "kept" is the value before a change, else the
    one that there was; "retired" is that there is none, and that no former value can be read.
    """
    history = values(world)
    changed, live = len(history) - 1 - before.changes, world.live
    faults = [] if changed in {*changes} else [f"it was changed {changed} times at Auth0"]

    def which(value: str | None) -> str:
        return f"value {history.index(value)} of {len(history)}" if value in history else f"{value and 'another'}"

    if values_met(world) != {live}:
        faults.append("Auth0 may accept another value than the last one")
    for place, was in zip(world.sinks, before.seen, strict=True):
        now = place.see()
        expected = None if fallback == "retired" else history[-2] if changed else was.fallback
        told = {
            "Auth0 does not accept what is current": now.current != live,
            "a value is pending": now.pending is not None,
            "an operation holds it": _is_held(place),
            f"{which(now.fallback)}: the fallback is not the value before": now.fallback != expected,
            "a former value can be read": fallback == "retired" and bool(now.readable & {*history[:-1]}),
            "something foreign changed": now.beside != was.beside,
            "a value can be read that was never live": not now.readable - now.left <= {*history, ANCIENT},
        }
        faults += [f"{place.uri}: {what}" for what, found in told.items() if found]
    return faults


def at_death(world: World, before: Before, *, leaked: bool = False) -> list[str]:
    """Look while nobody does anything: every value that Auth0 may accept is a candidate in each sink."""
    faults, met = [], values_met(world)
    for place, was in zip(world.sinks, before.seen, strict=True):
        now = place.see()
        candidates = {now.current, now.pending, now.fallback}
        if not (met & candidates if leaked else met <= candidates):
            faults.append(f"{place.uri}: Auth0 may accept a value that is no candidate")
        if not leaked and was.current not in now.readable:
            faults.append(f"{place.uri}: what was current cannot be read any more")
    return faults


def of_all(fleet: Fleet, before: Mapping[str, Before], changes: Mapping[str, Iterable[int]], fallback: str = "kept",
           ) -> list[str]:  # fmt: skip
    """Judge each client (`whole`), once nothing spreads any more."""
    fleet.spread()
    return [
        f"{name}: {fault}"
        for name, world in fleet.worlds.items()
        for fault in whole(world, before[name], changes=changes[name], fallback=fallback)
    ]


def said(fleet: Fleet) -> list[str]:
    """No command printed a value, or failed in a way that it should not."""
    secrets = {value for world in fleet.worlds.values() for value in values(world)}
    secrets |= {value for w in fleet.worlds.values() for place in w.sinks for value in place.see().readable}
    faults = []
    for argv, ended in fleet.said:
        told = ended.out + ended.err
        faults += [f"{' '.join(argv)} printed a value"] * any(value in told for value in secrets)
        faults += [f"{' '.join(argv)}: {told[-400:]}"] * any(word in told for word in BUG)
    return faults


def logins(asked: Counter[str], *, ended: bool) -> list[str]:
    """One login and one token at most for each process, and one login exactly where it came to its end."""
    told = {"login": asked["login"], "token": asked["token"]}
    return [f"it logged in so often: {told}"] * (max(told.values()) > 1 or (ended and told["login"] != 1))


def recorded(fleet: Fleet, lines: int, *, died: bool) -> list[str]:
    """Judge the audit record of what came after its first `lines` lines: it verifies, and shows what is missing.

    `died`: the process that was struck has ended without saying so.
    """
    verified, _ = fleet.run("audit", "verify")
    shown, _ = fleet.run("audit", "show")
    faults, missing = ends(fleet.record()[lines:], died=died)
    faults += [f"the record does not verify: {verified.out}{verified.err}"] * (verified.status != 0)
    if shown.out.count("NO END: it still runs, or died") != missing:
        faults.append(f"the record does not show the {missing} attempts without an end")
    return faults


def ends(lines: Iterable[Mapping[str, Any]], *, died: bool) -> tuple[list[str], int]:
    """Return what is wrong with the ends of attempts, and how many have none.

    Each attempt has one end. That of a process that died has none, until the next attempt about its client writes it.
    """
    begun: dict[str, Mapping[str, Any]] = {}
    ended: dict[str, list[Mapping[str, Any]]] = {}
    for line in lines:
        if line["event"] == "begin":
            begun[line["attempt"]] = line
        else:
            ended.setdefault(line["attempt"], []).append(line)
    latest = {line["client"]: attempt for attempt, line in begun.items()}
    faults = []
    for attempt, line in begun.items():
        known = ended.get(attempt, [])
        told = {
            f"has {len(known)} ends": len(known) > 1,
            "has no end": not known and (not died or latest[line["client"]] != attempt),
            "did not die, and is said to have": not died and any(end["outcome"] == DIED for end in known),
        }
        faults += [f"{line['client']}: {line['command']} {what}" for what, found in told.items() if found]
    return faults, len(begun.keys() - ended.keys())


def results(ended: Ended) -> dict[str, int]:
    """Return the exit status of each client that a command told."""
    told = (line.split() for line in ended.out.splitlines() if line.startswith("result="))
    return {words[1].removeprefix("client="): int(words[2].removeprefix("exit=")) for words in told}

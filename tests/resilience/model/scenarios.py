"""What is searched."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from itertools import combinations_with_replacement
from typing import Any

from tests.resilience.model.adversary import RIGHTS
from tests.resilience.model.foreign import steps
from tests.resilience.model.starts import STARTS, interrupted, soft_deleted
from tests.resilience.model.states import Scenario
from tests.resilience.model.world import (
    World,
)  # fmt: skip


def scenario(start: str, sinks: str, *operators: str, **more: Any) -> Scenario:
    """Return a scenario by the words of its name."""
    begin = partial(STARTS[start], *sinks.split("+"))
    told = " ".join(f"{key}={'+'.join(value) if isinstance(value, tuple) else value}" for key, value in more.items()
                    if key not in ("limit", "switches"))  # fmt: skip
    return Scenario(f"{sinks} {start}: {' x '.join(operators)} {told}".strip(), begin, operators, **more)


EVERY = (
    "rotate", "generate", "rotate --compromised", "rollback", "rollback --discard", "sync", "retire", "adopt",
    "adopt --repair", "forget", "resume", "resume --takeover",
)  # fmt: skip
"""The commands that are paired, each with each."""

COMMANDS = (*EVERY, "retire --soft", "retire --undo", "sync --compromised", "rotate --takeover")
"""The same, with those that are paired only under the worse conditions of a stalled operator or a foreign writer."""

LIMIT_OF_PAIRS = 250_000
KILLING = frozenset({"rotate --compromised", "rollback --discard", "sync --compromised"})
BOTH = "aws+vault"


def finishing(command: str, effects: int, sinks: str, *operators: str, **more: Any) -> Scenario:
    """Return a scenario that begins where a command died."""
    found = scenario("rotated", sinks, *operators, **more)
    begin = partial(interrupted, command, effects, *sinks.split("+"))
    return replace(found, name=found.name.replace("rotated", f"{command} died after {effects}", 1), start=begin)


def pasted_over(command: str, effects: int, sinks: str, *operators: str, **more: Any) -> Scenario:
    """Return one that begins where a command died after a soft retirement, and a value was pasted over one sink."""
    found = finishing(command, effects, sinks, *operators, **more)

    def begin() -> World:
        world = interrupted(command, effects, *sinks.split("+"), before=soft_deleted)
        return [after for _, after in steps(world, ("value",), 0, waiting=False)][-1]

    return replace(found, name=f"{found.name}, and was pasted over", start=begin)


def alone() -> Iterator[Scenario]:
    """One operator with a crash, everywhere."""
    for sinks in ("vault", "aws", BOTH):
        yield scenario("raw", sinks, "adopt", switches=2)
        yield scenario("raw", sinks, "first rotate", switches=2)
        yield scenario("managed", sinks, "rotate and settle", switches=2)
        yield scenario("changed", sinks, "sync", switches=2)
        for name in EVERY:
            yield scenario("rotated", sinks, name, switches=2)


def pairs() -> Iterator[Scenario]:
    """Every pair of commands, with one crash each."""
    for sinks in ("vault", "aws"):
        for pair in combinations_with_replacement(EVERY, 2):
            yield scenario("rotated", sinks, *pair, limit=8_000 if KILLING & {*pair} else 200_000)


def _start_for(*commands: str) -> str:
    """Return where commands begin, so that each has something to do."""
    if "retire --undo" in commands:
        return "aside"
    return "changed" if any(name.startswith("sync") for name in commands) else "rotated"


def stalled_pairs() -> Iterator[Scenario]:
    """Every pair of commands, one of which stands still anywhere while time passes and the other one goes on."""
    for sinks in ("vault", "aws"):
        for pair in combinations_with_replacement(COMMANDS, 2):
            yield scenario(_start_for(*pair), sinks, *pair, stalls=1, preemptions=1, crash=False, limit=LIMIT_OF_PAIRS)


def disturbed_pairs() -> Iterator[Scenario]:
    """Every pair of commands, and somebody else who does anything, once."""
    for sinks in ("vault", "aws"):
        for pair in combinations_with_replacement(COMMANDS, 2):
            limit = 8_000 if KILLING & {*pair} else LIMIT_OF_PAIRS  # proofs of a refusal branch with every probe
            yield scenario(_start_for(*pair), sinks, *pair, foreign=("anything",), preemptions=1, limit=limit)


def both_places() -> Iterator[Scenario]:
    """Pairs of commands on two sinks."""
    for pair in combinations_with_replacement(("rotate", "rollback", "retire", "resume --takeover"), 2):
        yield scenario("rotated", BOTH, *pair, limit=150_000)
    for pair in (("rotate", "generate"), ("rotate", "sync"), ("rotate", "adopt --repair"), ("rotate", "forget")):
        yield scenario("rotated", BOTH, *pair, limit=150_000)
    yield scenario("raw", BOTH, "adopt", "adopt")
    yield scenario("raw", BOTH, "adopt", "first rotate")


def zombies() -> Iterator[Scenario]:
    """Operators that stand still while time passes; three of them, with few preemptions."""
    for sinks in ("vault", "aws"):
        for pair in (("rotate", "rotate"), ("rotate", "resume"), ("rotate", "retire"), ("rollback", "retire")):
            yield scenario("rotated", sinks, *pair, stalls=1, limit=150_000)
        yield scenario("rotated", sinks, "rotate", "rotate", stalls=2, preemptions=2, limit=150_000)
        yield scenario("managed", sinks, "rotate", "resume", "rotate", preemptions=2, limit=150_000)
        yield scenario("managed", sinks, "rotate", "resume --takeover", "rotate", preemptions=2, limit=150_000)
        yield scenario("managed", sinks, "rotate", "resume", "rotate", stalls=1, preemptions=1, limit=150_000)
    yield scenario("rotated", BOTH, "rotate", "rotate", stalls=1, preemptions=2, limit=150_000)
    yield scenario("managed", BOTH, "rotate", "resume", "rotate", preemptions=2, limit=150_000)


def interruptions() -> Iterator[Scenario]:
    """Two operators after a third one has died anywhere."""
    for sinks, changes in (("vault", 8), ("aws", 9)):
        for effects in range(1, changes):
            for command in ("rotate", "rollback", "retire"):
                for pair in (("resume", "rotate"), ("resume", "resume"), ("rotate", "rotate")):
                    yield finishing(command, effects, sinks, *pair, limit=15_000)
    for effects in range(1, 17):
        yield finishing("rotate", effects, BOTH, "resume", "rotate", preemptions=2, limit=15_000)


def disturbed() -> Iterator[Scenario]:
    """Foreign writers, a reader, answers that are lost."""
    for sinks in ("vault", "aws"):
        for pair in (("rotate", "rotate"), ("rotate", "retire"), ("rollback", "rotate")):
            yield scenario("rotated", sinks, *pair, foreign=("sibling",), limit=60_000)
            yield scenario("rotated", sinks, *pair, reader=True, limit=60_000)
            yield scenario("rotated", sinks, *pair, losses=1, limit=60_000)
        yield scenario("managed", sinks, "rotate", foreign=("sibling", "sibling"))
        for name in ("rotate", "rollback", "retire", "sync", "adopt --repair", "generate"):
            yield scenario("rotated", sinks, name, losses=1)
            for what in ("value", "wipe", "dashboard", *(("pending",) if sinks == "aws" else ())):
                yield scenario("rotated", sinks, name, foreign=(what,))
        yield scenario("retired", sinks, "sync", foreign=("value",))
        yield scenario("changed", sinks, "sync", "sync")
        yield scenario("changed", sinks, "sync", "rotate")
        yield scenario("rotated", sinks, "sync", "rotate", foreign=("dashboard",), limit=60_000)
    yield scenario("rotated", BOTH, "rotate", losses=1)
    yield scenario("rotated", BOTH, "rotate", foreign=("sibling", "sibling"))
    yield scenario("rotated", BOTH, "rotate", "rotate", reader=True, limit=60_000)


WITH_COMPANIONS = ("vault*", "aws*", "aws*+vault*")


def sibling_keys() -> Iterator[Scenario]:
    """Documents that hold the other candidates too."""
    for sinks in WITH_COMPANIONS:
        yield scenario("raw", sinks, "adopt")
        yield scenario("raw", sinks, "first rotate")
        yield scenario("changed", sinks, "sync")
        for name in EVERY:
            yield scenario("rotated", sinks, name)
    for sinks in ("vault*", "aws*"):
        for pair in combinations_with_replacement(("rotate", "rollback", "retire", "sync", "resume --takeover"), 2):
            yield scenario("rotated", sinks, *pair, limit=100_000)
        for name in ("generate", "rotate --compromised", "rollback --discard"):
            yield scenario("rotated", sinks, "rotate", name, limit=8_000 if name in KILLING else 60_000)
        yield scenario("rotated", sinks, "rotate", "rotate", stalls=1, limit=60_000)
        yield scenario("rotated", sinks, "rotate", losses=1)
        yield scenario("rotated", sinks, "retire", losses=1)
        for what in ("sibling", "value", "wipe", "dashboard"):
            yield scenario("rotated", sinks, "rotate", foreign=(what,))
        yield scenario("rotated", sinks, "rotate", foreign=("sibling", "sibling"))
    for sinks, changes in (("vault*", 11), ("aws*", 15)):
        for effects in range(1, changes):
            yield finishing("rotate", effects, sinks, "resume", "rotate", limit=15_000)


def softly() -> Iterator[Scenario]:
    """Fallbacks that are retired softly, brought back, or ended."""
    for sinks in ("vault", "aws", BOTH, *WITH_COMPANIONS):
        yield scenario("rotated", sinks, "retire --soft", switches=2)
        for name in ("retire --undo", "retire", "rotate", "generate", "rotate --compromised", "sync --compromised"):
            yield scenario("aside", sinks, name, switches=2)
    for sinks in ("vault", "aws"):
        for other in ("retire --soft", "retire", "rotate", "rollback", "sync", "resume --takeover", "forget"):
            yield scenario("rotated", sinks, "retire --soft", other, limit=60_000)
        for other in ("retire --undo", "retire", "rotate", "sync", "resume --takeover"):
            yield scenario("aside", sinks, "retire --undo", other, limit=60_000)
        for effects in range(1, 9):
            for command in ("retire --soft", "resume"):
                yield finishing("retire --soft", effects, sinks, command, "rotate", limit=15_000)
        for name in ("retire --soft", "rotate"):
            yield scenario("rotated" if name != "rotate" else "aside", sinks, name, losses=1)
        yield scenario("aside", sinks, "sync", foreign=("value",))
        for what in ("value", "wipe", "dashboard"):
            yield scenario("rotated", sinks, "retire --soft", foreign=(what,))
            yield scenario("aside", sinks, "retire --undo", foreign=(what,))


def adversaries() -> Iterator[Scenario]:
    """Whoever has one right too many, beside a command, and beside a pair of them."""
    for sinks in ("vault", "aws", BOTH):
        for right in (
            name for name in RIGHTS if name in ("metadata", "labels") or "vault" in sinks or name == "writer"
        ):
            for start in ("older", "gone back", "ended"):
                for name in EVERY:
                    limit = 8_000 if name in KILLING else 60_000
                    yield scenario(start, sinks, name, foreign=(right,), limit=limit)
            for pair in (("rotate", "rotate"), ("rotate", "rollback"), ("rotate", "resume"), ("rollback", "retire")):
                yield scenario("rotated", sinks, *pair, foreign=(right,), preemptions=1, limit=15_000)
            yield scenario("rotated", sinks, "rotate", foreign=(right, right), limit=15_000)
            yield finishing("rotate", 4, sinks, "resume", "rollback", foreign=(right,), preemptions=1, limit=15_000)


GROUPS: dict[str, Callable[[], Iterator[Scenario]]] = {
    "alone": alone, "pairs": pairs, "stalled": stalled_pairs, "foreign": disturbed_pairs,
    "both": both_places, "interruptions": interruptions, "zombies": zombies,
    "disturbed": disturbed, "sibling_keys": sibling_keys, "softly": softly, "adversaries": adversaries,
}  # fmt: skip

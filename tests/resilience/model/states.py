"""What is searched, a state of the search, and what was found."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from tests.resilience.model.world import World

NOBODY = -1
NEW, DEAD = 0, -1
"""An operator that has not begun, and one that died; from -2 downwards: how it ended."""


@dataclass(frozen=True)
class Scenario:
    """What is searched. `stalls`, `losses`: how often all stand still, and answers are lost, in one history.

    `limit` is the number of states after which the search is cut; `crash` lets each operator die once. With
    `preemptions` only histories are searched in which an operator that could go on is held up so often at most.
    Without `any_time` all stand still only until the next sleeper wakes.
    """

    name: str
    start: Callable[[], World]
    operators: tuple[str, ...]
    crash: bool = True
    stalls: int = 0
    losses: int = 0
    foreign: tuple[str, ...] = ()
    reader: bool = False
    converge: bool = True
    switches: int = 1
    preemptions: int | None = None
    any_time: bool = True
    limit: int = 2_000_000


class State(NamedTuple):
    """One state: the world's number, each operator's log (or how it ended), and what is left of each budget.

    `last` is the operator that made the last step, where preemptions are counted.
    """

    world: int
    operators: tuple[int, ...]
    stalls: int = 0
    losses: int = 0
    foreign: int = 0
    reader: int = 0
    preemptions: int = 0
    last: int = NOBODY


@dataclass
class Found:
    """What a search found. `violations` maps each kind of fault to the shortest trace to it that was met."""

    scenario: str
    states: int = 0
    transitions: int = 0
    worlds: int = 0
    quiescent: int = 0
    resumed: int = 0
    runs: int = 0
    cut: bool = False
    seconds: float = 0.0
    violations: dict[str, list[str]] = field(default_factory=dict)

"""Judging a state: its world, the operators that ended in it and, when all is quiet, what `resume` makes of it."""

from __future__ import annotations

from collections.abc import Iterator

from tests.resilience.model import foreign, reader
from tests.resilience.model.converge import Converging
from tests.resilience.model.invariants import Leave, bad_end, faults
from tests.resilience.model.program import End
from tests.resilience.model.seeing import shown
from tests.resilience.model.states import DEAD, NEW, Scenario, State
from tests.resilience.model.world import ANY_TIME, AT_ONCE, AwsPlace, Key, World

WELL = frozenset({"done", "finished", "given-back", "cleaned-up", "nothing"})
"""How operators end that say nothing of a change that somebody made."""

SETTLING = frozenset({"resume", "resume --takeover"})

Fault = tuple[str, tuple[str, ...]]
"""What is wrong, and the commands that lead there after the state's own steps."""


class Judge:
    """The judge of one scenario. Each world is judged once."""

    def __init__(self, scenario: Scenario, start: World) -> None:
        self._scenario = scenario
        self._leave = Leave.of(scenario.operators, start)
        self._ends: list[str] = []
        self._seen: set[int] = set()
        held = any(shown(place).locked for place in start.sinks)
        settles = {*scenario.operators} <= SETTLING and start.auth0.live in {shown(p).current for p in start.sinks}
        self._soft_deleted = _soft_deleted(start) if settles else frozenset()
        self._amiss = not held and bad_end(start, self._leave) is not None
        self.converging = Converging(foreign.kinds(start), self._leave, switches=scenario.switches)

    def end(self, end: End) -> int:
        """Return the number by which a state says how an operator ended."""
        if end.kind not in self._ends:
            self._ends.append(end.kind)
        return -2 - self._ends.index(end.kind)

    def faults(self, state: State, world: World) -> Iterator[Fault]:
        """Yield what is wrong in a state."""
        if state.world not in self._seen:
            self._seen.add(state.world)
            for fault in (*faults(world, self._leave), *foreign.robbed(world)):
                yield fault, ()
        if told := reader.fault(state.reader):
            yield told, ()
        for name, at in zip(self._scenario.operators, state.operators, strict=True):
            kind = self._ends[-at - 2] if at < DEAD else ""
            if kind == "lied":
                yield f"{name} said that nothing was changed, and it had changed Auth0", ()
            elif kind.startswith("broke"):
                yield f"{name} {kind}", ()
        if all(at < NEW for at in state.operators):
            yield from self._quiet(state, world)

    def _nobody_mended(self, state: State) -> bool:
        """Tell whether every sync was refused: then what was amiss when all began may be amiss still."""
        ends = zip(self._scenario.operators, state.operators, strict=True)
        return not any(name.startswith("sync") and at < DEAD and self._ends[-at - 2] in WELL for name, at in ends)

    def _quiet(self, state: State, world: World) -> Iterator[Fault]:
        disturbed = world.struck == ANY_TIME if world.struck else world.foreign
        undisturbed = not disturbed and state.losses == self._scenario.losses
        kinds = {self._ends[-at - 2] if at < DEAD else "" for at in state.operators}
        ended = kinds <= WELL if world.struck else not kinds & {"", "Stopped"}
        ended = ended or (world.struck == AT_ONCE and "" not in kinds)
        ended = ended and not (self._amiss and self._nobody_mended(state))
        if gone := self._soft_deleted - _soft_deleted(world):
            yield f"nothing but settling was done, and what was retired softly at {sorted(gone)} has ended", ()
        elif ended and undisturbed and (why := bad_end(world, self._leave)):
            yield f"all ended, but {why}", ()
        elif self._scenario.converge:
            fault, trace = self.converging.judge(world)
            if fault:
                yield fault, trace


def _soft_deleted(world: World) -> frozenset[int]:
    """Return the sinks that say what was retired softly there."""
    tags = (
        dict(place.tags if isinstance(place, AwsPlace) else (place.main or Key(0, ())).tags) for place in world.sinks
    )
    return frozenset(index for index, told in enumerate(tags) if told.get("bridge_aside", "-") != "-")

"""The search: each interleaving of operators' steps, crashes, lost answers, foreign writers and passing time."""

from __future__ import annotations

import time
from collections.abc import Iterator

from tests.resilience.model import foreign, reader
from tests.resilience.model.judge import Judge
from tests.resilience.model.operations import program
from tests.resilience.model.program import End
from tests.resilience.model.seeing import locks_end
from tests.resilience.model.servers import READS, serve
from tests.resilience.model.states import DEAD, NEW, NOBODY, Found, Scenario, State
from tests.resilience.model.world import CLOCK, LOST, Outcomes, Request, World, advanced

SAYS_NOTHING_CHANGED = ("Refused", "Failed", "Usage")
"""The errors that promise it."""

HALF_LEASE, SPREAD, OLD_ENOUGH = 6.0, 31.0, 41.0
"""Seconds that pass while operators stand still: half a lease, a change's spreading, a fallback's least age."""

Step = tuple[str, State]


class Search:
    """One search of one scenario."""

    def __init__(self, scenario: Scenario, *, first_only: bool = False) -> None:
        self.scenario = scenario
        self.first_only = first_only
        start = scenario.start()
        self.kinds = foreign.kinds(start)
        self.programs = [
            program(name, "abcd"[i], self.kinds, scenario.switches) for i, name in enumerate(scenario.operators)
        ]
        self.worlds: list[World] = []
        self._ids: dict[World, int] = {}
        self._served: dict[tuple[int, Request], tuple[tuple[int, tuple[object, ...]], ...]] = {}
        self._judge = Judge(scenario, start)
        self._came: dict[State, tuple[State, str] | None] = {}
        self.found = Found(scenario.name)
        self._start = State(self._number(start), (NEW,) * len(self.programs), scenario.stalls, scenario.losses,
                            0, reader.BEGIN if scenario.reader else reader.SERVED,
                            scenario.preemptions or 0)  # fmt: skip

    def run(self) -> Found:
        """Search until every state was seen, the limit is reached or, if wanted, the first violation is found."""
        began = time.process_time()
        self._came[self._start] = None
        level = [self._start]
        while level and not self.found.cut and not (self.first_only and self.found.violations):
            following: list[State] = []
            for state in level:  # breadth first: the first trace to a fault is a shortest one
                self._expand(state, following)
            level = following
        self.found.states, self.found.worlds = len(self._came), len(self.worlds)
        self.found.resumed, self.found.runs = self._judge.converging.resumed, sum(p.runs for p in self.programs)
        self.found.seconds = time.process_time() - began
        return self.found

    def _expand(self, state: State, following: list[State]) -> None:
        if self.first_only and self.found.violations:
            return
        if len(self._came) >= self.scenario.limit:
            self.found.cut = True
            return
        for label, after in self._steps(state):
            self.found.transitions += 1
            if after not in self._came:
                self._came[after] = state, label
                following.append(after)
                self._consider(after)

    # What may happen next.

    def _steps(self, state: State) -> Iterator[Step]:
        for index, node in enumerate(state.operators):
            turn = self._turn(state, index) if node >= NEW else None
            if turn is None:
                continue
            yield from self._operator_steps(turn, index, node)
            if self.scenario.crash and node > NEW and self._changed_something(index, node):
                yield f"{self._name(index)} dies", self._with(turn, index, DEAD)
        yield from self._time_passes(state)
        waiting = self._all_wait(state)
        for label, world in foreign.steps(
            self.worlds[state.world], self.scenario.foreign, state.foreign, waiting=waiting
        ):
            yield label, state._replace(world=self._number(world), foreign=state.foreign + 1)
        for label, at in reader.steps(self.worlds[state.world], state.reader):
            yield label, state._replace(reader=at)

    def _turn(self, state: State, index: int) -> State | None:
        """Return the state in which it is an operator's turn; None if that would be one preemption too many."""
        if self.scenario.preemptions is None or state.last == index:
            return state
        before = state.operators[state.last] if state.last != NOBODY else DEAD
        if before > NEW and not self._sleeps(state, state.last):
            return state._replace(preemptions=state.preemptions - 1, last=index) if state.preemptions else None
        return state._replace(last=index)

    def _sleeps(self, state: State, index: int) -> bool:
        world = self.worlds[state.world]
        request = self.programs[index].next(state.operators[index], world)
        return isinstance(request, Request) and request.end == CLOCK and request.args[0] > world.clock

    def _all_wait(self, state: State) -> bool:
        """Tell whether there are operators on their way, and all of them wait for time to pass."""
        running = [index for index, node in enumerate(state.operators) if node > NEW]
        return bool(self.scenario.foreign and running) and all(self._sleeps(state, index) for index in running)

    def _operator_steps(self, state: State, index: int, node: int) -> Iterator[Step]:
        operator, world = self.programs[index], self.worlds[state.world]
        node = operator.begin(world.clock) if node == NEW else node
        request = operator.next(node, world)
        if isinstance(request, End):  # it ends without having asked for anything
            yield f"{self._name(index)}: {request.kind}", self._with(state, index, self._judge.end(request))
            return
        if request.end == CLOCK and world.clock < request.args[0]:
            if state.operators[index] == NEW:
                yield f"{self._name(index)} begins by waiting", self._with(state, index, node)
            return
        name = self._name(index)
        for number, answer in self._outcomes(state.world, request):
            if request.name == "probe" and operator.too_odd(operator.child(node, answer, world.clock)):
                continue
            yield self._taken(state, index, node, number, answer, f"{name}: {_told(request, answer)}")
        if state.losses and request.end != CLOCK:
            poorer = state._replace(losses=state.losses - 1)
            numbers = {state.world, *(number for number, _ in self._outcomes(state.world, request))}
            for number in sorted(numbers):
                text = f"{name}: {_told(request, (LOST,))}{'' if number == state.world else ', but it was done'}"
                yield self._taken(poorer, index, node, number, (LOST,), text)

    def _taken(self, state: State, index: int, node: int, number: int, answer: tuple[object, ...], text: str) -> Step:
        """Return the state after an answer; what reads only what never changes is done at once."""
        operator, world = self.programs[index], self.worlds[number]
        node = operator.child(node, answer, world.clock)
        following = operator.next(node, world)
        while isinstance(following, Request) and following.name == "get":
            node = operator.child(node, serve(world, following)[0][1], world.clock)
            following = operator.next(node, world)
        if isinstance(following, End):
            text = f"{text} -> {following.kind} {operator.told.get(node, '')[:160]}"
            lied = following.kind in SAYS_NOTHING_CHANGED and operator.changed_auth0(node)
            node = self._judge.end(End("lied") if lied else following)
        return text, self._with(state, index, node)._replace(world=number)

    def _changed_something(self, index: int, node: int) -> bool:
        """Tell whether the last step changed something: dying anywhere later before the next change is the same."""
        operator = self.programs[index]
        asked = operator.wants[operator.parents[node]]
        return isinstance(asked, Request) and asked.name not in READS

    def _time_passes(self, state: State) -> Iterator[Step]:
        world = self.worlds[state.world]
        wakes: list[float] = []
        running = False
        for index, node in enumerate(state.operators):
            request = self.programs[index].next(node, world) if node > NEW else None
            if isinstance(request, Request) and request.end == CLOCK and request.args[0] > world.clock:
                wakes.append(request.args[0])
            elif request is not None:
                running = True
        if not running:
            yield from self._moved(state, self._free(state, world, wakes))
        elif state.stalls:
            ends = locks_end(world)
            targets = (
                {world.clock + HALF_LEASE, world.clock + SPREAD, ends - 5, ends} if self.scenario.any_time else set()
            )
            yield from self._moved(state._replace(stalls=state.stalls - 1), targets | set(wakes))

    def _free(self, state: State, world: World, wakes: list[float]) -> set[float]:
        """Return until when time passes by itself: nobody would do anything before."""
        if wakes:
            return {min(wakes)}
        if NEW in state.operators:
            return {locks_end(world), world.clock + OLD_ENOUGH if world.auth0.unsure else 0.0}
        return set()

    def _moved(self, state: State, targets: set[float]) -> Iterator[Step]:
        world = self.worlds[state.world]
        for target in sorted(target for target in targets if target > world.clock):
            text = f"{target - world.clock:g} s pass"
            yield text, state._replace(world=self._number(advanced(world, target)), last=NOBODY)

    def _consider(self, state: State) -> None:
        """Have a new state judged; keep the first trace to each kind of fault."""
        if all(at < NEW for at in state.operators):
            self.found.quiescent += 1
        for fault, more in self._judge.faults(state, self.worlds[state.world]):
            kind = "".join(c for c in fault if not c.isdigit())
            if kind not in self.found.violations:
                self.found.violations[kind] = [fault, *self._trace(state), *more]

    def _trace(self, state: State) -> list[str]:
        labels: list[str] = []
        at: tuple[State, str] | None = self._came[state]
        while at is not None:
            labels.append(at[1])
            at = self._came[at[0]]
        return labels[::-1]

    # Numbers for what is compared often.

    def _number(self, world: World) -> int:
        number = self._ids.get(world)
        if number is None:
            number = self._ids[world] = len(self.worlds)
            self.worlds.append(world)
        return number

    def _outcomes(self, number: int, request: Request) -> tuple[tuple[int, tuple[object, ...]], ...]:
        key = number, request
        known = self._served.get(key)
        if known is None:
            found: Outcomes = serve(self.worlds[number], request)
            known = self._served[key] = tuple((self._number(world), answer) for world, answer in found)
        return known

    def _with(self, state: State, index: int, node: int) -> State:
        operators = state.operators
        return state._replace(operators=(*operators[:index], node, *operators[index + 1 :]))

    def _name(self, index: int) -> str:
        return f"{self.programs[index].slot} ({self.scenario.operators[index]})"


def _told(request: Request, answer: tuple[object, ...]) -> str:
    where = {-1: "auth0", CLOCK: ""}.get(request.end, f"sink {request.end}")
    args = ", ".join(str(a) if len(str(a)) < 40 else f"{str(a)[:36]}…" for a in request.args)
    verdict = "" if answer[0] == "ok" else f" = {answer[0]}"
    if request.name == "probe" and answer[0] == "ok":
        verdict = " = accepted" if answer[1] else " = refused"
    return f"{where} {request.name}({args}){verdict}"


__all__ = ["Found", "Scenario", "Search", "State"]

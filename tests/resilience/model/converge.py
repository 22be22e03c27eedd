"""From a world in which every operator is dead or has ended, `resume` alone leads to a good end."""

from __future__ import annotations

from tests.resilience.model.foreign import tidied
from tests.resilience.model.invariants import FOREIGN_VALUES, Leave, bad_end, faults
from tests.resilience.model.operations import program
from tests.resilience.model.program import End, Program
from tests.resilience.model.seeing import locks_end, shown
from tests.resilience.model.servers import serve
from tests.resilience.model.world import World, advanced

Ends = tuple[tuple[World, str], ...]
Reached = tuple[World, tuple[str, ...]]
LATER = 200.0
"""Seconds after which no operation counts as live any more, and no change spreads."""

WAYS = (("patient", ("resume", "resume")), ("hasty", ("resume --takeover", "resume")))
REPAIRS = ("resume", "adopt --repair", "sync", "resume")
FORGED = ("resume --discard-foreign", "adopt --repair", "sync", "resume")
NOTHING = Leave()


class Converging:
    """Runs the repairing commands from each world once, alone, with every answer that Auth0 may give."""

    def __init__(self, kinds: tuple[str, ...], leave: Leave = NOTHING, *, switches: int = 2) -> None:
        self._switches = switches
        self._kinds = kinds
        self._leave = leave
        self._programs: dict[tuple[str, str], Program] = {}
        self._judged: dict[World, tuple[str | None, tuple[str, ...]]] = {}
        self.resumed = 0

    def judge(self, world: World) -> tuple[str | None, tuple[str, ...]]:
        """Return what goes wrong from here, if anything, with the commands that lead to it."""
        if world not in self._judged:
            self.resumed += 1
            self._judged[world] = self._wrong(world)
        return self._judged[world]

    def _wrong(self, world: World) -> tuple[str | None, tuple[str, ...]]:
        unknown = world.foreign or world.struck or world.auth0.live.startswith(FOREIGN_VALUES)
        repairs = FORGED if world.forged else REPAIRS
        for way, commands in (("repair", repairs),) if unknown else WAYS:
            worlds: list[Reached] = [(tidied(world) if unknown else world, (f"-- {way} --",))]
            for number, name in enumerate(commands):
                soon = way == "hasty" and number == 0
                following: list[Reached] = []
                for before, trace in worlds:
                    for end, kind in self.run(name, "wxyz"[number], self._later(before, soon=soon)):
                        told = (*trace, f"{name}: {kind}")
                        if kind.startswith("broke"):
                            return f"{name} {kind}", told
                        if fault := next(faults(end, self._leave), None):
                            return f"after {name}: {fault}", told
                        following.append((end, told))
                worlds = [(end, trace) for end, trace in following if self._unfit(end)]
            for end, trace in worlds:
                return f"{way}: {self._unfit(end)}", trace
        return None, ()

    def _later(self, world: World, *, soon: bool) -> World:
        """Return the world when the next command is given: when all counts as dead, or at once, by a takeover."""
        if not soon:
            return advanced(world, max(world.clock + LATER, locks_end(world)))
        return world

    def _unfit(self, world: World) -> str | None:
        if why := bad_end(advanced(world, world.clock + LATER), self._leave):
            return why
        if self._leave.forgetting and not all(shown(place).managed for place in world.sinks):
            if not any(shown(place).managed for place in world.sinks):
                return None
            ((world, kind),) = self.run("adopt", "u", advanced(world, world.clock + LATER))  # it was given back halfway
            if kind != "done" and self.run("forget", "t", advanced(world, world.clock + LATER))[0][1] == "done":
                return None
            if kind != "done":
                return f"half of it is managed, and adopt says: {kind}"
        ((_, kind),) = self.run("inspect", "v", advanced(world, world.clock + LATER))
        return None if kind == "fit" else f"the next rotation would be refused: {kind}"

    def run(self, name: str, slot: str, world: World) -> Ends:
        key = name, slot
        if key not in self._programs:
            self._programs[key] = program(name, slot, self._kinds, self._switches)
        operator = self._programs[key]
        found: dict[tuple[World, str], None] = {}
        todo = [(world, operator.begin(world.clock))]
        while todo:
            at, node = todo.pop()
            request = operator.next(node, at)
            if isinstance(request, End):
                kind = f"{request.kind} {operator.told.get(node, '')}".strip()
                found[at, kind] = None
                continue
            for after, answer in serve(at, request):
                child = operator.child(node, answer, after.clock)
                if request.name != "probe" or not operator.too_odd(child):
                    todo.append((after, child))
        return tuple(found)

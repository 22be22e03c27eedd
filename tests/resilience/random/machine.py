"""Random sequences of all commands, other people's writes, faults and jumps of the clock; the invariants after each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from random import Random
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from bridge.execution.session import Session
from tests.e2e.observe import unsettled
from tests.e2e.taps import Trace
from tests.e2e.world import SCOPES, World
from tests.resilience.random import beside, judge
from tests.resilience.random.actions import (
    Action,
    Configure,
    Do,
    Later,
    Mend,
    Other,
    Reading,
    Several,
    actions,
    sibling_keys,
)
from tests.resilience.random.commands import Command, Ended, operate
from tests.resilience.random.heal import mend
from tests.resilience.random.look import Eyes, Sight
from tests.resilience.random.mishaps import UNDISTURBED, Mishap, Struck
from tests.resilience.random.others import WRITES, Others

LOGS = "read:logs"
NO_READING = tuple(scope for scope in SCOPES if scope != "read:client_keys")
REFRESH = timedelta(seconds=20)  # sibling keys need it
PLACES = ("vault aws", "vault aws", "vault aws", "vault", "aws")


@dataclass
class Tally:
    """What happened in all runs of a machine."""

    steps: int = 0
    commands: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)
    mishaps: Counter[str] = field(default_factory=Counter)
    others: Counter[str] = field(default_factory=Counter)


class Machine(RuleBasedStateMachine):
    """One client, from its sinks' adoption on. `make` makes worlds; `tally` is kept by whoever runs it."""

    def __init__(self, make: Callable[..., World], tally: Tally) -> None:
        super().__init__()
        self._make = make
        self._tally = tally
        self._world: World | None = None
        self._whole = True  # no invariant was broken
        self._sibling_keys: bool | None = None

    @initialize(ends=st.sampled_from(PLACES), seed=st.integers(0, 9999), beside=sibling_keys)
    def begin(self, ends: str, seed: int, beside: bool | None) -> None:  # drawn by name
        self._world = world = self._make(ends=ends)
        world.tenant.random = Random(seed)
        world.fill()
        self._others = Others(world)
        self._eyes = Eyes(world)
        self._sibling_keys = beside
        self._say(f"sinks: {ends}; sibling keys: {beside}")
        self._command(Command("adopt"))

    @rule(action=actions)
    def step(self, action: Action) -> None:
        self._whole = False
        try:
            self._take(action)
        except Exception as error:
            self._say(f"    broke: {error!r}")  # Hypothesis may tell of nothing but that a repetition went otherwise
            raise
        self._whole = True

    def _take(self, action: Action) -> None:
        match action:
            case Do(command, mishap):
                self._command(command, mishap)
            case Other(what, where, times):
                for _ in range(times):
                    self._act(what, where)
            case Later(seconds):
                self._count(f"{seconds} s pass")
                self.world.clock.advance(timedelta(seconds=seconds))
            case Reading(keys, logs):
                self._count(f"scopes: read:client_keys {keys}, read:logs {logs}")
                self._grant((*(SCOPES if keys else NO_READING), *((LOGS,) if logs else ())))
            case Configure(beside):
                self._count(f"sibling keys = {beside}")
                self._sibling_keys = beside
            case Several(several):
                for each in several:
                    self._take(each)
            case Mend():
                self._mend()

    def teardown(self) -> None:
        if self._world is None:
            return
        try:
            if self._whole:
                self._whole = False
                self._mend()
                self._whole = True
        finally:
            self._world.close()

    @property
    def world(self) -> World:
        assert self._world is not None
        return self._world

    def _command(self, command: Command, mishap: Mishap = UNDISTURBED) -> Ended:
        """Give a command, and judge what it did."""
        before = self._eyes.sight()
        trace = Trace(self.world.clock)
        struck = Struck(mishap, self.world, trace, self._meddle)
        session = self._session(trace)
        struck.arm(session)
        try:
            ended = operate(self.world, command, session=session)
        finally:
            struck.disarm()
        self._count(f"{command}{mishap if struck.met else ''}: {ended} {ended.error or ''}")
        self._tally.commands[f"{command.verb}{' compromised' if command.options.get('compromised') else ''}"] += 1
        self._tally.outcomes[str(ended)] += 1
        self._tally.mishaps[mishap.kind if struck.met else "none"] += 1
        self._judge(command, before, ended, struck)
        return ended

    def _judge(self, command: Command, before: Sight, ended: Ended, struck: Struck) -> None:
        after = self._eyes.sight()
        if not struck.theirs:
            judge.nothing_is_lost(before, after, after.met if struck.unheard else frozenset())
        judge.current_stays(before, after)
        if struck.alone:
            judge.refused_means_unchanged(before, after, ended)
            judge.no_lock_is_an_order(before, after, ended)
            judge.done_means_done(command, before, after, ended, unsettled(self.world) if ended.done else [])
            beside.nothing_comes_back_by_itself(command, before, after, ended)
            beside.companions_are_right(before, after, ended, self._sibling_keys)
            beside.soft_is_soft(before, after, ended, self.world.client_id)
            beside.only_notes_are_recorded(command, before, after, ended)
        if not struck.theirs:
            beside.companions_say_what_is_held(before, after)
        judge.foreign_stays(after, self._others.expected)

    def _meddle(self, what: str) -> None:
        """Be somebody else, while a command is between two calls."""
        if what in WRITES:
            self._others.act(what)
            return
        options: dict[str, Any] = {"repair": True} if what == "adopt" else {}
        command = Command(what, {"takeover": True, **options} if what != "record" else {})
        ended = operate(self.world, command, session=self._session(Trace(self.world.clock)))
        self._say(f"    meanwhile {what}: {ended}")

    def _session(self, trace: Trace) -> Session:
        """Open a job under the configuration of now."""
        return self.world.session(trace=trace, sibling_keys=self._sibling_keys, consumer_refresh=REFRESH)

    def _act(self, what: str, where: int) -> None:
        self._count(f"others: {what} {where}")
        self._tally.others[what] += 1
        self._others.act(what, where)

    def _mend(self) -> None:
        """Follow the hints until all is well."""
        self._count("mend")
        self._grant(SCOPES)

        def run(command: Command) -> Ended:
            self.world.spread()
            return self._command(command)

        path = mend(run, self._others)
        self.world.spread()
        after = self._eyes.sight()
        accepted = self.world.tenant.accepted(self.world.client_id, after.live)
        try:
            judge.converged(after, unsettled(self.world), accepted)
            beside.converged(after)
        except AssertionError as error:
            raise AssertionError(f"{error}\nafter " + "\n".join(path)) from None

    def _grant(self, scopes: tuple[str, ...]) -> None:
        tenant = self.world.tenant
        tenant.grant(self.world.own.client_id, tenant.audience, scopes)

    def _count(self, told: str) -> None:
        self._tally.steps += 1
        self._say(told)

    def _say(self, told: str) -> None:
        """Tell what happens; the long run can be asked to print it."""

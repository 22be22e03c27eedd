"""Runs a case: the command under its fault, what it says and leaves, and whether the remedy cures it."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from typer.testing import CliRunner

from bridge.cli.commands import app
from tests.e2e.command import Ended
from tests.e2e.observe import unsettled, values, values_met
from tests.e2e.sinks import ANCIENT, Snapshot
from tests.e2e.world import DAY, Servers, World
from tests.resilience.faults.between import Between
from tests.resilience.faults.case import Case, Do, Left

WORDS = {0: "", 1: "Failed:", 2: "Usage:", 3: "INCOMPLETE", 4: "Refused:", 5: "Attention:"}
ANSWERS = ("Why", "Production", "Stored in", "Began", "Do")
BUG = ("Traceback", "this should not happen")
WRITES = r"auth0 PATCH|auth0 .*/rotate-secret|vault (PATCH|DELETE|(POST|PUT) /v1/secret)|aws (Put|Create|Tag|Untag)"
GIVEN_BACK = r"(?:again|to carry it on): secret-bridge (.*)$"
LEAKED = r"had leaked; .*: secret-bridge (.*)$"
LATER = timedelta(minutes=10)
WAITED = 0.4  # seconds, for an answer that does not come


class Behind(World):
    """A client whose commands reach the servers through proxies."""

    def __init__(self, servers: Servers, name: str, between: Between, **more: Any) -> None:
        self.between = between
        super().__init__(servers, name, between.clock, **more)

    @property
    def environment(self) -> dict[str, str]:
        return {**super().environment, **self.between.urls, "AUTH0_AUDIENCE": self.tenant.audience}

    def prepare(self, *, fallback: bool) -> None:
        """Give the client a value that is managed, and an older one if so wanted, and a day without changes."""
        self.fill()
        self.rotate(adopt=True) if fallback else self.adopt()
        self.clock.advance(DAY)


@dataclass(frozen=True)
class Before:
    """How a client stood before the fault."""

    seen: list[Snapshot]
    values: int
    live: str

    @classmethod
    def of(cls, world: World) -> Before:
        seen = [place.see() for place in world.sinks]
        return cls(seen, len(values(world)), world.live)


class Run:
    """One case on one client."""

    def __init__(self, case: Case, world: Behind, patch: pytest.MonkeyPatch) -> None:
        self.case = case
        self.world = world
        self.between = world.between
        self.patch = patch
        self.ended = Ended(0, "", "")
        self.said: list[str] = []
        self.written: list[str] = []

    def go(self) -> None:
        """Strike the command, judge it, mend the fault, and follow the advice."""
        case, world = self.case, self.world
        case.scene(world)
        before = Before.of(world)
        for name, value in case.environ.items():
            self.patch.setenv(name, value)
        case.before(self)
        self.between.arm(*case.faults)
        with self.patch.context() as patch:
            if case.slow:
                quicken(patch)
            self.ended = self.typed(*case.command)
        self.written = [call for call in self.between.done if re.match(WRITES, call)]
        self.between.arm()
        self.judge_words()
        case.mend(self)  # nobody can look into a sealed Vault
        self.judge_state(before)
        self.follow()
        self.judge_whole(before)

    def typed(self, verb: str, *options: str) -> Ended:
        """Type a command about the client and its sinks."""
        sinks = [word for uri in self.world.uris for word in ("--sink", uri)]
        return self.invoke(verb, self.world.client_id, *sinks, *options)

    def invoke(self, *argv: str) -> Ended:
        """Run a command in this process; what it does not catch is a fault of its own."""
        result = CliRunner().invoke(app, list(argv))
        assert result.exception is None or isinstance(result.exception, SystemExit), repr(result.exception)
        ended = Ended(result.exit_code, result.stdout, result.stderr)
        self.said.append(ended.told)
        return ended

    def look(self, before: Before) -> list[Snapshot]:
        """Look at the sinks. Nothing foreign has changed there, and no value was printed."""
        world = self.world
        seen = [place.see() for place in world.sinks]
        assert [place.beside for place in seen] == [place.beside for place in before.seen]
        own = {world.own.client_secret, world.servers.bao.token, ANCIENT, *values(world)}
        printed = {secret for secret in own.union(*(p.readable for p in seen)) for told in self.said if secret in told}
        assert printed == set()
        return seen

    def judge_words(self) -> None:
        """What the user sees is what the table says."""
        case, ended = self.case, self.ended
        assert not [word for word in BUG if word in ended.told], ended.told
        assert (ended.status, case.says in ended.told) == (case.exit, True), ended.told
        assert WORDS.get(case.exit, "") in ended.err or case.left is Left.UNVERIFIED, ended.told
        assert not (case.left is Left.GAP and "every sink holds both" in ended.err)
        if case.exit == 3 and case.left is not Left.UNVERIFIED:
            assert [word for word in ANSWERS if not re.search(rf"^  {word} ", ended.err, re.MULTILINE)] == [], ended.err

    def judge_state(self, before: Before) -> None:
        """What is left is what the table says, and no value that Auth0 may accept is lost."""
        case, world = self.case, self.world
        seen = self.look(before)
        held = {value for place in seen for value in place.readable}
        assert values_met(world) <= held | before_unstored(before) or case.left is Left.GAP
        CHECKS[case.left](self, before, seen)

    def follow(self) -> None:
        """Do what the user is told to do, later."""
        case, world = self.case, self.world
        if case.do is Do.NOTHING:
            return
        if case.do is Do.AGAIN:
            argv = self.argv_again()
        else:
            world.clock.advance(LATER)
            argv = self.argv_told() if case.do is Do.RESUME else self.argv_verify()
        ended = self.invoke(*argv)
        if case.do is Do.RESUME and (then := self.argv_then(ended)):
            ended = self.invoke(*then)
        assert ended.status == 0, ended.told

    def argv_then(self, ended: Ended) -> tuple[str, ...]:
        """Return what `resume` says to do next, where it gave back what Auth0 never accepted, or a value had leaked."""
        found = re.search(LEAKED if ended.status else GIVEN_BACK, ended.told, re.MULTILINE)
        if found is None:
            return ()
        typed = found.group(1).split()
        return self.argv_again() if typed[0] == self.case.command[0] else tuple(typed)

    def argv_again(self) -> tuple[str, ...]:
        return self.case.command[0], self.world.client_id, *self._sinks(), *self.case.command[1:]

    def argv_verify(self) -> tuple[str, ...]:
        return "verify", self.world.client_id, *self._sinks()

    def argv_told(self) -> tuple[str, ...]:
        """Return the command on the line that says what to do."""
        found = re.search(r"^  (?:Do|->) +secret-bridge (.*?)(?: {6}\(safe.*)?$", self.ended.err, re.MULTILINE)
        assert found, self.ended.err
        return *shlex.split(found.group(1)), "--no-wait"

    def _sinks(self) -> list[str]:
        return [word for uri in self.world.uris for word in ("--sink", uri)]

    def judge_whole(self, before: Before) -> None:
        """Auth0 accepts one value; it is current everywhere, and nothing is left over."""
        case, world = self.case, self.world
        world.spread()
        assert values_met(world) == {world.live}
        assert len(values(world)) == before.values + case.changes
        kept = {None: None, "old": before.live, "current": before.seen[0].current, "older": before.seen[0].fallback}
        for place in self.look(before):
            assert (place.current, place.pending, place.fallback) == (world.live, None, kept[case.fallback])
        assert unsettled(world) == []


def quicken(patch: pytest.MonkeyPatch) -> None:
    """Have nobody wait long for an answer."""
    patch.setattr("bridge.auth0.http.READ_SECONDS", WAITED)
    patch.setattr("bridge.auth0.probe.TIMEOUT_SECONDS", WAITED)
    patch.setattr("sinks.vault.http.READ", WAITED)
    patch.setattr("sinks.aws.connection.READ_SHARE", WAITED / 10)  # of a lease of 10 s


def before_unstored(before: Before) -> set[str]:
    """Return what Auth0 accepted and no sink held before: a dashboard's value."""
    return {before.live} - {value for place in before.seen for value in place.readable}


def _stages(seen: list[Snapshot]) -> list[tuple[object, ...]]:
    return [(place.current, place.fallback, place.pending, place.readable) for place in seen]


def _untouched(run: Run, before: Before, seen: list[Snapshot]) -> None:
    _given_back(run, before, seen)
    assert run.written == []


def _given_back(run: Run, before: Before, seen: list[Snapshot]) -> None:
    assert len(values(run.world)) == before.values
    assert _stages(seen) == _stages(before.seen)
    assert unsettled(run.world) == []


def _held(run: Run, before: Before, seen: list[Snapshot]) -> None:
    assert len(values(run.world)) == before.values
    assert [place.current for place in seen] == [place.current for place in before.seen]
    assert unsettled(run.world)


def _pending(run: Run, before: Before, seen: list[Snapshot]) -> None:
    assert [place.current for place in seen] == [place.current for place in before.seen]
    pending = {place.pending for place in seen}
    assert len(pending) == 1
    assert run.world.live in {before.live, *pending}
    assert len(unsettled(run.world)) == len(seen)


def _gap(run: Run, before: Before, seen: list[Snapshot]) -> None:
    assert [(place.current, place.pending) for place in seen] == [(place.current, None) for place in before.seen]
    assert len(unsettled(run.world)) == len(seen)


def _half(run: Run, before: Before, seen: list[Snapshot]) -> None:
    live = run.world.live
    assert live != before.live
    assert {place.current for place in seen} == {live, before.live}
    assert {place.current for place in seen if place.pending == live} >= {before.live}
    assert unsettled(run.world)


def _published(run: Run, before: Before, seen: list[Snapshot]) -> None:
    assert {place.current for place in seen} == {run.world.live}
    assert run.world.live != before.live
    assert unsettled(run.world)


def _mixed(run: Run, before: Before, seen: list[Snapshot]) -> None:
    assert len(values(run.world)) == before.values
    assert {place.current for place in seen} <= {before.seen[0].current, before.live}
    assert unsettled(run.world)


def _done(run: Run, before: Before, seen: list[Snapshot]) -> None:
    assert {place.current for place in seen} == {run.world.live}
    assert {place.pending for place in seen} == {None}
    assert unsettled(run.world) == []


CHECKS = {
    Left.UNTOUCHED: _untouched,
    Left.GIVEN_BACK: _given_back,
    Left.HELD: _held,
    Left.PENDING: _pending,
    Left.GAP: _gap,
    Left.HALF: _half,
    Left.PUBLISHED: _published,
    Left.MIXED: _mixed,
    Left.UNVERIFIED: _done,
    Left.DONE: _done,
}

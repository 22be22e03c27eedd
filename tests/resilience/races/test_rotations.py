"""Two rotations of one client at the same instant, each a process: one wins, the other is told who was faster."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.e2e.world import Servers, World
from tests.resilience.races.field import MakeField, assert_whole, names, winners
from tests.resilience.races.operators import Ended, Operators
from tests.support.proxy import Proxy, Rule

ROUNDS = 20
KINDS = pytest.mark.parametrize("sinks", [("vault",), ("aws",), ("vault", "aws")], ids="-".join)
WHO = ("one", "two")
UNNAMED = ("whose name is not written yet", "somebody else was faster")


def assert_named(loser: Ended, winner: str, world: World) -> None:
    """The loser says who holds the sink, since when and until when; in AWS that is written right after the claim."""
    told = loser.err
    if any(place is world.aws for place in world.sinks) and any(words in told for words in UNNAMED):
        return
    assert f"github:acme/{winner}/runs/4711" in told, told
    assert "begun 20" in told, told
    assert "until 20" in told, told


def assert_one_won(worlds: list[World], ended: list[list[Ended]]) -> None:
    for world, both, won in zip(worlds, ended, winners(ended), strict=True):
        assert_named(both[1 - won], WHO[won], world)
        assert_whole(world)


@KINDS
def test_of_two_rotations_at_once_one_wins(make_field: MakeField, operators: Operators, sinks: tuple[str, ...]) -> None:
    """With two sinks they are named in opposite order."""
    field, worlds = make_field(), []
    for world in field.adopted(ROUNDS, *sinks):
        worlds.append(world)
        operators.start(
            field.command(world, "one", "rotate", "--no-wait"),
            field.command(world, "two", "rotate", "--no-wait", uris=names(world)[::-1]),
        )
    ended = operators.join()
    assert_one_won(worlds, ended)
    losers = [one.err for both in ended for one in both if one.status]
    assert any("is in progress and" not in told for told in losers)  # both had seen an idle sink: the write decided


@KINDS
def test_of_two_rotations_whose_claim_arrives_five_seconds_late_one_wins(
    make_field: MakeField, operators: Operators, servers: Servers, sinks: tuple[str, ...]
) -> None:
    late = Rule("POST|PUT", r"/data/apps/.*/pending$", delay=5)
    with Proxy(servers.bao.url, late) as proxy:
        field = make_field(30, VAULT_ADDR=proxy.url)
        worlds = []
        for world in field.adopted(ROUNDS, *sinks):
            worlds.append(world)
            operators.start(*(field.command(world, who, "rotate", "--no-wait") for who in WHO))
        assert_one_won(worlds, operators.join())


def test_rotations_that_name_one_place_each_of_a_recorded_list_of_two_are_both_refused(
    make_field: MakeField, operators: Operators
) -> None:
    field, worlds = make_field(), []
    for world in field.adopted(ROUNDS, "vault", "aws"):
        worlds.append(world)
        operators.start(
            field.command(world, "one", "rotate", "--no-wait", uris=names(world)[:1]),
            field.command(world, "two", "rotate", "--no-wait", uris=names(world)[1:]),
        )
    for world, both in zip(worlds, operators.join(), strict=True):
        assert [one.status for one in both] == [4, 4], both
        assert all("belongs to the list of sinks" in one.err for one in both), both
        assert_whole(world, changes=0, fallback=None)


def test_a_rotation_that_names_one_place_of_two_never_beats_the_one_that_names_both(
    make_field: MakeField, operators: Operators
) -> None:
    field, worlds = make_field(), []
    for number, world in enumerate(field.adopted(ROUNDS, "vault", "aws")):
        worlds.append(world)
        operators.start(
            field.command(world, "one", "rotate", "--no-wait"),
            field.command(world, "two", "rotate", "--no-wait", uris=[names(world)[number % 2]]),
        )
    assert winners(operators.join()) == [0] * ROUNDS
    for world in worlds:
        assert_whole(world)


def test_of_five_rotations_at_once_one_wins(make_field: MakeField, operators: Operators) -> None:
    field, worlds = make_field(), []
    for world in field.adopted(4, "vault", "aws"):
        worlds.append(world)
        operators.start(*(field.command(world, f"{n}", "rotate", "--no-wait") for n in range(5)))
    winners(operators.join())
    for world in worlds:
        assert_whole(world)


def test_two_commands_from_a_shell_race_as_well(make_field: MakeField) -> None:
    """Nothing forked, nothing imported before: started as anybody starts it."""
    field = make_field()
    (world,) = field.adopted(1, "vault", "aws")
    commands = [field.command(world, who, "rotate", "--no-wait") for who in WHO]
    started = [
        subprocess.Popen(
            [sys.executable, "-c", "from bridge.cli import main; main()", *command.argv],
            env={**command.environ, "PYTHONPATH": "."},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for command in commands
    ]
    told = [process.communicate(timeout=60) for process in started]
    ended = [Ended(process.returncode, *texts) for process, texts in zip(started, told, strict=True)]
    assert_one_won([world], [ended])

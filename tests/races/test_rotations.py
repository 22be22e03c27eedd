"""Two rotations of one client at the same instant, each a process: one wins, the other is told by whom it was beaten."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.e2e.world import Servers, World
from tests.proxy import Proxy, Rule
from tests.races.field import Field, MakeField, assert_whole, names, winners
from tests.races.operators import Command, Ended, Operators

ROUNDS = 20
APART = 0.12  # seconds between the rounds' starts, so that two processors are enough
UNNAMED = ("whose name is not written yet", "somebody else was faster")


def assert_named(loser: Ended, winner: str, *, perhaps: bool) -> None:
    """The loser says who holds the place, since when and until when; `perhaps`: as far as it could be known."""
    told = loser.out + loser.err
    if perhaps and any(words in told for words in UNNAMED):
        return
    assert f"github:acme/{winner}/runs/4711" in told, told
    assert "begun 20" in told, told
    assert "until 20" in told, told


def race(world_of: Field, worlds: list[World], operators: Operators, rounds: list[list[Command]]) -> list[list[Ended]]:
    """Run rounds between operators that are called "one" and "two", and check what each client ends as."""
    ended = operators.run(rounds, apart=APART)
    for world, both, won in zip(worlds, ended, winners(ended), strict=True):
        assert_named(both[1 - won], ("one", "two")[won], perhaps=any(uri.startswith("aws") for uri in names(world)))
        assert_whole(world)
    return ended


@pytest.mark.parametrize("places", [("vault",), ("aws",), ("vault", "aws")], ids=["vault", "aws", "both"])
def test_of_two_rotations_at_once_one_wins(
    make_field: MakeField, operators: Operators, unique: str, places: tuple[str, ...]
) -> None:
    """With two places they are named in opposite order."""
    field = make_field()
    worlds = field.worlds_of(unique, ROUNDS, places)
    rounds = [
        [
            field.command(world, "one", "rotate", "--no-wait"),
            field.command(world, "two", "rotate", "--no-wait", uris=names(world)[::-1]),
        ]
        for world in worlds
    ]
    ended = race(field, worlds, operators, rounds)
    losers = [one.err for both in ended for one in both if one.status]
    assert any("counts as live until" not in told or "held by" in told for told in losers)  # decided by a write


@pytest.mark.parametrize("places", [("vault",), ("vault", "aws")], ids=["vault", "both"])
def test_of_two_rotations_whose_claim_arrives_five_seconds_late_one_wins(
    make_field: MakeField, operators: Operators, unique: str, servers: Servers, places: tuple[str, ...]
) -> None:
    late = Rule("POST|PUT", r"/data/apps/.*/pending$", delay=5, count=None)
    with Proxy(servers.bao.url, late) as proxy:
        field = make_field(30, VAULT_ADDR=proxy.url)
        worlds = field.worlds_of(unique, ROUNDS, places, managed=False)
        rounds = [
            [field.command(world, who, "rotate", "--adopt", "--no-wait") for who in ("one", "two")] for world in worlds
        ]
        race(field, worlds, operators, rounds)


def test_rotations_that_name_one_place_each_of_a_recorded_list_of_two_are_both_refused(
    make_field: MakeField, operators: Operators, unique: str
) -> None:
    field = make_field()
    worlds = field.worlds_of(unique, ROUNDS, ("vault", "aws"))
    rounds = [
        [
            field.command(world, "one", "rotate", "--no-wait", uris=names(world)[:1]),
            field.command(world, "two", "rotate", "--no-wait", uris=names(world)[1:]),
        ]
        for world in worlds
    ]
    for world, both in zip(worlds, operators.run(rounds, apart=APART), strict=True):
        assert [one.status for one in both] == [4, 4], both
        assert all("belongs to the list of places" in one.err for one in both), both
        assert_whole(world, changes=0, fallback=None)


@pytest.mark.parametrize("named", [0, 1], ids=["vault", "aws"])
def test_a_rotation_that_names_one_place_of_two_never_beats_the_one_that_names_both(
    make_field: MakeField, operators: Operators, unique: str, named: int
) -> None:
    field = make_field()
    worlds = field.worlds_of(unique, ROUNDS // 2, ("vault", "aws"))
    rounds = [
        [
            field.command(world, "one", "rotate", "--no-wait"),
            field.command(world, "two", "rotate", "--no-wait", uris=[names(world)[named]]),
        ]
        for world in worlds
    ]
    ended = operators.run(rounds, apart=APART)
    assert winners(ended) == [0] * len(worlds)
    for world in worlds:
        assert_whole(world)


def test_of_five_rotations_at_once_one_wins(make_field: MakeField, operators: Operators, unique: str) -> None:
    field = make_field()
    worlds = field.worlds_of(unique, 4, ("vault", "aws"))
    rounds = [[field.command(world, f"{n}", "rotate", "--no-wait") for n in range(5)] for world in worlds]
    winners(operators.run(rounds, apart=3 * APART))
    for world in worlds:
        assert_whole(world)


def test_two_commands_from_a_shell_race_as_well(make_field: MakeField, unique: str) -> None:
    """Nothing forked, nothing imported before: started as anybody starts it."""
    field = make_field(8)
    (world,) = field.worlds_of(unique, 1, ("vault", "aws"))
    started = []
    for who in ("one", "two"):
        command = field.command(world, who, "rotate", "--no-wait")
        started.append(
            subprocess.Popen(
                [sys.executable, "-c", "from bridge.cli import main; main()", *command.argv],
                env={**command.environ, "PYTHONPATH": ".", "PATH": ""},
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
        )
    ended = []
    for process in started:
        out, err = process.communicate(timeout=60)
        ended.append(Ended(process.returncode, out, err))
    (won,) = winners([ended])
    assert_named(ended[1 - won], ("one", "two")[won], perhaps=True)
    assert_whole(world)

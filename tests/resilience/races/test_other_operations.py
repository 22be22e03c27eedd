"""Whatever else changes a client, at the same instant as its like or as a rotation."""

from __future__ import annotations

from pathlib import Path

import pytest

from bridge.operations.rotate import RotateOptions, rotate
from tests.e2e.taps import Call, Killed, Trace
from tests.e2e.world import World
from tests.resilience.races.field import SPREAD, Field, MakeField, assert_whole, names, winners
from tests.resilience.races.operators import Operators

ROUNDS = 4
KINDS = pytest.mark.parametrize("sinks", [("vault",), ("aws",), ("vault", "aws")], ids="-".join)
"""CI takes both sinks at once."""
PLACES = pytest.mark.parametrize("sinks", [("vault",), ("aws",)], ids=["vault", "aws"])


@PLACES
def test_of_two_retirements_at_once_one_wins(
    make_field: MakeField, operators: Operators, tmp_path: Path, sinks: tuple[str, ...]
) -> None:
    field = make_field()
    worlds = field.rotated(ROUNDS, *sinks)
    config = field.write_config(tmp_path / "bridge.toml")
    for world in worlds:
        operators.start(*(field.command(world, who, "retire", "--yes", *config, uris=()) for who in ("one", "two")))
    winners(operators.join())
    for world in worlds:
        assert_whole(world, fallback=None)
        assert all(world.s0 not in place.see().readable for place in world.sinks)


@PLACES
def test_of_a_retirement_and_a_rotation_at_once_one_wins(
    make_field: MakeField, operators: Operators, tmp_path: Path, sinks: tuple[str, ...]
) -> None:
    field = make_field()
    worlds = field.rotated(ROUNDS, *sinks)
    config = field.write_config(tmp_path / "bridge.toml")
    for world in worlds:
        operators.start(
            field.command(world, "one", "retire", "--yes", *config, uris=()),
            field.command(world, "two", "rotate", "--no-wait", *config, uris=()),
        )
    for world, won in zip(worlds, winners(operators.join()), strict=True):
        assert_whole(world, changes=1 + won, fallback=-2 if won else None)
        assert all(world.s0 not in place.see().readable for place in world.sinks)


@PLACES
def test_two_adoptions_at_once_change_no_value_and_leave_one_record(
    make_field: MakeField, operators: Operators, sinks: tuple[str, ...]
) -> None:
    """Who comes when the other has finished already adopts again, which changes nothing."""
    field = make_field()
    worlds = field.filled(ROUNDS, *sinks)
    for world in worlds:
        operators.start(*(field.command(world, who, "adopt", "--yes") for who in ("one", "two")))
    ended = [sorted(one.status for one in both) for both in operators.join()]
    assert all(statuses in ([0, 4], [0, 0]) for statuses in ended)
    assert [0, 4] in ended
    for world in worlds:
        assert_whole(world, changes=0, fallback=None)
        assert world.sinks[0].see().tags["managed-by"] == "secret-bridge"


def dead(field: Field, world: World, at: str) -> None:
    """Have a rotation die right after the first call of a name."""
    trace = Trace(world.clock)

    def die(call: Call) -> None:
        if call.name == at:
            trace.dead = True
            raise Killed

    trace.after = die
    world.tenant.settings.propagation = field.propagation
    with pytest.raises(Killed):
        rotate(world.session(names(world), trace), RotateOptions(adopt=True, settle=False))
    world.tenant.settings.propagation = SPREAD


@pytest.mark.parametrize("at", ["set_secret", "claimed"])
@KINDS
def test_of_two_who_take_a_dead_rotation_over_at_once_one_settles_it(
    make_field: MakeField, operators: Operators, sinks: tuple[str, ...], at: str
) -> None:
    """It publishes what Auth0 accepts, or gives the sinks back if that is what was current.

    The other one is refused, or is overtaken on its way and says so, or finds nothing left to do.
    """
    told = "finished rotate" if at == "set_secret" else "given back rotate"
    field = make_field(6)
    worlds = field.filled(ROUNDS, *sinks)
    for world in worlds:
        dead(field, world, at if at == "set_secret" else {"vault": "write", "aws": "put"}[sinks[-1]])
    for world in worlds:
        operators.start(*(field.command(world, who, "resume", "--takeover", "--no-wait") for who in ("one", "two")))
    for world, both in zip(worlds, operators.join(), strict=True):
        settled = [one for one in both if one.status == 0 and told in one.out]
        others = [one for one in both if one not in settled]
        assert settled, both
        assert all(
            one.status in (3, 4) or (one.status == 0 and "nothing is interrupted" in one.out) for one in others
        ), both
        assert_whole(world, changes=int(at == "set_secret"), fallback=-2 if at == "set_secret" else None)

"""The judge of `together` can fail: each planted fault is found, and nothing is where there is none."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from tests.e2e.command import Ended
from tests.e2e.conftest import make_world, world
from tests.e2e.observe import values
from tests.e2e.world import World
from tests.resilience.together import judge
from tests.resilience.together.judge import DIED, Before
from tests.resilience.together.moments import Moment, Trap
from tests.resilience.together.readers import absent, reading

__all__ = ["make_world", "world"]


@pytest.fixture
def rotated(world: World) -> tuple[World, Before]:
    """A client that was rotated once since somebody has looked."""
    world.used()
    before = Before(tuple(place.see() for place in world.sinks), len(values(world)) - 1)
    world.rotate()
    return world, before


def lock(world: World) -> None:
    world.vault.kv.create_or_update_secret(
        f"{world.vault.path}/pending", {"client_secret": world.live, "secret-bridge": {"state": "locked"}}
    )


def change(world: World) -> None:
    world.tenant.set_in_dashboard(world.client_id)
    world.spread()


def forget_fallback(world: World) -> None:
    world.vault.tag("bridge_fallback", None)


def label(world: World) -> None:
    world.aws.client.put_secret_value(
        SecretId=world.aws.name, SecretString='{"client_secret": "never live"}', VersionStages=["AWSPENDING"]
    )


def edit(world: World) -> None:
    world.vault.edit("db_url", "another")


def test_a_client_that_is_whole_has_no_fault(rotated: tuple[World, Before]) -> None:
    world, before = rotated
    assert judge.whole(world, before, changes={1}) == []
    assert judge.at_death(world, before) == []
    assert absent(world) == []
    assert not judge.held(world)


@pytest.mark.parametrize(
    ("plant", "found"),
    [
        (change, ("it was changed 2 times at Auth0", "Auth0 does not accept what is current")),
        (lock, ("an operation holds it", "a value is pending")),
        (label, ("an operation holds it", "a value is pending", "a value can be read that was never live")),
        (forget_fallback, ("the fallback is not the value before",)),
        (edit, ("something foreign changed",)),
    ],
)
def test_each_planted_fault_is_found(
    rotated: tuple[World, Before], plant: Callable[[World], None], found: tuple[str, ...]
) -> None:
    world, before = rotated
    plant(world)
    faults = judge.whole(world, before, changes={1})
    assert all(any(fault.endswith(what) for fault in faults) for what in found), faults


def test_the_same_value_set_once_more_is_no_fault(rotated: tuple[World, Before]) -> None:
    """So it is where the answer to a PATCH was lost: it is repeated within the next lease."""
    world, before = rotated
    world.tenant.set_in_dashboard(world.client_id, world.live)
    world.spread()
    assert judge.whole(world, before, changes={1}) == []


def test_a_change_too_many_or_too_few_is_found(rotated: tuple[World, Before]) -> None:
    world, before = rotated
    assert judge.whole(world, before, changes={0}) == ["it was changed 1 times at Auth0"]


def test_a_former_value_that_should_have_ended_is_found(rotated: tuple[World, Before]) -> None:
    world, before = rotated
    faults = judge.whole(world, before, changes={1}, fallback="retired")
    assert {fault.rpartition(": ")[2] for fault in faults} == {
        "the fallback is not the value before", "a former value can be read",
    }  # fmt: skip


def test_a_value_that_no_sink_offers_is_missed_at_death_and_by_readers(rotated: tuple[World, Before]) -> None:
    world, before = rotated
    with reading({"billing": world}) as missed:
        world.tenant.set_in_dashboard(world.client_id)
        end = time.monotonic() + 10
        while not missed and time.monotonic() < end:
            time.sleep(0.05)
    assert missed
    assert len(judge.at_death(world, before)) == 2


def line(event: str, attempt: str, outcome: str = "done") -> dict[str, Any]:
    return {"event": event, "attempt": attempt, "client": "billing", "command": "rotate", "outcome": outcome}


@pytest.mark.parametrize(
    ("lines", "died", "faults"),
    [
        ([line("begin", "1"), line("end", "1")], False, 0),
        ([line("begin", "1")], True, 0),
        ([line("begin", "1")], False, 1),
        ([line("begin", "1"), line("begin", "2"), line("end", "2")], True, 1),
        ([line("begin", "1"), line("end", "1", DIED)], True, 0),
        ([line("begin", "1"), line("end", "1", DIED)], False, 1),
        ([line("begin", "1"), line("end", "1"), line("end", "1", DIED)], True, 1),
    ],
)
def test_ends_that_are_missing_or_too_many_are_found(lines: list[dict[str, Any]], died: bool, faults: int) -> None:
    assert len(judge.ends(lines, died=died)[0]) == faults


def test_a_second_login_is_found() -> None:
    assert judge.logins(Counter(login=1, token=1), ended=True) == []
    assert judge.logins(Counter(login=2, token=1), ended=False)
    assert judge.logins(Counter(login=1, token=2), ended=True)
    assert judge.logins(Counter(), ended=True)


def test_results_are_read_by_client() -> None:
    told = Ended(3, "result=rotated client=a exit=0\nresult=incomplete client=b exit=3\n", "")
    assert judge.results(told) == {"a": 0, "b": 3}


@pytest.mark.parametrize(("place", "at"), [("first", 1), ("middle", 2), ("last", 4)])
def test_a_trap_counts_clients_and_no_request_twice(place: str, at: int) -> None:
    struck: list[Any] = []

    class Alive:
        over = False

    trap = Trap(Moment.RELEASE, place, [(f"id{n}", f"apps/{n}") for n in range(4)], struck.append, 1.0)
    trap.aim(Alive())  # type: ignore[arg-type]  # all that is asked of a process here
    for number in range(4):
        trap.saw(f"POST /v1/secret/data/apps/{number}/pending")
        trap.saw(f"POST /v1/secret/data/apps/{number}")
        assert len(struck) == (number >= at)
        trap.saw(f"POST /v1/secret/data/apps/{number}/pending")
        assert len(struck) == (number + 1 >= at)

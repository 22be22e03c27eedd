"""Killed before any raw call: a survey tells that something is left, nothing is lost, and another one finishes it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from bridge.sandbox.openbao import OpenBao
from sinks.port import Lost, Stage
from tests.contract.harness import KEY, VaultHarness
from tests.contract.operator import CLIENT, P1, P2, S0, claimed, filled, lock, record, seen_again, taken_over
from tests.unit.sinks.vault.support import watched
from tests.unit.sinks.vault.test_every_call import (
    STORIES,
    Operation,
    adoption,
    first_rotation,
    rotation,
    settled,
    undisturbed,
)


class Killed(BaseException):
    """The process ended here."""


def finish(place: VaultHarness, operation: Operation, *, begun: bool) -> None:
    """Take over what is held and go on, clean what is left, or begin again.

    Who settles reads what was left, and its release cleans what it has read.
    """
    seen = seen_again(place)
    if not begun:
        operation(place, watched(place)[0])
        return
    if seen.lock is None:
        if place.sink().survey().unsettled:
            sink, held = claimed(place, None, holder="cleaner", operation="settle")
            sink.candidates()
            sink.release(held, "cleaned")
        return
    sink, held = taken_over(place)
    sink.candidates()
    if operation is first_rotation and seen.value(Stage.CURRENT) is None:  # killed before the live value was written
        sink.release(held, "given up")
        operation(place, watched(place)[0])
        return
    if operation in (rotation, first_rotation):
        new, old = (P2, P1) if operation is rotation else (P1, S0)
        held = held if held.value else sink.store(held, new)
        sink.promote(held, new, record(place, new, old, rotation="r-zombie"))
    if operation is adoption:
        sink.tag(held, record(place, S0, rotation="r-zombie"))
    elif operation is not first_rotation:
        sink.retire(held, S0.fingerprint(CLIENT))
    sink.release(held, "finished")


@pytest.mark.parametrize(("make", "operation"), STORIES, ids=[story.__name__ for _, story in STORIES])
def test_what_was_killed_before_any_call_is_seen_and_finished_by_another_one(
    bao: OpenBao, unique: str, make: Callable[[VaultHarness], None], operation: Operation
) -> None:
    calls, _ = undisturbed(bao, unique, make, operation)
    for number in range(len(calls)):
        place = VaultHarness(bao, f"{unique}-{number}")
        make(place)
        before = (place.document() or {}).get(KEY)
        sink, made = watched(place)

        def kill(now: int, name: str, number: int = number) -> None:
            if now == number:
                raise Killed

        made.before = kill
        with pytest.raises(Killed):
            operation(place, sink)
        where = f"before call {number} ({calls[number]})"
        assert before is None or before in place.reachable() or operation is rotation, where
        left = seen_again(place).lock is not None or len(place.reachable_at(f"{place.path}/pending")) > 0
        assert place.sink().survey().unsettled >= left, where
        finish(place, operation, begun="write" in made.made[:-1])
        settled(place, operation)


def test_who_brought_no_word_of_its_own_is_told_apart_by_the_version(place: VaultHarness) -> None:
    filled(place)
    sink = place.sink()
    held = sink.claim(sink.read(), replace(lock(place, "ci-1"), holder=""), P1)
    sink.release(held, "given up")
    other = place.sink()
    mine = other.claim(other.read(), replace(lock(place, "ci-2"), holder=""), P2)
    with pytest.raises(Lost):
        sink.renew(held)
    sink.release(held, "too late")
    other.renew(mine)
    assert place.pending() == P2.reveal()

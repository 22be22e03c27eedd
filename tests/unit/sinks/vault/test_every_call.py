"""Whatever happens between any two raw calls of an operation, it converges, and nothing foreign is lost."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

import pytest

from bridge.sandbox.openbao import OpenBao
from sinks.port import Busy, Lease, Lost, Refused, Sink, Unavailable
from sinks.secret import Secret
from sinks.sibling_keys import SiblingKeys
from sinks.vault.sink import VaultSink
from tests.contract.harness import KEY, LEASE, VaultHarness
from tests.contract.operator import CLIENT, P1, P2, S0, claimed, filled, lock, record, rotated, seen_again, taken_over
from tests.unit.sinks.vault.support import WRITES, Calls, watched

P3 = Secret("P3-the-third-new-value")
THEIRS = {"db_url": "postgres://theirs"}
Operation = Callable[[VaultHarness, VaultSink], None]


def rotation(place: VaultHarness, sink: VaultSink) -> None:
    """Rotate P1 to P2 over an open fallback S0, and end that."""
    held = sink.claim(sink.read(), lock(place, "zombie", base=P1), P2)
    held = sink.renew(held)
    sink.promote(held, P2, record(place, P2, P1, rotation="r-zombie"))
    sink.retire(held, S0.fingerprint(CLIENT))
    sink.release(held, "rotated")


def retirement(place: VaultHarness, sink: VaultSink) -> None:
    """Retire the fallback S0."""
    held = sink.claim(sink.read(), lock(place, "zombie", base=P1, operation="retire"), None)
    held = sink.renew(held)
    sink.retire(held)
    sink.release(held, "retired")


def first_rotation(place: VaultHarness, sink: VaultSink) -> None:
    """Fill an empty sink, store what Auth0 made, promote it."""
    held = sink.claim(sink.read(), lock(place, "zombie"), None, initial=S0)
    held = sink.store(held, P1)
    sink.promote(held, P1, record(place, P1, S0, rotation="r-zombie"))
    sink.release(held, "rotated")


def adoption(place: VaultHarness, sink: VaultSink) -> None:
    """Adopt what is there."""
    held = sink.claim(sink.read(), lock(place, "zombie", operation="adopt"), None)
    sink.tag(held, record(place, S0, rotation="r-zombie"))
    sink.release(held, "adopted")


def managed(place: VaultHarness) -> None:
    filled(place)
    rotated(place)


def nothing(place: VaultHarness) -> None:
    """Leave the sink empty."""


STORIES = [(managed, rotation), (managed, retirement), (nothing, first_rotation), (filled, adoption)]


@pytest.fixture(params=STORIES, ids=[story.__name__ for _, story in STORIES])
def story(request: pytest.FixtureRequest) -> tuple[Callable[[VaultHarness], None], Operation]:
    """What is there at the beginning, and an operation."""
    found: tuple[Callable[[VaultHarness], None], Operation] = request.param
    return found


def expected(operation: Operation) -> tuple[str, str | None]:
    """Return the current value and the fallback's, afterwards."""
    outcomes: dict[Operation, tuple[Secret, Secret | None]] = {
        rotation: (P2, P1), retirement: (P1, None), first_rotation: (P1, S0), adoption: (S0, None)
    }  # fmt: skip
    current, fallback = outcomes[operation]
    return current.reveal(), fallback.reveal() if fallback else None


def shape(place: VaultHarness) -> tuple[int, int]:
    """Return how many versions the document and the lock key have had."""
    return tuple(max(map(int, place.metadata(p)["versions"]), default=0) for p in (place.path, f"{place.path}/pending"))  # type: ignore[return-value]


def settled(place: VaultHarness, operation: Operation) -> None:
    current, fallback = expected(operation)
    assert (place.document() or {})[KEY] == current
    assert place.fallback() == fallback
    assert place.pending() is None
    seen = seen_again(place)
    assert (seen.lock, seen.unsettled, seen.drifted) == (None, False, False)
    assert not place.sink().survey().unsettled
    kept = {current, fallback} - {None}
    assert set(place.reachable()) == kept


def undisturbed(
    bao: OpenBao, unique: str, make: Callable[[VaultHarness], None], operation: Operation
) -> tuple[list[str], tuple[int, int]]:
    place = VaultHarness(bao, f"{unique}-undisturbed")
    make(place)
    sink, calls = watched(place)
    operation(place, sink)
    settled(place, operation)
    return calls.made, shape(place)


def disturbed(
    bao: OpenBao, unique: str, make: Callable[[VaultHarness], None], operation: Operation,
    numbers: list[int], disturb: Callable[[VaultHarness, Calls, int], None],
) -> list[VaultHarness]:  # fmt: skip
    """Run the operation once for each raw call, with that one disturbed."""
    sinks = []
    for number in numbers:
        place = VaultHarness(bao, f"{unique}-{number}")
        make(place)
        sink, calls = watched(place)
        disturb(place, calls, number)
        operation(place, sink)
        settled(place, operation)
        sinks.append(place)
    return sinks


def test_a_foreign_write_before_any_call_is_kept_and_changes_nothing(
    bao: OpenBao, unique: str, story: tuple[Callable[[VaultHarness], None], Operation]
) -> None:
    make, operation = story
    calls, _ = undisturbed(bao, unique, make, operation)

    def write(place: VaultHarness, made: Calls, number: int) -> None:
        def before(now: int, name: str) -> None:
            if now == number:
                place.write_key("smtp", f"written before call {number}")
                place.tag("cost", f"tagged before call {number}")

        made.before = before

    for number, place in enumerate(disturbed(bao, unique, make, operation, list(range(len(calls))), write)):
        theirs = {key: value for key, value in (place.document() or {}).items() if key != KEY}
        assert theirs == ({} if make is nothing else THEIRS) | {"smtp": f"written before call {number}"}
        owner = {} if make is nothing else {"owner": "team-billing"}
        ours = {name for name in place.tags() if name.startswith("bridge_") or name == "managed-by"}
        assert {k: v for k, v in place.tags().items() if k not in ours} == owner | {
            "cost": f"tagged before call {number}"
        }


def test_a_write_whose_answer_is_lost_is_done_once(
    bao: OpenBao, unique: str, story: tuple[Callable[[VaultHarness], None], Operation]
) -> None:
    make, operation = story
    calls, versions = undisturbed(bao, unique, make, operation)
    writes = [number for number, name in enumerate(calls) if name in WRITES]
    sinks = disturbed(bao, unique, make, operation, writes, lambda _, made, number: made.lose_answer_of(number))
    assert [shape(place) for place in sinks] == [versions] * len(writes)


def test_a_write_that_never_arrived_is_done_again(
    bao: OpenBao, unique: str, story: tuple[Callable[[VaultHarness], None], Operation]
) -> None:
    make, operation = story
    calls, versions = undisturbed(bao, unique, make, operation)
    writes = [number for number, name in enumerate(calls) if name in WRITES]
    sinks = disturbed(bao, unique, make, operation, writes, lambda _, made, number: made.lose_request_of(number))
    assert [shape(place) for place in sinks] == [versions] * len(writes)


def others_go_on(place: VaultHarness) -> tuple[Sink, Lease, str | None]:
    """Somebody finishes what is held, if anything is; then the next rotation claims, with P3 pending."""
    place.clock.advance(3 * LEASE)
    seen = seen_again(place)
    if seen.lock is not None:
        sink, held = taken_over(place)
        if held.value is not None:
            base = seen.lock.base
            told = replace(
                record(place, held.value, rotation=seen.lock.id), recent=(held.value.fingerprint(CLIENT), base)
            )
            sink.promote(held, held.value, told)
        sink.release(held, "finished")
    current = (place.document() or {}).get(KEY)
    sink, held = claimed(place, P3, base=Secret(current) if current else None, holder="next")
    return sink, held, current


def waking(
    number: int, place: VaultHarness, meanwhile: list[tuple[Sink, Lease, str | None]]
) -> Callable[[int, str], None]:
    """Return what happens while the operator sleeps before one call."""

    def wake(now: int, name: str) -> None:
        if now == number:
            meanwhile.append(others_go_on(place))

    return wake


def test_a_zombie_that_wakes_before_any_call_harms_nobody(
    bao: OpenBao, unique: str, story: tuple[Callable[[VaultHarness], None], Operation]
) -> None:
    """It slept past its lease; its operation was finished by another one, and the next rotation has claimed."""
    make, operation = story
    calls, _ = undisturbed(bao, unique, make, operation)
    for number in range(len(calls)):
        place = VaultHarness(bao, f"{unique}-{number}")
        make(place)
        sink, made = watched(place)
        meanwhile: list[tuple[Sink, Lease, str | None]] = []

        made.before = waking(number, place, meanwhile)
        with suppress(Lost, Busy, Refused):
            operation(place, sink)
        [(next_sink, held, current)] = meanwhile
        assert (place.document() or {}).get(KEY) == current, f"call {number} ({calls[number]})"
        assert place.pending() == P3.reveal(), f"call {number} ({calls[number]})"
        next_sink.promote(next_sink.renew(held), P3, record(place, P3, rotation="r-next"))
        next_sink.release(held, "rotated")
        assert (place.document() or {})[KEY] == P3.reveal()
        if current:
            assert place.fallback() == current, f"call {number} ({calls[number]})"


def test_an_announcement_whose_answer_is_lost_counts_as_written(bao: OpenBao, unique: str) -> None:
    place = VaultHarness(bao, unique)
    managed(place)
    sink, calls = watched(place)
    held = sink.claim(sink.read(), replace(lock(place, base=P1), sibling_keys=SiblingKeys.KEEP), P2)
    done = len(calls.made)
    calls.after = lambda made, name: _lost_once(calls) if made >= done and name == "write" else None
    assert sink.write_sibling_keys(held, P2)
    assert not sink.write_sibling_keys(held, P2)
    assert calls.made[done:].count("write") == 1


def _lost_once(calls: Calls) -> None:
    calls.after = lambda made, name: None
    raise Unavailable("the connection was lost")

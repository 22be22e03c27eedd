"""States that a sink can be in, each as what led to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tests.contract.harness import Harness
from tests.contract.operator import P1, P2, S0, claimed, filled, record, rotated, taken_over


def nothing(_place: Harness) -> None:
    """Nobody has written anything."""


def rotated_once(place: Harness) -> None:
    filled(place)
    rotated(place)


def rotated_twice(place: Harness) -> None:
    rotated_once(place)
    rotated(place, P1, P2, holder="ci-2")


def without_fallback(place: Harness) -> None:
    filled(place)
    rotated(place, keep=False)


def pending(place: Harness) -> None:
    filled(place)
    claimed(place)


def pending_over_a_fallback(place: Harness) -> None:
    rotated_once(place)
    claimed(place, P2, base=P1, holder="ci-2")


def held_without_a_value(place: Harness) -> None:
    rotated_once(place)
    claimed(place, None, base=P1, holder="ci-2", operation="retire")


def taken(place: Harness) -> None:
    pending(place)
    taken_over(place)


def promoted_and_not_released(place: Harness) -> None:
    filled(place)
    sink, held = claimed(place)
    sink.promote(held, P1, record(place, P1, S0))


def left_behind(place: Harness) -> None:
    """The process died after it had given the sink back, and before it had cleaned up."""
    filled(place)
    sink, held = claimed(place)
    sink.promote(held, P1, record(place, P1, S0))
    place.interrupt_release(sink, held, "rotated")


def wiped(place: Harness) -> None:
    rotated_once(place)
    place.wipe_tags()


def edited(place: Harness) -> None:
    rotated_once(place)
    for number in range(3):
        place.write_key("smtp", str(number))


def pasted(place: Harness) -> None:
    rotated_once(place)
    place.write_key("client_secret", "a-value-from-the-dashboard")


def retired(place: Harness) -> None:
    rotated_once(place)
    sink, held = claimed(place, None, base=P1, holder="ci-2", operation="retire")
    sink.retire(held)
    sink.release(held, "retired")


def retired_softly(place: Harness) -> None:
    edited(place)
    sink, held = claimed(place, None, base=P1, holder="ci-2", operation="retire-softly")
    sink.retire(held, softly=True)
    sink.release(held, "retired softly")


def brought_back(place: Harness) -> None:
    retired_softly(place)
    sink, held = claimed(place, None, base=P1, holder="ci-3", operation="bring-back")
    sink.bring_back(held)
    sink.release(held, "brought back")


def forgotten(place: Harness) -> None:
    rotated_once(place)
    sink, held = claimed(place, None, base=P1, holder="ci-2", operation="forget")
    sink.forget(held)
    sink.release(held, "forgotten")


def tags_replaced_by_foreign_words(place: Harness) -> None:
    rotated_once(place)
    place.tag("bridge_promoted_at", "2099-01-01T00:00:00Z")
    place.tag("bridge_fallback", "99")


def of_another_manager(place: Harness) -> None:
    filled(place)
    place.tag("managed-by", "terraform")


STATES: Mapping[str, Callable[[Harness], None]] = {
    state.__name__: state
    for state in (
        nothing, filled, rotated_once, rotated_twice, without_fallback, pending, pending_over_a_fallback,
        held_without_a_value, taken, promoted_and_not_released, left_behind, wiped, edited, pasted, retired,
        retired_softly, brought_back, forgotten, tags_replaced_by_foreign_words, of_another_manager,
    )
}  # fmt: skip
"""The states by name. A kind that cannot get into one of them is in another one of them then."""

"""What is next for a client: one thing, the most urgent, and the same as `--due` says."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from bridge.config.settings import ClientSettings
from bridge.fleet.rules import Verb, drifted, following, interrupted, retirable, rotatable
from bridge.planning.status import Status
from sinks.port import History, Stage, Version
from tests.unit.planning.sinks import ANCIENT, CLIENT, DAY, NOW, OLD, TENANT, URIS, A, B, lock, record
from tests.unit.planning.test_status import aged, of

TELLS, SYNCS = (
    ClientSettings("billing", CLIENT, TENANT, URIS, on_drift=word)  # type: ignore[arg-type]  # it is a literal
    for word in ("notify", "sync")
)
DIED, LIVE = NOW - timedelta(minutes=5), NOW + timedelta(minutes=5)
GONE = History((Version("2", Stage.CURRENT, NOW - DAY, readable=False),))


def both(days: float = 1, *, fallback: bool = False, **changed: object) -> Status:
    """Return the status of two sinks, of which the second is changed."""
    sound = aged(days, uri=A, fallback=fallback)
    return of(sound, replace(aged(days, uri=B, fallback=fallback), **changed))  # type: ignore[arg-type]  # a sink's fields


STATES: dict[str, tuple[Status, Verb | None, Verb | None]] = {
    "in order": (both(), None, None),
    "due": (both(91), Verb.ROTATE, Verb.ROTATE),
    "a fallback that is young": (both(0.5, fallback=True), None, None),
    "a fallback of age": (both(2, fallback=True), Verb.RETIRE, Verb.RETIRE),
    "due, with a fallback of age": (both(91, fallback=True), Verb.ROTATE, Verb.ROTATE),
    "interrupted": (both(lock=lock(expected_end=DIED)), Verb.RESUME, Verb.RESUME),
    "interrupted and due": (both(91, lock=lock(expected_end=DIED)), Verb.RESUME, Verb.RESUME),
    "a retirement that was interrupted": (both(lock=lock("retire", expected_end=DIED)), Verb.RESUME, Verb.RESUME),
    "not released": (both(unsettled=True), Verb.RESUME, Verb.RESUME),
    "in progress": (both(91, lock=lock(expected_end=LIVE)), None, None),
    "drift": (both(record=record(OLD, ANCIENT, rotation="r-9")), None, Verb.SYNC),
    "a current value that is gone": (both(history=GONE), None, Verb.SYNC),
    "not managed": (both(91, record=None), None, None),
    "another client's": (both(91, record=record(OLD, client_id="another")), None, None),
    "empty": (both(91, exists=False), None, None),
}


LEFT = ("in progress", "not managed", "another client's", "empty")


@pytest.mark.parametrize("name", STATES)
def test_the_most_urgent_is_next(name: str) -> None:
    seen, tells, syncs = STATES[name]
    assert (following(TELLS, seen), following(SYNCS, seen)) == (tells, syncs)


@pytest.mark.parametrize("name", STATES)
def test_it_is_what_the_commands_do(name: str) -> None:
    seen, *_ = STATES[name]
    verb = following(TELLS, seen)
    if name in LEFT:
        assert rotatable(TELLS, seen)  # a command waits, or is refused and says why. A sweep comes again and again
        return
    assert (verb in (Verb.RESUME, Verb.ROTATE)) == rotatable(TELLS, seen)
    if verb is Verb.RETIRE:
        assert retirable(TELLS, seen)
    assert not (drifted(seen) and interrupted(seen))

from __future__ import annotations

from dataclasses import replace

import pytest

from bridge.evidence.checkpoint import digest_of
from bridge.watch.decide import COARSE, QUIET, REMINDED, Found, Kind, Tell, decide, failures, in_question, repaired
from bridge.watch.notes import MOST_SOURCES, Failing, Note, digest
from tests.unit.watch.entries import NOON, SECOND, at, source

FINE = Found(NOON, method="client_secret_post", grants="client_credentials", compared=True)
KNOWN = Note(method=digest("client_secret_post"), grants=digest("client_credentials"))
DRIFT, DELETED = Tell(Kind.DRIFT, "drift"), Tell(Kind.DELETED, "deleted")
INTERRUPTED = Tell(Kind.INTERRUPTED, "interrupted")
CLIENT = "AbC123"
NAME = digest_of(("10.2.3.4", "requests/2"), CLIENT)


def told(note: Note, found: Found) -> list[Kind]:
    return [tell.kind for tell in decide(note, found).tells]


def since(word: str, seconds: float = -60.0) -> Note:
    return replace(KNOWN, told={word: at(seconds)})


@pytest.mark.parametrize(
    ("note", "found", "kinds", "words"),
    [
        (Note(), FINE, [], []),
        (KNOWN, FINE, [], []),
        (KNOWN, replace(FINE, drift=DRIFT), [Kind.DRIFT], ["drift"]),
        (since("drift"), replace(FINE, drift=DRIFT), [], ["drift"]),
        (since("drift"), replace(FINE, drift=DRIFT, given=at(-90)), [], ["drift"]),
        (since("drift"), replace(FINE, drift=DRIFT, given=at(-30)), [Kind.DRIFT], ["drift"]),
        (since("drift"), replace(FINE, drift=DRIFT, promoted=at(-90)), [], ["drift"]),
        (since("drift"), replace(FINE, drift=DRIFT, promoted=at(-30)), [Kind.DRIFT], ["drift"]),
        (since("drift", -REMINDED.total_seconds()), replace(FINE, drift=DRIFT), [Kind.DRIFT], ["drift"]),
        (since("drift"), FINE, [Kind.IN_ORDER], []),
        (since("drift"), replace(FINE, compared=False), [], ["drift"]),
        (KNOWN, Found(NOON, deleted=DELETED), [Kind.DELETED], ["deleted"]),
        (since("deleted"), Found(NOON, deleted=DELETED), [], ["deleted"]),
        (since("deleted"), FINE, [Kind.BACK], []),
        (since("drift"), Found(NOON, deleted=DELETED), [Kind.DELETED], ["deleted", "drift"]),
        (KNOWN, Found(NOON, interrupted=INTERRUPTED), [Kind.INTERRUPTED], ["interrupted"]),
        (since("interrupted"), Found(NOON, interrupted=INTERRUPTED), [], ["interrupted"]),
        (since("interrupted"), FINE, [Kind.SETTLED], []),
        (since("drift"), Found(NOON, interrupted=INTERRUPTED), [Kind.INTERRUPTED], ["drift", "interrupted"]),
        (KNOWN, replace(FINE, method="none"), [Kind.METHOD], []),
        (KNOWN, replace(FINE, grants="password"), [Kind.GRANTS], []),
        (KNOWN, replace(FINE, method="none", grants="password", drift=DRIFT),
         [Kind.DRIFT, Kind.METHOD, Kind.GRANTS], ["drift"]),
    ],
)  # fmt: skip
def test_a_state_is_told_when_it_begins_and_when_it_ends(
    note: Note, found: Found, kinds: list[Kind], words: list[str]
) -> None:
    decision = decide(note, found)
    assert [tell.kind for tell in decision.tells] == kinds
    assert sorted(decision.note.told) == words
    # Told is told: the same again says nothing.
    assert told(decision.note, found) == []


def test_what_a_client_is_like_is_remembered_when_it_is_first_seen() -> None:
    assert decide(Note(), FINE).note == KNOWN


def test_a_deleted_application_keeps_what_it_was_like() -> None:
    assert decide(KNOWN, Found(NOON, deleted=DELETED)).note.method == KNOWN.method


def test_a_repair_ends_what_was_told_of_the_change() -> None:
    assert repaired(since("drift")) == KNOWN
    assert repaired(since("deleted")) == since("deleted")


def failed(note: Note, *last: float, now: float = 0.0) -> tuple[list[Kind], Note]:
    decision = failures(note, CLIENT, [source(last=each) for each in last], at(now), {})
    return [tell.kind for tell in decision.tells], decision.note


def test_a_consumer_that_fails_is_named_once_and_then_remembered() -> None:
    kinds, note = failed(KNOWN, 0)
    assert (kinds, note.failing) == ([Kind.FAILING], {NAME: Failing(NOON, NOON)})
    assert failed(note, 30, now=30) == ([], note)


def test_that_it_goes_on_is_remembered_coarsely_and_told_after_a_day() -> None:
    _, note = failed(KNOWN, 0)
    later = COARSE.total_seconds()
    kinds, note = failed(note, later, now=later)
    assert (kinds, note.failing[NAME]) == ([], Failing(NOON, at(later)))
    day = REMINDED.total_seconds()
    kinds, note = failed(note, day, now=day)
    assert (kinds, note.failing[NAME]) == ([Kind.STILL_FAILING], Failing(at(day), at(day)))


def test_that_it_has_stopped_is_told_once() -> None:
    _, note = failed(KNOWN, 0)
    quiet = QUIET.total_seconds()
    assert failed(note, now=quiet - 1) == ([], note)
    kinds, note = failed(note, now=quiet)
    assert (kinds, note.failing) == ([Kind.STOPPED], {})
    assert failed(note, now=quiet) == ([], note)


def test_a_failure_of_long_ago_is_not_told() -> None:
    assert failed(KNOWN, -QUIET.total_seconds()) == ([], KNOWN)


def test_sources_without_room_in_the_note_are_counted_together_once_a_day() -> None:
    many = [source(f"10.0.0.{number}") for number in range(MOST_SOURCES + 3)]
    decision = failures(KNOWN, CLIENT, many, NOON, {})
    assert len(decision.tells) == MOST_SOURCES + 1
    assert "3 more sources" in decision.tells[-1].text
    again = failures(decision.note, CLIENT, many, NOON + SECOND, {})
    assert again.tells == ()


def test_the_log_is_asked_about_sources_that_have_stopped_or_go_on_and_their_words_are_told() -> None:
    _, note = failed(KNOWN, 0)
    assert in_question(note, at(60)) is None
    assert in_question(note, NOON + QUIET) == at(-60)
    history = {NAME: source(failures=31)}
    (stopped,) = failures(note, CLIENT, (), NOON + QUIET, history).tells
    assert "10.2.3.4 requests/2: 31 failures" in stopped.text
    (unknown,) = failures(note, CLIENT, (), NOON + QUIET, {}).tells
    assert f"source {NAME}" in unknown.text

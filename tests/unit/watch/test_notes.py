from __future__ import annotations

from datetime import timedelta

import pytest

from bridge.watch.notes import (
    CHECKPOINT,
    CLAIM,
    CLIENT,
    FAILING,
    MOST_SOURCES,
    Checkpoint,
    Failing,
    Note,
    digest,
    latest,
)
from sinks.record import TAG_LIMIT, note_tags
from tests.unit.watch.entries import NOON, SECOND, at, place

KEPT = Checkpoint(place(-60), at(-600), digest("AbC123"))
FULL = Note(
    dict.fromkeys(("crowd", "deleted", "drift", "interrupted"), NOON),
    "0a1b2c3d",
    "4e5f6a7b",
    {digest(str(number)): Failing(at(-number), at(-number)) for number in range(MOST_SOURCES)},
)


def again(note: Note) -> Note:
    """Return a note as it is read from the tags that it was written to."""
    tags = note_tags(note.texts())
    return Note.of({name.removeprefix("bridge_note_"): text for name, text in tags.items() if text}, NOON)


def test_a_checkpoint_is_read_as_it_was_written() -> None:
    assert Checkpoint.of(KEPT.text(), NOON) == KEPT
    long = Checkpoint(place(-60), at(-600), digest("AbC123"))
    assert len(long.text()) < TAG_LIMIT


@pytest.mark.parametrize(
    "text",
    [
        "",
        "id-1",
        "id-1 2026-11-29T11:59:00.000Z 1764417600",
        "id-1 soon 1764417600 0a1b2c3d",
        "id-1 2026-11-29T11:59:00.000Z then 0a1b2c3d",
        "id-1 2026-11-29T11:59:00.000Z 1764417600 whoever",
        "id/../1 2026-11-29T11:59:00.000Z 1764417600 0a1b2c3d",
        "id-1 2027-11-29T11:59:00.000Z 1764417600 0a1b2c3d",
        "id-1 2026-11-29T11:59:00.000Z 1864417600 0a1b2c3d",
        "id-1 2026-11-29T11:59:00.000Z 1764417600 0a1b2c3d more",
        f"{'i' * 200} 2026-11-29T11:59:00.000Z 1764417600 0a1b2c3d",
    ],
)
def test_what_no_watcher_can_have_written_counts_as_no_checkpoint(text: str) -> None:
    assert Checkpoint.of(text, NOON) is None


def test_the_latest_of_several_checkpoints_counts() -> None:
    older = Checkpoint(place(-90), at(-30), digest("AbC123"))
    forged = "id-9 2027-11-29T11:59:00.000Z 1764417600 0a1b2c3d"
    notes = [{CHECKPOINT: older.text()}, {}, {CHECKPOINT: KEPT.text()}, {CHECKPOINT: forged}]
    assert latest(notes, NOON) == KEPT
    assert latest([{}, {CHECKPOINT: forged}], NOON) is None


@pytest.mark.parametrize("note", [Note(), FULL, FULL.by(digest("me"), NOON), Note(method="0a1b2c3d")])
def test_a_note_is_read_as_it_was_written_and_fits_into_tags(note: Note) -> None:
    assert again(note) == note
    assert all(len(text) <= TAG_LIMIT for text in note.texts().values() if text)


def test_an_empty_note_removes_what_was_there() -> None:
    assert Note().texts() == {CLIENT: None, FAILING: None}


def test_of_more_sources_than_fit_those_stay_that_failed_last() -> None:
    failing = {digest(str(number)): Failing(NOON, at(-number)) for number in range(3 * MOST_SOURCES)}
    assert list(again(Note(failing=failing)).failing) == list(failing)[:MOST_SOURCES]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("drift=1764417000", ["drift"]),
        ("drift=1864417000", []),
        ("drift=", []),
        ("drift", []),
        ("drift=1764417000 = =1 method=x grants=0 by=me:1 by=0a1b2c3d:x", ["drift"]),
        ("\u202edrift=1764417000", ["\u202edrift"]),
    ],
)
def test_what_others_wrote_into_a_note_is_left_out(text: str, told: list[str]) -> None:
    note = Note.of({CLIENT: text, FAILING: "x 0a1b2c3d 0a1b2c3d:1:1864417000 :1:1"}, NOON)
    assert [word for word in note.told if word] == told
    assert (note.method, note.grants, note.failing, note.claimed) == ("", "", {}, None)


def test_a_claim_counts_for_a_while() -> None:
    claimed = again(Note().by(digest("me"), NOON))
    assert claimed.is_claimed(NOON)
    assert claimed.is_claimed(NOON + CLAIM - SECOND)
    assert not claimed.is_claimed(NOON + CLAIM)
    assert not claimed.done().is_claimed(NOON)
    assert not Note.of({CLIENT: f"by=0a1b2c3d:{int((NOON + timedelta(days=1)).timestamp())}"}, NOON).is_claimed(NOON)

"""What verifying finds, without an anchor and with one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bridge.audit.chain import START, Chain, Head, head_in, read_line
from sinks.secret import Secret
from tests.unit.audit.record import Record


@pytest.fixture
def filled(tmp_path: Path) -> tuple[Record, list[Head]]:
    """A record of ten lines."""
    record = Record(tmp_path / "audit.jsonl", "a key that nobody guesses")
    return record, record.fill(5)


def test_an_unbroken_record_is_good_and_tells_its_head(filled: tuple[Record, list[Head]]) -> None:
    record, heads = filled
    found = record.verified(*heads)
    assert (found.good, found.lines, found.first, found.head, found.open) == (True, 10, 1, heads[-1], ())


def test_every_single_edit_is_found_without_an_anchor(filled: tuple[Record, list[Head]]) -> None:
    record, _ = filled
    for number, line in enumerate(record.lines):
        for old, new in ((b'"event":"', b'"event":"x'), (b"billing", b"mailers"), (b'"seq":', b'"seq":1')):
            lines = record.lines
            lines[number] = line.replace(old, new, 1)
            assert not record.verified(lines=lines).good, (number, old)


def test_every_removal_but_that_of_the_tail_is_found_without_an_anchor(filled: tuple[Record, list[Head]]) -> None:
    record, _ = filled
    for first in range(9):
        for last in range(first + 1, 10):
            assert not record.verified(lines=record.lines[:first] + record.lines[last:]).good, (first, last)


def test_every_other_order_of_two_lines_is_found_without_an_anchor(filled: tuple[Record, list[Head]]) -> None:
    record, _ = filled
    for one in range(10):
        for other in range(one):
            lines = record.lines
            lines[one], lines[other] = lines[other], lines[one]
            assert not record.verified(lines=lines).good, (one, other)


def test_a_line_that_stands_twice_is_found_without_an_anchor(filled: tuple[Record, list[Head]]) -> None:
    record, _ = filled
    for number in range(10):
        lines = record.lines
        lines.insert(number, lines[number])
        assert not record.verified(lines=lines).good


def test_a_cut_tail_is_found_by_an_anchor_and_by_nothing_else(filled: tuple[Record, list[Head]]) -> None:
    record, heads = filled
    for kept in range(1, 10):
        cut = record.lines[:kept]
        assert record.verified(lines=cut).good
        assert "no anchor" in "".join(record.verified(lines=cut).notes)
        assert any("its tail was cut" in text for text in record.verified(heads[-1], lines=cut).faults)


def test_an_emptied_record_is_found_by_an_anchor(filled: tuple[Record, list[Head]]) -> None:
    record, heads = filled
    assert not record.verified(heads[0], lines=[]).good


def test_a_record_that_was_made_anew_with_the_key_is_found_by_an_anchor_alone(
    filled: tuple[Record, list[Head]], tmp_path: Path
) -> None:
    record, heads = filled
    forged = Record(tmp_path / "forged.jsonl", record.key)
    forged.fill(5)
    assert forged.verified().good
    for head in heads:
        assert any("was replaced" in text for text in forged.verified(head).faults)


def test_a_record_that_was_made_anew_without_the_key_is_found_by_whoever_holds_it(
    filled: tuple[Record, list[Head]], tmp_path: Path
) -> None:
    record, _ = filled
    for key in (None, "another key, as good as any"):
        forged = Record(tmp_path / f"forged-{key}.jsonl", key)
        forged.fill(5)
        assert not record.verified(lines=forged.lines).good


def test_a_line_that_was_sealed_anew_in_the_middle_is_found(filled: tuple[Record, list[Head]]) -> None:
    """Even by somebody with the key: the next line says the mark of the one that stood there."""
    record, _ = filled
    lines = record.lines
    line = read_line(lines[4])
    assert line
    told = {key: value for key, value in line.told.items() if key not in ("schema", "seq", "prev", "key")}
    lines[4], _ = record.chain.seal({**told, "client": "mailer"}, Head(4, line.before))
    assert not record.verified(lines=lines).good


def test_without_the_key_a_keyed_record_is_not_called_good(filled: tuple[Record, list[Head]]) -> None:
    record, _ = filled
    found = Record(record.path).verified()
    assert len(found.faults) == 1
    assert "is needed to check it" in found.faults[0]


def test_a_record_without_a_key_says_what_that_is_worth(tmp_path: Path) -> None:
    record = Record(tmp_path / "plain.jsonl")
    heads = record.fill(2)
    assert record.verified(*heads).good
    assert "whoever can write the file can make such a chain" in "".join(record.verified().notes)


def test_a_torn_line_is_named_and_no_fault_where_nothing_is_missing(filled: tuple[Record, list[Head]]) -> None:
    record, heads = filled
    lines = record.lines
    for text in (b"half a line\n", lines[4][:50] + b"\n"):
        found = record.verified(*heads, lines=[*lines[:4], text, *lines[4:]])
        assert found.good, found.faults
        assert any("line 5 is torn" in note for note in found.notes)
    assert not record.verified(lines=[*lines[:4], lines[4][:50] + b"\n", *lines[5:]]).good


def test_a_beginning_without_an_end_is_named(filled: tuple[Record, list[Head]]) -> None:
    record, _ = filled
    _, begun = record.begin()
    found = record.verified()
    assert (found.good, found.open) == (True, (begun.seq,))


def test_a_second_file_is_checked_with_the_first_or_by_its_last_anchor(filled: tuple[Record, list[Head]]) -> None:
    record, heads = filled
    older, newer = record.lines[:6], record.lines[6:]
    assert record.verified(lines=older + newer).good
    alone = record.verified(lines=newer)
    assert not alone.good
    assert f"--anchor {heads[5]}" in alone.faults[0]
    assert record.verified(heads[5], lines=newer).good
    assert not record.verified(Head(6, "0" * 32), lines=newer).good


def test_what_a_user_writes_cannot_end_a_line_early() -> None:
    chain = Chain(Secret("a key that nobody guesses"))
    reason = 'x","mac":"00000000000000000000000000000000"}\n{"event":"begin"} \u2028 \ud800 é'
    text, head = chain.seal({"reason": reason}, START)
    assert text.count(b"\n") == 1
    line = read_line(text)
    assert line
    assert (line.told["reason"], line.head, chain.made(line)) == (reason, head, True)


@pytest.mark.parametrize("text", [b"", b"{}", b"[1]", b'{"seq":1}', b"\xff\xfe", b'{"seq":1,"mac":"0"}', b"[" * 9999])
def test_what_is_no_line_is_none(text: bytes) -> None:
    assert read_line(text) is None


def test_an_anchor_is_a_number_and_a_mark() -> None:
    head = Head(8812, "5e1f" * 8)
    assert head_in(f" {head}\n") == head
    assert [head_in(text) for text in ("8812", "8812:5e1f", f"x{head}", f"{head}0", "")] == [None] * 5


def test_keys_are_told_apart_without_being_told(filled: tuple[Record, list[Head]]) -> None:
    record, _ = filled
    ids = {json.loads(line)["key"] for line in record.lines}
    assert ids == {record.chain.key_id}
    assert Chain(Secret("another key, as good as any")).key_id not in ids
    assert Chain(None).key_id == "-"

"""Where each client's lines stand in the record's file."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from bridge.audit.index import Index


def line(client: str, number: int) -> bytes:
    return json.dumps({"schema": 1, "seq": number, "client": "x", "client_id": client}).encode() + b"\n"


class File:
    def __init__(self, path: Path) -> None:
        self.path = path
        self.append(b"")

    def append(self, text: bytes) -> None:
        with self.path.open("ab") as file:
            file.write(text)

    def lines(self, index: Index, client: str) -> list[bytes]:
        descriptor = os.open(self.path, os.O_RDONLY)
        try:
            return list(index.lines(descriptor, client))
        finally:
            os.close(descriptor)


@pytest.fixture
def file(tmp_path: Path) -> Iterator[File]:
    return File(tmp_path / "audit.jsonl")


def test_each_client_gets_its_own_lines_in_order_also_those_that_others_append_later(file: File) -> None:
    index = Index()
    for number in range(60):
        file.append(line(f"client-{number % 3}", number))
        for client in range(3):
            assert file.lines(index, f"client-{client}") == [
                line(f"client-{client}", n) for n in range(number + 1) if n % 3 == client
            ]
    assert file.lines(index, "client") == []


def test_what_was_read_is_not_read_again(file: File) -> None:
    index = Index()
    file.append(line("a", 1) * 1000)
    assert len(file.lines(index, "a")) == 1000
    size = file.path.stat().st_size
    with file.path.open("r+b") as other:  # nobody does that to a record: it shows what is read
        other.write(b"#" * len(line("a", 1)))
    file.append(line("b", 2))
    assert file.lines(index, "b") == [line("b", 2)]
    assert index._end == size + len(line("b", 2))


@pytest.mark.parametrize("torn", [b'{"client_id":"a"', b"\0" * 50, b'{"client_id":"', b"\n\n", b"\xff\n"])
def test_a_torn_line_hides_no_other(file: File, torn: bytes) -> None:
    index = Index()
    file.append(line("a", 1) + torn)
    assert line("a", 1) in file.lines(index, "a")
    file.append(b"\n" + line("a", 2))
    assert file.lines(index, "a")[-1] == line("a", 2)


def test_a_file_that_was_moved_away_or_cut_is_another_one(file: File) -> None:
    index = Index()
    file.append(line("a", 1) + line("a", 2))
    assert len(file.lines(index, "a")) == 2
    file.path.rename(file.path.with_suffix(".1"))
    file.append(line("a", 3))
    assert file.lines(index, "a") == [line("a", 3)]
    os.truncate(file.path, 0)
    assert file.lines(index, "a") == []
    file.append(line("b", 4))
    assert (file.lines(index, "a"), file.lines(index, "b")) == ([], [line("b", 4)])

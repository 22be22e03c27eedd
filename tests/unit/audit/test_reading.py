"""What is told of a record whose lines others wrote, or that say little."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from bridge.audit.reading import about, attempts, lines_in, summary
from bridge.model.errors import Failed

BEGIN = {"event": "begin", "attempt": "a", "seq": 1, "at": "2026-01-01T00:00:00.000Z", "client": "billing",
         "host": "ci", "command": "rotate", "options": ["--adopt"], "claimed": {"user": "ann"},
         "proven": {"v": None}}  # fmt: skip
END = {"event": "end", "attempt": "a", "seq": 2, "outcome": "failed", "exit": 3, "seconds": 7.2,
       "operations": [{"rotation": "r-1"}, {"rotation": "r-2"}]}  # fmt: skip


def told(*lines: dict[str, object]) -> list[str]:
    return [summary(each) for each in attempts(about(json.dumps(line).encode() for line in lines))]


@pytest.mark.parametrize("kind", ["/dev/zero", "pipe", "directory", "none"])
def test_only_a_regular_file_is_read(kind: str, tmp_path: Path) -> None:
    path = tmp_path / kind
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "directory":
        path.mkdir()
    with pytest.raises(Failed, match=r"cannot be read: it is not a regular file|\((IsADirectory|FileNotFound)Error\)"):
        next(lines_in(path if kind != "/dev/zero" else Path(kind)))


def test_a_line_without_an_end_comes_in_pieces(tmp_path: Path) -> None:
    path = tmp_path / "record"
    path.write_bytes(b"x" * 3 * 2**20 + b"\n" + json.dumps(BEGIN).encode())
    lines = list(lines_in(path))
    assert max(map(len, lines)) == 2**20
    assert list(about(lines)) == [BEGIN]


def test_both_lines_of_an_attempt_are_one() -> None:
    start = "2026-01-01T00:00:00Z  billing  rotate --adopt"
    assert told(BEGIN, END) == [f"{start}  failed (exit 3) in 7 s r-1, r-2  by claimed ann@ci, v: not known  seq 1-2"]
    assert told(BEGIN, {**END, "exit": 0, "outcome": "done", "operations": None, "seconds": None}) == [
        f"{start}  done  by claimed ann@ci, v: not known  seq 1-2"
    ]


def test_what_a_line_does_not_say_is_left_out() -> None:
    little = {**BEGIN, "options": None, "claimed": None, "proven": None, "reason": "INC-1"}
    start = "2026-01-01T00:00:00Z  billing  rotate"
    assert told(little) == [f"{start}  NO END: it still runs, or died  by claimed None@ci  reason: INC-1  seq 1"]
    assert told({**END, "at": BEGIN["at"], "client": "billing", "command": "rotate"}) == [
        f"{start}  failed (exit 3) in 7 s r-1, r-2  seq 2"
    ]


def test_who_called_is_told_by_what_the_vault_says() -> None:
    proven = {"v": {"display_name": "token-ci", "entity_id": "e-1"}, "w": {"arn": "arn:ci"}, "x": {"entity_id": ""}}
    (line,) = told({**BEGIN, "claimed": {"user": "ann", "run": "github:1"}, "proven": proven})
    assert "by claimed github:1@ci, v: token-ci (entity e-1), w: arn:ci, x: -  seq 1" in line

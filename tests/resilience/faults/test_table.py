"""docs/internals/reliability.md: its rows are the cases, and each says what its test asserts."""

from __future__ import annotations

import re

import pytest

from tests.docs.pages import DOCS, spans, tables
from tests.resilience.faults import auth0, aws, clocks, process, vault
from tests.resilience.faults.case import Case, Left

PAGE = DOCS / "internals" / "reliability.md"
CASES = {
    case.id: case for case in (*auth0.CASES, *vault.CASES, *aws.CASES, *process.CASES, *process.OUTPUTS, *clocks.CASES)
}
ROWS = [row for table in tables(PAGE.read_text("utf-8")) for row in table if len(row) == 4]


def test_every_row_is_a_test_and_every_test_a_row() -> None:
    assert len(CASES) == len([*auth0.CASES, *vault.CASES, *aws.CASES, *process.CASES, *process.OUTPUTS, *clocks.CASES])
    assert sorted(spans(row[0])[0] for row in ROWS) == sorted(CASES)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: spans(row[0])[0])
def test_a_row_says_what_its_test_asserts(row: list[str]) -> None:
    case: Case = CASES[spans(row[0])[0]]
    assert row[1].startswith(f"exit {case.exit}, ")
    assert spans(row[1]) == ([case.says] if case.says else [])
    assert row[1].endswith("†") is bool(case.defect)
    assert row[2] == case.left
    assert case.do in row[3]
    assert not re.search(r"`secret-bridge (?!resume|verify)", row[3])


def test_what_is_left_is_explained() -> None:
    (words,) = [table for table in tables(PAGE.read_text("utf-8")) if table[0][0] == Left.UNTOUCHED]
    assert {row[0] for row in words} == {case.left for case in CASES.values()} == set(Left)


def test_what_is_not_so_yet_is_told_with_its_reason() -> None:
    told = re.findall(r"^- `([a-z0-9-]+)`: (.+)$", PAGE.read_text("utf-8"), re.MULTILINE)
    assert dict(told) == {case.id: case.defect for case in CASES.values() if case.defect}

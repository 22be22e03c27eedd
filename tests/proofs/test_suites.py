"""Suites that are proofs: what an ordinary run leaves to them, and how their tests are noted."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.proofs import choice
from tests.proofs.fingerprint import ROOT
from tests.proofs.journal import Result
from tests.proofs.registry import PROOFS
from tests.proofs.suites import case_of, judged, main
from tests.support.order import SLOW, slow_first


def report(when: str, outcome: Any, told: str = "") -> pytest.TestReport:
    return pytest.TestReport("tests/x.py::test", ("tests/x.py", 1, "test"), {}, outcome, told or None, when)  # type: ignore[arg-type]


def test_every_suite_is_a_proof_and_its_tests_are_there() -> None:
    assert set(choice.SUITES) <= set(PROOFS)
    assert [path for paths in choice.SUITES.values() for path in paths if not (ROOT / path).exists()] == []
    assert [name for name in choice.SUITES if PROOFS[name].command != f"python -m tests.proofs.suites {name}"] == []


def test_a_suite_is_left_out_unless_it_or_a_test_in_it_is_named() -> None:
    races = ROOT / "tests" / "resilience" / "races"
    assert choice.is_left_out(races, ["tests"])
    assert not choice.is_left_out(races, [str(races)])
    assert not choice.is_left_out(races, [f"{races / 'test_rotations.py'}::test_of_five_rotations_at_once_one_wins"])
    assert not choice.is_left_out(ROOT / "tests" / "unit" / "cli", ["tests"])


def test_each_commit_has_one_share_and_the_proof_has_all(monkeypatch: pytest.MonkeyPatch) -> None:
    taken = set()
    for number in range(50):
        monkeypatch.setenv(choice.COMMIT, f"commit {number}")
        shares = choice.shares("interruption", 4)
        (daily,) = [each.values[0] for each in shares if each.marks[0].kwargs["daily"]]
        assert {each.marks[0].args for each in shares} == {("interruption",)}
        taken.add(daily)
    assert taken == {0, 1, 2, 3}
    assert not any(each.marks[0].kwargs["daily"] for each in choice.shares("interruption", 4, daily=False))


@pytest.mark.parametrize(
    ("reports", "result"),
    [
        ([("setup", "passed"), ("call", "passed"), ("teardown", "passed")], Result.PASSED),
        ([("setup", "passed"), ("call", "failed"), ("teardown", "passed")], Result.FAILED),
        ([("setup", "passed"), ("call", "passed"), ("teardown", "failed")], Result.FAILED),
        ([("setup", "failed"), ("teardown", "passed")], Result.FAILED),
        ([("setup", "skipped"), ("teardown", "passed")], Result.UNJUDGED),
        ([("???", "failed")], Result.FAILED),
    ],
)
def test_a_test_has_passed_when_all_of_its_parts_have(reports: list[tuple[str, str]], result: Result) -> None:
    found, why = judged([report(when, outcome, "it said so") for when, outcome in reports])
    assert found is result
    assert ("it said so" in why) is (result is not Result.PASSED)


def test_a_name_is_divided_where_the_file_ends() -> None:
    assert case_of("tests/x.py::test[a::b]") == ("tests/x.py", "test[a::b]")


def test_a_run_whose_time_is_over_begins_nothing_and_says_that_something_is_left(tmp_path: Path) -> None:
    assert main(["sequences", "--jobs", "0", "--for", "0s", "--journals", str(tmp_path)]) == 3
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("workers", [1, 3, 5, 40])
def test_slow_tests_begin_each_workers_part_and_none_is_lost(workers: int) -> None:
    assert [path for path in SLOW if not path.exists()] == []
    slow = [SimpleNamespace(path=ROOT / "tests" / "package" / "test_wheel.py") for _ in range(7)]
    items: list[Any] = [*(SimpleNamespace(path=ROOT / "tests" / f"{number}.py") for number in range(23)), *slow]
    found = slow_first(items, workers)
    assert sorted(map(id, found)) == sorted(map(id, items))
    parts = [found[number * 30 // workers : (number + 1) * 30 // workers] for number in range(workers)]
    assert all(part[0] in slow for part in parts[:7] if part)

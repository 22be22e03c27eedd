"""A proof can be stopped anywhere: what its journal has is not repeated, and what it lacks is."""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

import pytest

from tests.proofs.fingerprint import ROOT
from tests.proofs.journal import Journal, Result, left
from tests.proofs.options import Budget, Shard, duration, shard, slice_of

CASES = [("one", "a"), ("one", "b"), ("two", "a"), ("two", "b")]


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path / "j" / "proof.jsonl", "0123456789abcdef")


def test_a_rerun_skips_what_has_passed_and_begins_with_what_has_not(journal: Journal) -> None:
    assert left(CASES, journal.latest()) == CASES
    journal.append("one", "a", Result.PASSED, 0.1)
    journal.append("two", "b", Result.FAILED, 0.1, "broken")
    journal.append("two", "a", Result.UNJUDGED, 0.1, "too slow")
    assert left(CASES, journal.latest()) == [("two", "a"), ("two", "b"), ("one", "b")]
    journal.append("two", "b", Result.PASSED, 0.1)
    assert left(CASES, journal.latest()) == [("two", "a"), ("one", "b")]


def test_other_code_has_passed_nothing(journal: Journal) -> None:
    journal.append("one", "a", Result.PASSED, 0.1)
    assert Journal(journal.path, "f" * 16).latest() == {}


def test_what_a_case_found_is_kept(journal: Journal) -> None:
    journal.append("one", "a", Result.PASSED, 0.1, found=["x", "y"])
    assert journal.latest()["one", "a"].found == ("x", "y")


def test_a_line_that_was_cut_by_a_kill_counts_for_nothing_and_harms_no_other(journal: Journal) -> None:
    journal.append("one", "a", Result.PASSED, 0.1)
    journal.append("one", "b", Result.PASSED, 0.1)
    journal.path.write_bytes(journal.path.read_bytes()[:-20])
    assert list(journal.latest()) == [("one", "a")]
    journal.append("two", "a", Result.PASSED, 0.1)
    assert list(journal.latest()) == [("one", "a"), ("two", "a")]


def test_several_processes_may_write_into_one_journal(journal: Journal) -> None:
    code = (
        "import sys; from pathlib import Path; from tests.proofs.journal import Journal, Result\n"
        "for n in range(50): Journal(Path(sys.argv[1]), '0123456789abcdef')"
        ".append(sys.argv[2], str(n), Result.PASSED, 0.1, 'x' * 500)"
    )
    command = [sys.executable, "-c", code, str(journal.path)]
    running = [subprocess.Popen([*command, str(number)], cwd=ROOT) for number in range(4)]
    assert [process.wait() for process in running] == [0] * 4
    assert len(journal.latest()) == 200


def test_shards_are_a_partition_and_follow_from_names_alone() -> None:
    shares = [Shard(number, 3).share(CASES) for number in (1, 2, 3)]
    assert sorted(case for share in shares for case in share) == CASES
    assert shares == [Shard(number, 3).share(CASES) for number in (1, 2, 3)]


def test_commits_come_to_every_slice() -> None:
    assert {slice_of(f"commit {number}", 5) for number in range(100)} == {Shard(number, 5) for number in range(1, 6)}


def test_a_budget_that_is_over_begins_nothing() -> None:
    assert Budget(0).over
    assert not Budget(None).over
    assert not Budget(3600).over


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("15m", 900), ("1h", 3600)])
def test_durations_are_read(text: str, seconds: float) -> None:
    assert duration(text) == seconds


@pytest.mark.parametrize("text", ["", "15", "m", "1.5h", "-1m", "15 m"])
def test_what_is_no_duration_is_refused_by_name(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="for example 15m"):
        duration(text)


@pytest.mark.parametrize("text", ["", "1", "0/3", "4/3", "1/0", "a/b"])
def test_what_is_no_shard_is_refused_by_name(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="for example 2/5"):
        shard(text)

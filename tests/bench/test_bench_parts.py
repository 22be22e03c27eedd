"""What the benchmarks of many clients count with."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.bench.auth0_process import most_in_a_second
from tests.bench.journal import Journal
from tests.bench.limits import results
from tests.bench.many import LEASE


def test_a_row_of_the_journal_is_measured_once(tmp_path: Path) -> None:
    path = tmp_path / "kept" / "rows.jsonl"
    Journal(path).once("now 10", lambda: {"rate": 2.5})
    again = Journal(path)
    again.once("now 10", lambda: {"rate": 9.9})
    again.once("now 50", lambda: {"rate": 3.5})
    assert Journal(path).rows() == [("now 10", {"rate": 2.5}), ("now 50", {"rate": 3.5})]


def test_the_fullest_second_is_found_wherever_it_begins() -> None:
    began = datetime(2026, 11, 29, tzinfo=UTC)
    at = [began + timedelta(milliseconds=number) for number in (0, 900, 950, 1000, 1899, 1900, 3000)]
    assert most_in_a_second(at) == 4
    assert most_in_a_second([]) == 0


def test_results_are_counted_beside_other_lines() -> None:
    told = 'a warning\n{"client": "a", "result": "done"}\n{"summary": {}}\n{"client": "b", "result": "done"}\n{"clie'
    assert results(told) == {"done": 2}


def test_a_lease_that_ran_out_is_known_by_what_the_bridge_says_of_it() -> None:
    said = "a call to aws://us-east-1/a could not end within its lease (3 times; a lease is 10 s)"
    assert LEASE.search(said)
    assert not LEASE.search("released the lease")

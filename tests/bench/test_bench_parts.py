"""What the benchmarks of many clients count with."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.bench.auth0_process import most_in_a_second
from tests.bench.fleet import Member
from tests.bench.journal import Journal
from tests.bench.limits import results
from tests.bench.many import LEASE
from tests.bench.watch import Change
from tests.support.log_faults import PATH, LogFaults
from tests.support.proxy import Answer

SECOND = timedelta(seconds=1)
MEMBER = Member("told-00000", "local", "AbC123", "")


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


def shown(faults: LogFaults, age: timedelta, count: int = 400, path: str = f"{PATH}?take=100") -> list[str]:
    """Return the ids that a reader gets of entries of this age."""
    date = (datetime.now(UTC) - age).isoformat()
    entries = [{"log_id": f"{number:03}", "date": date} for number in range(count)]
    answer = faults(path, lambda: Answer(200, "OK", (), json.dumps(entries).encode()))
    return [entry["log_id"] for entry in json.loads(answer.body)]


def test_a_log_with_faults_is_late_and_has_gaps_repetitions_and_no_order() -> None:
    faults = LogFaults(twice=1, shuffled=1)
    found = shown(faults, timedelta(hours=1))
    there = [number for number in (f"{each:03}" for each in range(400)) if not faults.is_lost(number)]
    assert 350 < len(there) < 400
    assert (sorted(set(found)), len(found)) == (there, len(there) + 3)
    assert found != sorted(found)
    early = shown(LogFaults(twice=0), timedelta(seconds=1))
    assert set(early) < set(there)
    assert all(LogFaults().lateness(each) > timedelta() for each in set(there) - set(early))


def test_only_the_log_has_faults() -> None:
    every = [f"{number:03}" for number in range(400)]
    assert shown(LogFaults(never=1), timedelta(hours=1), path="GET /api/v2/clients") == every
    assert shown(LogFaults(never=1), timedelta(hours=1)) == []
    assert shown(LogFaults(never=0, late=0, twice=0, shuffled=0), timedelta()) == every
    assert shown(LogFaults(late=0, delay=timedelta(minutes=1)), timedelta(seconds=59)) == []


def test_a_change_that_was_found_before_the_log_showed_it_waited_for_nothing() -> None:
    at = datetime(2026, 11, 29, tzinfo=UTC)
    waits = [
        Change(MEMBER, at, visible, late=False, acted=[at + 2 * SECOND]).waited for visible in (at, at + 3 * SECOND)
    ]
    assert waits == [2.0, 0.0]
    assert Change(MEMBER, at, None, late=False, acted=[at]).waited is None

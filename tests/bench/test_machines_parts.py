"""What the benchmark of several machines counts with, and what happens to its workers."""

from __future__ import annotations

import random
import sys
import time
from pathlib import Path

import pytest

from bridge.sandbox.auth0.limits import PLANS, Rate
from tests.bench.journal import Journal
from tests.bench.limits import limit_of
from tests.bench.machines import Case, cases, grown, main, options, row, turns
from tests.bench.machines_faults import Faults
from tests.bench.machines_run import Process, used, words
from tests.support.postgres import Postgres

FIGURES = {
    "seconds": 40.0, "settled": True, "sweeps": None, "share": 0.95, "least": 0.9, "most": [2, 2.0], "calls": 61,
    "limited": 0, "count": 60, "once": 59, "works": 60, "left": 1, "memory": 61.4, "grown": 0.2, "others": [],
}  # fmt: skip


def test_a_limit_is_that_of_a_plan_or_one_that_is_expected_from_the_start() -> None:
    assert limit_of(16) == PLANS["enterprise"]["management"]
    assert limit_of(2) == PLANS["enterprise-nonproduction"]["management"]
    assert limit_of(4) == Rate(20, 4)
    assert limit_of(10) == Rate(51, 10)  # a burst of 50 would mean 16/s
    assert limit_of(0.1).burst == 3


def test_the_share_of_a_limit_counts_while_a_tenant_has_work() -> None:
    limits = {"a": Rate(10, 2), "b": Rate(50, 16), "idle": Rate(10, 2)}
    taken = {
        "a": {"calls": 17, "seconds": 10.0, "most": 2},
        "b": {"calls": 129, "seconds": 20.0, "most": 20},
        "idle": {"calls": 0, "seconds": 0.0, "most": 0},
    }
    found = used(taken, limits)
    assert (found["least"], found["most"]) == (0.5, (20, 16))
    assert found["share"] == pytest.approx(144 / (1.6 * 10 + 12.8 * 20))
    assert used({"idle": taken["idle"]}, limits)["share"] == 0


def test_memory_has_grown_if_more_was_used_later() -> None:
    assert grown([50, 60, 60, 60]) == 0
    assert grown([50, 60, 61, 75]) == 15
    assert grown([50]) == 0


def test_a_client_that_was_not_rotated_once_is_seen_in_the_row() -> None:
    asked = Case("workers", 2, 3, 20, (2.0, 1.0))
    cells = row({"way": "workers", "processes": 2, "tenants": 3, "clients": 20, **FIGURES})
    assert asked.key == "workers 2 3 tenants 20 clients 2+1/s"
    assert cells[0] == "2 x `worker`, Postgres"
    assert cells[-3:] == ["59", "60", "1"]


def test_rows_of_the_journal_are_printed_without_measuring(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "rows"
    told = {"way": "jobs", "processes": 1, "tenants": 3, "clients": 20, **FIGURES}
    Journal(file).once(cases(options(["--only", "jobs"]))[0].key, lambda: told)
    main(["--print", "--journal", str(file)])
    assert "| `rotate --due --jobs 8` | 3 x 20 | 40 s |" in capsys.readouterr().out


def test_every_tenant_is_in_one_of_the_runs_that_follow_each_other() -> None:
    assert turns(["a", "b", "c"], 1) == [["--tenant=a", "--tenant=b", "--tenant=c"]]
    assert turns(["a", "b", "c", "d", "e"], 3) == [
        ["--tenant=a", "--tenant=b"], ["--tenant=c", "--tenant=d"], ["--tenant=e"]
    ]  # fmt: skip
    words = ["--only", "jobs", "--only", "shards", "--in-turn", "--at-once", "4", "--tenants", "20"]
    assert [(one.way, one.processes, one.in_turn) for one in cases(options(words))] == [
        ("jobs", 5, True), ("shards", 2, False), ("shards", 4, False)
    ]  # fmt: skip


def test_what_processes_say_is_counted(tmp_path: Path) -> None:
    process = Process("one", [], {}, tmp_path)
    process.log.write_text(
        'takes work\n{"client": "a", "word": "rotated", "exit": 0}\n{"client": "b", "word": "busy", "exit": 4}\n{"loo\n'
    )
    counts, others = words([process])
    assert counts == {"rotated": 1, "busy": 1}
    assert [line.partition(":")[0] for line in others] == ["one"] * 2


def test_workers_are_killed_and_stopped_and_the_database_is_emptied(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    argv = [sys.executable, "-c", "import time; time.sleep(600)"]
    workers = [Process(f"worker{number}", argv, {}, home) for number in range(3)]
    with Postgres(tmp_path / "postgres") as postgres:
        url = postgres.make()
        faults = Faults(workers, postgres, url, random.Random(1), every=0.0, long=0.0)
        for worker in workers:
            worker.start()
        try:
            for done in (0.0, 0.1, 0.25, 1.0):
                faults.tick(done)
            stopped = [worker for worker in workers if worker.stopped]
            time.sleep(0.1)
            faults.tick(1.0)
        finally:
            starts = [worker.starts for worker in workers]
            for worker in workers:
                worker.kill()
    assert faults.happened == ["restart", "drop", "stop without work"]
    assert faults.over
    assert len(stopped) == 1
    assert not any(worker.stopped for worker in workers)
    assert faults.kills == sum(starts) - 3 == 3

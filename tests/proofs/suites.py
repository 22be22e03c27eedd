"""Proofs that are test suites: `python -m tests.proofs.suites NAME` runs one.

Each test's result is written to a journal as it ends: stopped anywhere, the proof goes on where it was, with what
failed first. Once all have passed on the present code, the ledger says so. Ends with 0 then, with 1 when a test failed,
and with 3 when something is left to run.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import pytest

from tests.proofs import ledger
from tests.proofs.choice import SUITES, belongs
from tests.proofs.journal import Entry, Journal, Result
from tests.proofs.options import Shard, add, shard
from tests.proofs.registry import PROOFS

FAILED, LEFT = 1, 3
TIMEOUT = 1800  # seconds for one test: it may share the machine
NOTHING_TO_RUN = (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED)
WHY = 2000  # characters of what was wrong


@dataclass(frozen=True)
class Wanted:
    """What a process that runs tests is told; plain values, for they go to other processes.

    `passed` and `failed` are what the journal knows; `until` is when no further test begins, on the monotonic clock.
    """

    proof: str
    passed: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()
    share: str = "1/1"
    until: float | None = None


class Chooser:
    """Picks tests, in the process that runs them."""

    def __init__(self, wanted: Wanted) -> None:
        self.wanted = wanted
        self.cases: list[str] = []

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        """Take what has not passed yet, beginning with what failed."""
        share, passed, failed = shard(self.wanted.share), set(self.wanted.passed), set(self.wanted.failed)
        mine = [item for item in items if belongs(item, self.wanted.proof) and share.takes(*case_of(item.nodeid))]
        self.cases = [item.nodeid for item in mine]
        items[:] = sorted((i for i in mine if i.nodeid not in passed), key=lambda item: item.nodeid not in failed)
        output: dict[str, Any] | None = getattr(config, "workeroutput", None)
        if output is not None:
            output["cases"] = self.cases

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> bool | None:
        """Begin nothing when the time is over."""
        return True if self.wanted.until is not None and time.monotonic() >= self.wanted.until else None


@dataclass
class Keeper:
    """Writes the journal, in the process that hears of all results."""

    wanted: Wanted
    journal: Journal
    cases: list[str] = field(default_factory=list)
    _reports: dict[str, list[pytest.TestReport]] = field(default_factory=lambda: defaultdict(list))

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Tell another process what is wanted."""
        node.workerinput["proof"] = asdict(self.wanted)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any, error: object) -> None:
        """Hear which tests there are."""
        self.cases = getattr(node, "workeroutput", {}).get("cases") or self.cases

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note a test's result once all of its parts are known; or at once, when its process died."""
        reports = self._reports[report.nodeid]
        reports.append(report)
        if report.when == "teardown" or report.when == "???":
            result, why = judged(self._reports.pop(report.nodeid))
            self.journal.append(*case_of(report.nodeid), result, sum(each.duration for each in reports), why)


def judged(reports: Iterable[pytest.TestReport]) -> tuple[Result, str]:
    """Return what the parts of a test come to; one that was skipped could not be judged."""
    for report in reports:
        if report.failed:
            return Result.FAILED, report.longreprtext[-WHY:]
        if report.skipped and not hasattr(report, "wasxfail"):
            return Result.UNJUDGED, f"skipped: {report.longreprtext[-WHY:]}"
    return Result.PASSED, ""


def case_of(nodeid: str) -> tuple[str, str]:
    """Return a test's file and its name within."""
    path, _, name = nodeid.partition("::")
    return path, name


def ids(entries: Iterable[Entry], *results: Result) -> tuple[str, ...]:
    """Return pytest's names of the tests that ended so."""
    return tuple(f"{entry.scenario}::{entry.case}" for entry in entries if entry.result in results)


def main(argv: Sequence[str] | None = None) -> int:
    """Run what is asked for, and return the exit status."""
    told = _parser().parse_args(argv)
    journal = Journal.of(told.name, ledger.of(PROOFS[told.name]), told.journals)
    known = journal.latest().values()
    until = None if told.seconds is None else time.monotonic() + told.seconds
    share: Shard = told.shard
    wanted = Wanted(
        told.name, ids(known, Result.PASSED), ids(known, Result.FAILED, Result.UNJUDGED), f"{share}", until
    )  # fmt: skip
    chooser, keeper = Chooser(wanted), Keeper(wanted, journal)
    options = ["-q", "-p", "no:cacheprovider", f"--timeout={TIMEOUT}", *(["-n", f"{told.jobs}"] if told.jobs else [])]
    ended = pytest.main([*SUITES[told.name], *options], plugins=[keeper] if told.jobs else [keeper, chooser])
    cases = keeper.cases or chooser.cases
    return _told(told.name, share, journal, cases, ended)


def _told(proof: str, share: Shard, journal: Journal, cases: Sequence[str], ended: int) -> int:
    latest = journal.latest()
    entries = [latest[case_of(case)] for case in cases if case_of(case) in latest]
    passed = ids(entries, Result.PASSED)
    spent = sum(entry.seconds for entry in entries)
    print(f"{proof}: {len(passed)} of {len(cases)} have passed on this code, {spent:.0f} s of tests")
    if len(entries) > len(passed) or ended not in NOTHING_TO_RUN:
        return FAILED
    if len(passed) < len(cases) or not cases:
        return LEFT
    if share.of == 1:
        ledger.record(proof, cases=len(cases), passed=len(passed), seconds=spent)
    return 0


def _parser() -> argparse.ArgumentParser:
    found = argparse.ArgumentParser(prog="python -m tests.proofs.suites", description=__doc__)
    found.add_argument("name", choices=sorted(SUITES), metavar="NAME", help=", ".join(sorted(SUITES)))
    jobs = os.cpu_count() or 1
    found.add_argument("--jobs", type=int, default=jobs, metavar="N", help="worker processes; 0: none but this one")
    add(found)
    return found


if __name__ == "__main__":
    sys.exit(main())

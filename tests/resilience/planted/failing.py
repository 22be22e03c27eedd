"""A pytest plugin that writes down the first test that failed, in the file that `PLANTED_FAILED` names."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

FAILED = "PLANTED_FAILED"


def _note(name: str) -> None:
    path = Path(os.environ[FAILED])
    if not path.exists():
        path.write_text(name)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Note a test that failed, in any of its phases."""
    if report.failed:
        _note(report.nodeid)


def pytest_collectreport(report: pytest.CollectReport) -> None:
    """Note a file that could not be imported."""
    if report.failed:
        _note(report.nodeid)

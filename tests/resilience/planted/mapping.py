"""A pytest plugin that notes which tests run which lines of the product, and how long each test takes.

It is loaded by `python -m tests.resilience.planted --map`, and works in xdist's workers too. Only what runs in a test's
own process is seen. Coverage's data stays in memory: some tests give up the right to write files for a while.
"""

from __future__ import annotations

import json
import os
import uuid
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import coverage
import pytest

PARTS = "PLANTED_PARTS"  # the environment variable that names the folder for what each worker has seen
PRODUCT = ("bridge", "sinks")


class Seeing:
    """What one process sees."""

    def __init__(self, root: Path, parts: Path) -> None:
        self.root, self.parts = root, parts
        self.seconds: dict[str, float] = defaultdict(float)
        self.passed: dict[str, bool] = {}
        source = [str(root / name) for name in PRODUCT]
        self.coverage = coverage.Coverage(data_file=None, source=source, config_file=False, messages=False)
        self.coverage.start()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        """Note what runs from here on under the test's name."""
        self.coverage.switch_context(item.nodeid)
        try:
            return (yield)
        finally:
            self.coverage.switch_context("")

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note the time of a test, and whether it passed."""
        self.seconds[report.nodeid] += report.duration
        failed = report.failed or report.skipped
        self.passed[report.nodeid] = self.passed.get(report.nodeid, True) and not failed

    def pytest_sessionfinish(self) -> None:
        """Write what was seen."""
        self.coverage.stop()
        data = self.coverage.get_data()
        lines = {
            str(Path(path).relative_to(self.root)): {
                str(line): named
                for line, contexts in data.contexts_by_lineno(path).items()
                if (named := [context for context in contexts if self.passed.get(context)])
            }
            for path in data.measured_files()
        }
        seconds = {name: round(taken, 3) for name, taken in self.seconds.items() if self.passed[name]}
        part = {"lines": lines, "seconds": seconds}
        (self.parts / f"{uuid.uuid4().hex}.json").write_text(json.dumps(part))


def pytest_configure(config: pytest.Config) -> None:
    """See, unless this process only hands tests out."""
    hands_out = bool(getattr(config.option, "numprocesses", None)) and not hasattr(config, "workerinput")
    if not hands_out and PARTS in os.environ:
        config.pluginmanager.register(Seeing(config.rootpath, Path(os.environ[PARTS])))

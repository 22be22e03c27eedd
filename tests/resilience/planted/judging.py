"""Plants one fault into a copy of the tree and tells whether the tests notice."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import IO

from tests.resilience.planted.failing import FAILED
from tests.resilience.planted.operators import Fault

NOT_COPIED = (".git", ".venv", ".proofs", ".mypy_cache", ".ruff_cache", ".pytest_cache", ".hypothesis", "*.egg-info")
FALSE_FAILURES = 5  # so many tests may fail that fail without the fault, too
TAIL = 2000  # characters of what pytest said last


class Verdict(StrEnum):
    """What became of a fault."""

    KILLED = "killed"
    SURVIVED = "survived"
    UNJUDGED = "unjudged"
    EQUIVALENT = "equivalent"


@dataclass(frozen=True)
class Run:
    """How a run of tests ended; `status` None: it was stopped at the limit."""

    status: int | None
    failed: str
    seconds: float
    said: str


class Bench:
    """A tree without faults and copies of it with one each."""

    def __init__(self, root: Path, limit: float) -> None:
        self._limit = limit
        self._folder = Path(tempfile.mkdtemp(prefix="planted-"))
        self._folder.chmod(0o755)  # some tests give up the rights of root for a while
        self._sound = self._folder / "sound"
        self._passes: dict[tuple[str, ...], bool] = {}
        shutil.copytree(root, self._sound, ignore=shutil.ignore_patterns(*NOT_COPIED, "__pycache__"))
        # Compiled once; a planted file is newer than its compiled form, so it is compiled again.
        subprocess.run([sys.executable, "-m", "compileall", "-q", "."], cwd=self._sound, check=True)

    def close(self) -> None:
        """Remove the copies."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def judge(self, fault: Fault, tests: Sequence[str]) -> tuple[Verdict, Run]:
        """Run the tests with the fault; a failure counts only where the same tests pass without it.

        A test that fails without it, too, as one does that needs others before it, is left out.
        """
        with self._planted(fault) as tree:
            for _ in range(FALSE_FAILURES):
                run = self._run(tree, tests)
                if run.status == 0:
                    return Verdict.SURVIVED, run
                by_one = run.failed in tests  # also where its end came after the limit
                if self._sound_passes([run.failed] if by_one else tests):
                    return Verdict.KILLED, run
                tests = [test for test in tests if test != run.failed]
                if not by_one or not tests:
                    break
        return Verdict.UNJUDGED, run

    @contextlib.contextmanager
    def _planted(self, fault: Fault) -> Iterator[Path]:
        tree = Path(tempfile.mkdtemp(prefix="tree-", dir=self._folder))
        try:
            tree.chmod(0o755)
            shutil.copytree(self._sound, tree, dirs_exist_ok=True)
            file = tree / fault.path
            before = file.stat().st_mtime
            file.write_text(fault.planted(file.read_text()))
            os.utime(file, (before + 1000, before + 1000))
            yield tree
        finally:
            shutil.rmtree(tree, ignore_errors=True)

    def _sound_passes(self, tests: Sequence[str]) -> bool:
        key = tuple(tests)
        if key not in self._passes:
            self._passes[key] = self._run(self._sound, tests).status == 0
        return self._passes[key]

    def _run(self, tree: Path, tests: Sequence[str]) -> Run:
        with tempfile.TemporaryDirectory(prefix="run-", dir=self._folder) as name:
            folder = Path(name)
            folder.chmod(0o755)
            listed, failed = folder / "tests", folder / "failed"
            listed.write_text("\n".join(tests))
            command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider"]
            command += ["-p", "tests.resilience.planted.failing", f"@{listed}"]
            environment = {**os.environ, "PYTHONPATH": str(tree), "TMPDIR": name, FAILED: str(failed)}
            began = time.monotonic()
            with (folder / "said").open("w+") as said:
                status = _within(command, tree, environment, self._limit, said)
                seconds = time.monotonic() - began
                said.seek(0)
                return Run(status, failed.read_text() if failed.exists() else "", seconds, said.read()[-TAIL:])


def _within(command: Sequence[str], tree: Path, environment: dict[str, str], limit: float, said: IO[str]) -> int | None:
    """Run a command; at the limit end it and all that it started, and return None."""
    with subprocess.Popen(
        command, cwd=tree, env=environment, start_new_session=True, stdin=subprocess.DEVNULL, stdout=said, stderr=said
    ) as process:
        try:
            return process.wait(limit)
        except subprocess.TimeoutExpired:
            return None
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)

"""Which tests an ordinary run takes, and which are left to the proofs.

Some proofs are test suites: whole files and folders (`WHOLE`), or tests that say so themselves by the mark
`proof("NAME")`. An ordinary run leaves them out, except those with `daily=True`, and the suites of `UNTIL_PROVEN` while
the ledger has no pass of the present code. What pytest is given by path is taken in any case.
"""

from __future__ import annotations

import functools
import os
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.proofs import ledger
from tests.proofs.fingerprint import ROOT
from tests.proofs.options import slice_of
from tests.proofs.registry import PROOFS, STORIES

WHOLE = {
    "applications": ("tests/unit/consumer", "tests/recipes"),
    "attacks": ("tests/resilience/trust/test_cases.py", "tests/resilience/trust/test_seal.py"),
    "benchmarks": ("tests/bench/test_agent_small.py", "tests/bench/test_bench_runs.py"),
    "browser": ("tests/unit/report/test_in_a_browser.py",),
    "canary": (
        "tests/canary/test_commands.py",
        "tests/canary/test_notifications.py",
        "tests/canary/test_whole_stories.py",
    ),
    "deployment": ("tests/deploy/test_files.py", "tests/deploy/test_keyless.py"),
    "commands": tuple(f"tests/e2e/test_{name}.py" for name in STORIES),
    "doctor": ("tests/unit/doctor",),
    "drills": (
        "tests/drills/test_all_leaked.py",
        "tests/drills/test_compromise.py",
        "tests/drills/test_quarterly_review.py",
    ),
    "faults": ("tests/resilience/faults/test_faults.py", "tests/resilience/faults/test_process.py"),
    "found": ("tests/resilience/random/test_found.py", "tests/resilience/random/test_ways_out.py"),
    "image": ("tests/deploy/test_image.py",),
    "many": (
        "tests/e2e/test_counted.py",
        "tests/e2e/test_discover.py",
        "tests/e2e/test_jobs.py",
        "tests/e2e/test_picking.py",
        "tests/e2e/test_windows.py",
    ),
    "notifications": ("tests/unit/notify",),
    "pictures": ("tests/site/test_terminal.py",),
    "races": ("tests/resilience/races",),
    "record": ("tests/unit/audit", "tests/unit/evidence"),
    "sandbox": ("tests/unit/sandbox",),
    "sinks": ("tests/contract", "tests/unit/sinks"),
    "typed": (
        "tests/docs/test_first_rotation.py",
        "tests/docs/test_guide.py",
        "tests/docs/test_moving.py",
        "tests/docs/test_protocol.py",
    ),
    "rights": (
        "tests/unit/policy/test_auth0_cli.py",
        "tests/unit/policy/test_aws_actions.py",
        "tests/unit/policy/test_check.py",
        "tests/unit/policy/test_roles.py",
        "tests/unit/policy/test_vault_lines.py",
    ),
    "searches": (
        "tests/resilience/model/test_findings.py",
        "tests/resilience/model/test_mutants.py",
        "tests/resilience/model/test_searches.py",
    ),
    "sequences": ("tests/resilience/random/test_random.py",),
    "agent": (
        "tests/unit/agent/test_attacks.py",
        "tests/unit/agent/test_canary.py",
        "tests/unit/agent/test_endpoint.py",
        "tests/unit/agent/test_process.py",
    ),
    "watch": ("tests/e2e/test_watch.py", "tests/e2e/test_watch_live.py"),
    "fleet": ("tests/e2e/test_fleet.py", "tests/e2e/test_worker.py", "tests/e2e/test_thirty_days.py"),
    "adapters": ("tests/e2e/test_temporal.py",),
    "site": ("tests/site/test_builds.py", "tests/site/test_in_a_browser.py"),
}
MARKED = {
    "interruption": ("tests/e2e/test_interruption.py", "tests/e2e/test_killed_softly.py"),
    "rotations": ("tests/e2e/test_many_rotations.py",),
    "together": ("tests/resilience/together/test_together.py",),
}
SUITES = WHOLE | MARKED
"""The proofs that are test suites, and where their tests are."""
UNTIL_PROVEN = (
    "applications", "attacks", "benchmarks", "browser", "canary", "commands", "deployment", "faults", "many",
    "notifications", "pictures", "rights", "searches", "site",
    "agent", "doctor", "fleet", "found", "record", "sandbox", "sinks", "typed", "watch",
)  # fmt: skip

COMMIT, LEFT_OUT = "PROOFS_COMMIT", "PROOFS_LEFT_OUT"
"""Variables by which all processes of a run choose alike. Whoever sets the first chooses another commit's share."""


def commit() -> str:
    """Return what today's share of a proof is chosen by: the commit; nothing where there is no repository."""
    if COMMIT not in os.environ:
        asked = ["git", "rev-parse", "HEAD"]
        try:
            done = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, check=True)
            os.environ[COMMIT] = done.stdout.strip()
        except (OSError, subprocess.CalledProcessError):
            os.environ[COMMIT] = ""
    return os.environ[COMMIT]


def shares(proof: str, of: int, *first: Any, daily: bool = True) -> list[Any]:
    """Return the numbers of all shares as parameters, after those that are given.

    The commit's share is taken daily, the others by the proof; without `daily` all of them are.
    """
    mine = slice_of(commit(), of).number - 1
    mark = pytest.mark.proof
    return [pytest.param(*first, n, marks=mark(proof, daily=daily and n == mine)) for n in range(of)]


def left_out() -> list[str]:
    """Return the suites that an ordinary run does not look into."""
    if LEFT_OUT not in os.environ:
        os.environ[LEFT_OUT] = " ".join(name for name in WHOLE if name not in UNTIL_PROVEN or _is_proven(name))
    return os.environ[LEFT_OUT].split()


def is_left_out(path: Path, named: Sequence[str]) -> bool:
    """Tell whether a folder or file is a suite that is left out; `named` are pytest's arguments."""
    return path in _paths(tuple(left_out())) and not _is_named(path, named)


def ordinary(items: Iterable[pytest.Item], named: Sequence[str]) -> tuple[list[pytest.Item], list[pytest.Item]]:
    """Divide tests into those that an ordinary run takes, and those that it leaves to the proofs."""
    taken: list[pytest.Item] = []
    left: list[pytest.Item] = []
    for item in items:
        mark = item.get_closest_marker("proof")
        is_taken = mark is None or mark.kwargs.get("daily") or _is_named(item.path, named)
        (taken if is_taken else left).append(item)
    return taken, left


def belongs(item: pytest.Item, proof: str) -> bool:
    """Tell whether a test that was found in a proof's files belongs to it."""
    mark = item.get_closest_marker("proof")
    return mark.args[0] == proof if mark else proof in WHOLE


def _is_proven(name: str) -> bool:
    try:
        line = ledger.read().get(name)
    except ValueError:
        return False
    return line is not None and line.whole and line.fingerprint == ledger.of(PROOFS[name])


@functools.cache
def _paths(names: tuple[str, ...]) -> frozenset[Path]:
    return frozenset(ROOT / path for name in names for path in WHOLE[name])


def _is_named(path: Path, named: Sequence[str]) -> bool:
    return any(Path(argument.partition("::")[0]).absolute().is_relative_to(path) for argument in named)

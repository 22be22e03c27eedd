"""In which order tests run: those that take long begin first, shared out between the workers."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SLOW = frozenset(
    ROOT / name
    for name in (
        "tests/docs/test_guide.py",
        "tests/package/test_wheel.py",
        "tests/bench/test_bench_runs.py",
        "tests/canary/test_notifications.py",
        "tests/canary/test_whole_stories.py",
        "tests/unit/consumer/test_node.py",
        "tests/e2e/test_behind_a_gateway.py",
        "tests/e2e/test_command_line.py",
        "tests/e2e/test_left_behind.py",
        "tests/e2e/test_rotated_lately.py",
        "tests/unit/audit/test_processes.py",
        "tests/unit/doctor/test_sinks.py",
        "tests/kinds/test_third_kind.py",
        "tests/unit/notify/test_commands.py",
        "tests/unit/notify/test_post.py",
        "tests/unit/policy/test_roles.py",
        "tests/recipes/test_aws_cli.py",
        "tests/unit/report/test_in_a_browser.py",
        "tests/site/test_builds.py",
        "tests/site/test_in_a_browser.py",
        "tests/site/test_terminal.py",
        "tests/resilience/together/test_together.py",
    )
)
"""Files with tests that take seconds, most of them waiting: nobody should wait for one of them alone at the end."""


def slow_first(items: list[pytest.Item], workers: int) -> list[pytest.Item]:
    """Put slow tests at the beginning of each worker's part; the parts are of the same size, as xdist cuts them."""
    slow = [item for item in items if item.path in SLOW]
    rest = iter([item for item in items if item.path not in SLOW])
    found: list[pytest.Item] = []
    for number in range(workers):
        own = slow[number::workers]
        size = (number + 1) * len(items) // workers - number * len(items) // workers
        found += [*own, *islice(rest, max(0, size - len(own)))]
    return [*found, *rest]

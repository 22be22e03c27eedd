"""In which order tests run: those that take long begin first, shared out between the workers."""

from __future__ import annotations

from itertools import islice

import pytest

SLOW = frozenset(
    (
        "audit/test_commands.py",
        "bench/test_bench_runs.py",
        "canary/test_notifications.py",
        "canary/test_whole_stories.py",
        "consumer/test_node.py",
        "e2e/test_command_line.py",
        "e2e/test_left_behind.py",
        "evidence/test_recording.py",
        "notify/test_commands.py",
        "notify/test_post.py",
        "policy/test_roles.py",
        "recipes/test_aws_cli.py",
        "report/test_in_a_browser.py",
        "sandbox/test_demo.py",
    )
)
"""Files with tests that take seconds, most of them waiting: nobody should wait for one of them alone at the end."""


def slow_first(items: list[pytest.Item], workers: int) -> list[pytest.Item]:
    """Put slow tests at the beginning of each worker's part; the parts are of the same size, as xdist cuts them."""
    slow = [item for item in items if "/".join(item.path.parts[-2:]) in SLOW]
    rest = iter([item for item in items if "/".join(item.path.parts[-2:]) not in SLOW])
    found: list[pytest.Item] = []
    for number in range(workers):
        own = slow[number::workers]
        size = (number + 1) * len(items) // workers - number * len(items) // workers
        found += [*own, *islice(rest, max(0, size - len(own)))]
    return [*found, *rest]

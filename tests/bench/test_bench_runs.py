"""The benchmarks run, and count what they say; how long anything takes is never asserted."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.bench.world import ROOT

MOST = {"Auth0": 4, "Vault": 14, "AWS": 13}
"""The requests of a plain rotation that docs/benchmarks.md tells; at Auth0 the token and one probe among them."""


def printed(name: str, *arguments: str) -> list[list[str]]:
    """Run a benchmark and return the cells of its tables, one list a row."""
    command = [sys.executable, "-m", f"tests.bench.{name}", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    lines = [line for line in done.stdout.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if "---" not in line]


def test_a_rotation_needs_no_more_requests_than_the_documentation_says() -> None:
    (_, *ends), plain, over, script, *_ = printed("calls")
    assert ends == list(MOST)
    assert [row[0] for row in (plain, over, script)] == ["rotation", "rotation over an open fallback", "script"]
    for end, count in zip(ends, plain[1:], strict=True):
        assert 0 < int(count) <= MOST[end], end


@pytest.mark.parametrize(("name", "arguments", "commands"), [("startup", (), 8), ("rotation", ("--only", "vault"), 2)])
def test_every_command_is_measured_in_time_and_memory(name: str, arguments: tuple[str, ...], commands: int) -> None:
    rows = printed(name, "--runs", "0", *arguments)
    times, memory = rows[: commands + 1], rows[commands + 1 :]
    assert len(memory) == commands + 1
    assert [row[0] for row in times[1:]] == [row[0] for row in memory[1:]]
    assert any("secret-bridge" in row[0] for row in times)

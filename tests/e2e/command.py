"""The command line: in this process by its own runner, or as a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from bridge.cli.commands import app
from tests.e2e.world import World
from tests.support.forks import Forks

ROOT = Path(__file__).parents[2]
MAIN = "from bridge.cli import main; main()"
LIMIT = 120  # seconds


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    status: int
    out: str
    err: str

    @property
    def told(self) -> str:
        return self.out + self.err

    @property
    def objects(self) -> list[dict[str, Any]]:
        """What `--json` printed."""
        return [json.loads(line) for line in self.out.splitlines()]


def sinks(world: World) -> list[str]:
    """Return the options that name a world's sinks, in the order in which they are typed."""
    return [word for uri in world.uris for word in ("--sink", uri)]


def invoke(*args: str, typed: str = "") -> Ended:
    """Run a command in this process; the environment is the test's."""
    # Without a width, as where no terminal is: the workers of pytest-xdist have the variable. One client at a time: in
    # the shifted time, a wait of one moves the clock of all.
    environ = {"COLUMNS": None, "BRIDGE_JOBS": os.environ.get("BRIDGE_JOBS", "1")}
    result = CliRunner().invoke(app, list(args), input=typed, env=environ)
    return Ended(result.exit_code, result.stdout, result.stderr)


def on(world: World, verb: str, *options: str, typed: str = "") -> Ended:
    """Run a command about a world's client and its sinks."""
    return invoke(verb, world.client_id, *sinks(world), *options, typed=typed)


def done(ended: Ended, status: int = 0) -> Ended:
    """Check how a command ended."""
    assert ended.status == status, ended.told
    assert "Traceback" not in ended.told
    return ended


def rotated(world: World) -> World:
    """Adopt and rotate a world's client by the command."""
    world.fill()
    done(on(world, "rotate", "--adopt", "--no-wait"))
    world.spread()
    return world


def execute(world: World, *args: str, home: Path, typed: str = "", **more: str) -> Ended:
    """Run the installed command as a process of its own, with nothing but this world's variables and these."""
    command = [sys.executable, "-c", MAIN, *args]
    variables = environ(world, home) | more
    ended = subprocess.run(
        command, env=variables, cwd=home, input=typed, capture_output=True, text=True, check=False, timeout=LIMIT
    )
    return Ended(ended.returncode, ended.stdout, ended.stderr)


def fork(forks: Forks, world: World, *args: str, home: Path) -> Ended:
    """Run a command as `execute` does, in a process that is forked, which spares its start."""
    out, err, status = forks.start(MAIN, args, environ(world, home), home).communicate("", LIMIT)
    return Ended(status, out, err)


def environ(world: World, home: Path) -> dict[str, str]:
    """Return the variables of a process that has nothing but this world's."""
    return {"PATH": os.environ["PATH"], "HOME": str(home), "PYTHONPATH": str(ROOT), **world.environment}

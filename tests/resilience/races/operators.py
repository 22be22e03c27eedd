"""Many operators, each a process of its own that runs the real command line, started at the same instant.

Starting Python and importing takes most of a second, and never the same time twice. So one process imports everything,
then forks an operator for each command; those wait for a byte on a pipe. `Operators` starts that process, and
`python -m tests.resilience.races.operators` is it: a line of JSON in, a line of JSON out. A single operator can be
started too, and is then known by its process id, so that it can be killed or stopped on its way.
"""

from __future__ import annotations

import contextlib
import faulthandler
import functools
import gc
import importlib
import json
import os
import pkgutil
import select
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

OVERDUE = 120.0  # seconds


@dataclass(frozen=True)
class Command:
    """What one operator is told, and its environment."""

    argv: tuple[str, ...]
    environ: Mapping[str, str]


@dataclass(frozen=True)
class Ended:
    """What became of one operator."""

    status: int
    out: str
    err: str


class Operators:
    """The process that forks operators; use it as a context manager. `spawn` may be called from any thread."""

    def __init__(self) -> None:
        self._one_at_a_time = threading.Lock()

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", "tests.resilience.races.operators"]
        self._process: Any = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:  # fmt: skip
        self._process.communicate(timeout=OVERDUE)

    def start(self, *commands: Command) -> None:
        """Start operators together, and do not wait for them."""
        self._say({"start": [asdict(command) for command in commands]})

    def join(self) -> list[list[Ended]]:
        """Wait for all that were started; return what became of them, in the same order."""
        self._say({})
        return [[Ended(**ended) for ended in each] for each in json.loads(self._process.stdout.readline())]

    def spawn(self, command: Command) -> Spawned:
        """Start one operator, and do not wait for it."""
        return Spawned(self, int(self._ask({"spawn": asdict(command)})["pid"]))

    def collect(self, pid: int) -> Ended:
        """Return what became of one operator that was spawned and has ended."""
        return Ended(**self._ask({"collect": pid}))

    def _ask(self, told: Mapping[str, Any]) -> dict[str, Any]:
        with self._one_at_a_time:
            self._say(told)
            answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        return answer

    def _say(self, told: Mapping[str, Any]) -> None:
        self._process.stdin.write(f"{json.dumps(told)}\n")
        self._process.stdin.flush()


class Spawned:
    """One operator. Its process id is its own until it was collected."""

    def __init__(self, operators: Operators, pid: int) -> None:
        self.pid = pid
        self._operators = operators
        self._alive = os.pidfd_open(pid)

    @property
    def over(self) -> bool:
        """Whether it has ended."""
        return self._poll(0)

    def kill(self) -> None:
        """Kill it, and return when it is dead."""
        signal.pidfd_send_signal(self._alive, signal.SIGKILL)
        self._wait(OVERDUE)

    def freeze(self) -> None:
        """Stop it, and return when all of it stands still."""
        signal.pidfd_send_signal(self._alive, signal.SIGSTOP)
        end = time.monotonic() + OVERDUE
        while self._state() not in "TtZX":
            assert time.monotonic() < end, "it does not stop"
            time.sleep(0.001)

    def wake(self) -> None:
        """Let it go on."""
        signal.pidfd_send_signal(self._alive, signal.SIGCONT)

    def ended(self, seconds: float = OVERDUE) -> Ended:
        """Wait until it has ended by itself; one that does not is killed."""
        try:
            self._wait(seconds)
        except TimeoutError:
            signal.pidfd_send_signal(self._alive, signal.SIGUSR1)  # it says where it hangs
            time.sleep(0.5)
            self.kill()
        ended = self._operators.collect(self.pid)
        os.close(self._alive)
        return ended

    def _wait(self, seconds: float) -> None:
        if not self._poll(seconds):
            raise TimeoutError

    def _poll(self, seconds: float) -> bool:
        poll = select.poll()
        poll.register(self._alive, select.POLLIN)
        return bool(poll.poll(seconds * 1000))

    def _state(self) -> str:
        stat = Path(f"/proc/{self.pid}/stat").read_text(encoding="utf-8", errors="replace")
        return stat.rpartition(")")[2].split()[0]


class _Forked:
    """An operator that waits for its start."""

    def __init__(self, command: Mapping[str, Any], ready: int, start: int) -> None:
        self.files = [tempfile.TemporaryFile("w+") for _ in range(2)]  # noqa: SIM115  # closed when it has ended
        self.pid = os.fork()
        if self.pid == 0:
            for number, file in zip((1, 2), self.files, strict=True):
                os.dup2(file.fileno(), number)
            os.write(ready, b".")
            os.read(start, 1)
            _operate(command)

    def ended(self) -> dict[str, Any]:
        _, status = os.waitpid(self.pid, 0)
        told = []
        for file in self.files:
            file.seek(0)
            told.append(file.read())
            file.close()
        return {"status": os.waitstatus_to_exitcode(status), "out": told[0], "err": told[1]}


def _operate(command: Mapping[str, Any]) -> None:
    """Be the process that somebody started with this command."""
    from bridge.cli.commands import app

    faulthandler.register(signal.SIGUSR1, file=2, all_threads=True)
    gc.disable()  # it ends before that would pay
    os.environ.clear()
    os.environ.update(command["environ"])
    status: int | str | None = 99
    try:
        app(command["argv"])
    except SystemExit as ended:
        status = ended.code
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(int(status or 0))


def _start_together(commands: Sequence[Mapping[str, Any]]) -> list[_Forked]:
    ready_in, ready_out = os.pipe()
    start_in, start_out = os.pipe()
    forked = [_Forked(command, ready_out, start_in) for command in commands]
    for _ in forked:
        os.read(ready_in, 1)
    os.write(start_out, b"." * len(forked))
    for descriptor in (ready_in, ready_out, start_in, start_out):
        os.close(descriptor)
    return forked


def _import_everything() -> None:
    """Load what any operator would load, by doing what one does as far as it goes without a server."""
    import boto3  # noqa: F401  # for its loading alone
    import botocore.session  # after ours, which say what they need
    import httpx
    import stamina  # noqa: F401  # as above
    import typer.main

    import bridge
    import sinks
    from bridge.cli.commands import app
    from tests.support.quick_aws import once_per_process

    for package in (bridge, sinks):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not module.name.startswith("bridge.sandbox"):
                importlib.import_module(module.name)
    # All servers are on loopback: TLS settings, which nobody uses, are loaded once.
    transport: Any = httpx._transports.default
    transport.create_ssl_context = functools.cache(transport.create_ssl_context)
    for trusting in (True, False):
        httpx.Client(trust_env=trusting).close()
    once_per_process()
    keys = {"aws_access_key_id": "x", "aws_secret_access_key": "x"}
    botocore.session.get_session().create_client("secretsmanager", region_name="us-east-1", **keys).close()
    build: Any = typer.main  # what it builds of the commands' signatures is built once
    build.get_command = functools.cache(build.get_command)
    with contextlib.redirect_stderr(None), contextlib.suppress(SystemExit):
        app(["rotate", "nobody"])
    gc.freeze()  # what is never looked at again is never copied into the operators


def main() -> None:
    """Fork what a line asks for; an empty one asks for the answers of all that were started together."""
    _import_everything()
    if planted := os.environ.get("SECRET_BRIDGE_TESTS_PLANTED"):  # a fault that the tests have to find
        from tests.resilience.deaths.planted import plant

        plant(planted)
    started: list[list[_Forked]] = []
    spawned: dict[int, _Forked] = {}
    for line in sys.stdin:
        told = json.loads(line)
        if commands := told.get("start"):
            started.append(_start_together(commands))
            continue
        answer: Any
        if command := told.get("spawn"):
            (one,) = _start_together([command])
            spawned[one.pid] = one
            answer = {"pid": one.pid}
        elif pid := told.get("collect"):
            answer = spawned.pop(pid).ended()
        else:
            answer = [[operator.ended() for operator in each] for each in started]
            started.clear()
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()

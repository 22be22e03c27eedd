"""Many operators, each a process of its own that runs the real command line, started at the same instant.

Starting Python and importing takes most of a second, and never the same time twice. So one process imports everything,
then forks an operator for each command; those wait for a byte on a pipe. `Operators` starts that process, and
`python -m tests.races.operators` is it: a line of JSON in, a line of JSON out.
"""

from __future__ import annotations

import contextlib
import functools
import gc
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
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
    """The process that forks operators; use it as a context manager."""

    def __enter__(self) -> Self:
        self._process: Any = subprocess.Popen(
            [sys.executable, "-m", "tests.races.operators"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
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

    def _say(self, told: Mapping[str, Any]) -> None:
        self._process.stdin.write(f"{json.dumps(told)}\n")
        self._process.stdin.flush()


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
    from bridge.cli.app import app

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
    import botocore.session  # after ours, which say what they need
    import httpx
    import stamina  # noqa: F401

    import sinks.aws.sink
    import sinks.vault.sink  # noqa: F401
    from bridge.cli.app import app

    httpx.Client().close()
    botocore.session.create_loader = functools.cache(botocore.session.create_loader)
    keys = {"aws_access_key_id": "x", "aws_secret_access_key": "x"}
    botocore.session.get_session().create_client("secretsmanager", region_name="us-east-1", **keys).close()
    with contextlib.redirect_stderr(None), contextlib.suppress(SystemExit):
        app(["rotate", "nobody"])
    gc.freeze()  # what is never looked at again is never copied into the operators


def main() -> None:
    """Fork what a line asks for; an empty one asks for the answers."""
    _import_everything()
    started: list[list[_Forked]] = []
    for line in sys.stdin:
        if commands := json.loads(line).get("start"):
            started.append(_start_together(commands))
        else:
            print(json.dumps([[operator.ended() for operator in each] for each in started]), flush=True)
            started.clear()


if __name__ == "__main__":
    main()

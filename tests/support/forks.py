"""Processes like those that somebody starts, without the second that starting Python and importing takes.

`Forks` starts one process, which imports what commands load and then, for each that is asked for, forks one that takes
over a directory, an environment and streams, executes Python, and ends as any other does. That first process is
`python -m tests.support.forks N`; N is the socket on which it is asked.
"""

from __future__ import annotations

import array
import contextlib
import gc
import importlib
import json
import os
import pkgutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.support.quick_aws import once_per_process

ROOT = Path(__file__).parents[2]
LONGEST = 1 << 20  # bytes of a request


class Forks:
    """The process that is forked; use it as a context manager."""

    def __init__(self) -> None:
        self._asking = threading.Lock()

    def __enter__(self) -> Self:
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        for end in (self._socket, theirs):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, LONGEST)
        number = theirs.fileno()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.forks", f"{number}"], cwd=ROOT, pass_fds=[number]
        )
        theirs.close()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:  # fmt: skip
        self._socket.close()
        self._process.wait()

    def start(self, code: str, argv: Sequence[str], environ: Mapping[str, str], cwd: Path) -> Forked:
        """Fork a process that executes `code` with these arguments; its streams are pipes."""
        (stdin, write), (read_out, stdout), (read_err, stderr) = (os.pipe() for _ in range(3))
        told = {"code": code, "argv": [*argv], "environ": {**environ}, "cwd": f"{cwd}"}
        with self._asking:
            self._send(told, (stdin, stdout, stderr))
            pid = int(self._socket.recv(LONGEST))
        for each in (stdin, stdout, stderr):
            os.close(each)
        return Forked(self, pid, write, read_out, read_err)

    def wait(self, pid: int) -> int:
        """Wait for a process, and return its exit status."""
        with self._asking:
            self._send({"wait": pid})
            return int(self._socket.recv(LONGEST))

    def _send(self, told: Mapping[str, Any], files: Sequence[int] = ()) -> None:
        ancillary = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", files))] if files else []
        self._socket.sendmsg([json.dumps(told).encode()], ancillary)


class Forked:
    """A process that was forked."""

    def __init__(self, forks: Forks, pid: int, stdin: int, stdout: int, stderr: int) -> None:
        self.pid = pid
        self._forks = forks
        self._stdin, self._stdout, self._stderr = stdin, stdout, stderr

    def communicate(self, stdin: str, seconds: float) -> tuple[str, str, int]:
        """Feed it, and return what it printed on both streams and its exit status; it is killed when it takes long."""
        overdue = threading.Timer(seconds, os.kill, (self.pid, signal.SIGKILL))
        overdue.start()
        told: dict[int, str] = {}

        def read(descriptor: int) -> None:
            with os.fdopen(descriptor, encoding="utf-8") as file:
                told[descriptor] = file.read()

        readers = [threading.Thread(target=read, args=(each,)) for each in (self._stdout, self._stderr)]
        for reader in readers:
            reader.start()
        with contextlib.suppress(BrokenPipeError), os.fdopen(self._stdin, "w", encoding="utf-8") as file:
            file.write(stdin)
        for reader in readers:
            reader.join()
        overdue.cancel()
        return told[self._stdout], told[self._stderr], self._forks.wait(self.pid)


def _import_everything() -> None:
    """Load what a command may load."""
    for library in ("boto3", "botocore.session", "httpx", "hvac", "stamina", "typer.main", "typer.testing"):
        importlib.import_module(library)
    for name in ("sinks", "bridge"):
        package = importlib.import_module(name)
        for module in pkgutil.walk_packages(package.__path__, f"{name}."):
            if not module.name.startswith("bridge.sandbox"):
                importlib.import_module(module.name)
    once_per_process()
    keys = {"aws_access_key_id": "x", "aws_secret_access_key": "x"}
    session: Any = importlib.import_module("botocore.session")
    session.get_session().create_client("secretsmanager", region_name="us-east-1", **keys).close()


def _become(told: Mapping[str, Any], files: Sequence[int]) -> None:
    """Be the process that somebody started."""
    for number, descriptor in enumerate(files):
        os.dup2(descriptor, number)
        os.close(descriptor)
    os.chdir(told["cwd"])
    os.environ.clear()
    os.environ.update(told["environ"])
    tempfile.tempdir = None  # where it is follows from the environment
    sys.argv = ["-c", *told["argv"]]


def _asked(asking: socket.socket) -> Mapping[str, Any] | None:
    """Answer what is asked; return what to be in a process that was forked, and None at the end."""
    while True:
        text, files, _, _ = socket.recv_fds(asking, LONGEST, 3)
        if not text:
            return None
        told: dict[str, Any] = json.loads(text)
        if pid := told.get("wait"):
            _, status = os.waitpid(pid, 0)
            asking.send(f"{os.waitstatus_to_exitcode(status)}".encode())
            continue
        if (pid := os.fork()) == 0:
            asking.close()
            _become(told, files)
            return told
        for each in files:
            os.close(each)
        asking.send(f"{pid}".encode())


if __name__ == "__main__":
    _import_everything()
    gc.freeze()  # what is never looked at again is never copied
    if _told := _asked(socket.socket(fileno=int(sys.argv[1]))):
        exec(compile(_told["code"], "<string>", "exec"), {"__name__": "__main__"})

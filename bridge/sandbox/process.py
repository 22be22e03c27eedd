"""A server in a process of its own: started on a free port, waited for, and stopped; it dies with its parent."""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Self

LOOPBACK = "127.0.0.1"
START_LIMIT = timedelta(seconds=30)
STOP_LIMIT = timedelta(seconds=5)
ATTEMPTS = 3
POLL = 0.02
_PR_SET_PDEATHSIG = 1
_PORT_TAKEN = "address already in use"


class ServerFailed(Exception):
    """A server did not start, or what it needs is not installed."""


class ServerProcess(ABC):
    """One server; use it as a context manager, or `start` and `stop` it.

    `spawn` and `wait` are the halves of `start`, so that several servers can start side by side. On Linux the server
    is killed when the *thread* that spawned it ends.
    """

    name: str

    def __init__(self) -> None:
        self.port = 0
        self.home = Path()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    @abstractmethod
    def url(self) -> str:
        """Where it answers."""

    @abstractmethod
    def _command(self) -> list[str]:
        """Return what to run on `self.port`; no secret may stand in it."""

    @abstractmethod
    def _environment(self) -> dict[str, str]:
        """Return what to add to the otherwise empty environment."""

    @abstractmethod
    def _ready(self) -> bool:
        """Tell whether it does its work; `httpx.TransportError` and `OSError` mean not yet."""

    @property
    def pid(self) -> int:
        """The server's process id."""
        if self._process is None:
            raise ServerFailed(f"{self.name} is not running")
        return self._process.pid

    @property
    def log_file(self) -> Path:
        """What the server printed; removed when it is stopped."""
        return self.home / "log"

    def start(self) -> Self:
        """Start the server and wait until it does its work.

        Raises:
            ServerFailed: it did not.
        """
        self.spawn()
        return self.wait()

    def spawn(self) -> None:
        """Start the process on a free port, without waiting."""
        self.home = Path(tempfile.mkdtemp(prefix=f"bridge-{self.name}-"))
        self.port = free_port()
        environment = {"PATH": os.environ.get("PATH", os.defpath), "HOME": str(self.home), **self._environment()}
        with self.log_file.open("wb") as log:
            self._process = subprocess.Popen(
                self._command(),
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self.home,
                preexec_fn=_die_with(os.getpid()),  # noqa: PLW1509  # a few system calls, on Linux only
            )

    def wait(self) -> Self:
        """Wait until the server does its work; it is started again when somebody was faster to take its port.

        Raises:
            ServerFailed: it did not start in time.
        """
        for left in reversed(range(ATTEMPTS)):
            if self._wait_once():
                return self
            taken = _PORT_TAKEN in self.log_file.read_text(errors="replace").lower()
            self.stop()
            if not (taken and left):
                break
            self.spawn()
        # Its log names tokens, so nothing of it goes into the message.
        reason = "its port is taken" if taken else "it ended, or never answered"
        raise ServerFailed(f"{self.name} did not start: {reason}")

    def stop(self) -> None:
        """Stop the server and remove its files. Twice is once."""
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(STOP_LIMIT.total_seconds())
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None
            shutil.rmtree(self.home, ignore_errors=True)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:  # fmt: skip
        self.stop()

    def _wait_once(self) -> bool:
        import httpx

        process = self._process
        end = time.monotonic() + START_LIMIT.total_seconds()
        while process is not None and time.monotonic() < end:
            with contextlib.suppress(httpx.TransportError, OSError):  # OSError: a CA file that is half written
                if self._ready():
                    return process.poll() is None
            if process.poll() is not None:
                return False
            time.sleep(POLL)
        return False


def free_port() -> int:
    """Return a port on loopback that is free at this moment."""
    with socket.create_server((LOOPBACK, 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def program(name: str, package: str) -> str:
    """Return the path of a program that a package installs, beside this Python or on the PATH.

    Raises:
        ServerFailed: it is not installed.
    """
    beside = str(Path(sys.executable).parent)
    if found := shutil.which(name, path=beside) or shutil.which(name):
        return found
    raise ServerFailed(f"the program {name!r} is not installed: it comes with the package {package} (extra 'sandbox')")


def _die_with(parent: int) -> Callable[[], None] | None:
    """Return what a child runs before it becomes the server: it asks Linux for SIGKILL when its parent ends."""
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None).prctl

    def ask() -> None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)

    return ask

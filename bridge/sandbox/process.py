"""A local server in a process of its own: started on a free port, and killed when its parent ends."""

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
"""How long a server may take until it answers."""
STOP_LIMIT = timedelta(seconds=5)
"""How long a server may take to end before it is killed."""
# A free port can be taken between the look for it and the server's start. That is rare, so few attempts suffice.
ATTEMPTS = 3
POLL = 0.02
_PR_SET_PDEATHSIG = 1
_PORT_TAKEN = "address already in use"


class ServerFailed(Exception):
    """A server did not start, or a program that it needs is not installed."""


class ServerProcess(ABC):
    """One server. Use it as a context manager, or call `start` and `stop`.

    `spawn` and `wait` are the two halves of `start`, so that several servers can start in parallel. On Linux the server
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
        """The URL at which it answers."""

    @abstractmethod
    def _command(self) -> list[str]:
        """Return the command line that serves on `self.port`.

        It must not hold a secret, because every user of the machine can read it.
        """

    @abstractmethod
    def _environment(self) -> dict[str, str]:
        """Return the variables to add to the environment, which is otherwise almost empty."""

    @abstractmethod
    def _ready(self) -> bool:
        """Return whether the server works. An `httpx.TransportError` or `OSError` means not yet.

        It is called again and again until it is True, for at most `START_LIMIT`.
        """

    @property
    def pid(self) -> int:
        """The server's process id. While it is not running, `ServerFailed` is raised."""
        if self._process is None:
            raise ServerFailed(f"{self.name} is not running")
        return self._process.pid

    @property
    def log_file(self) -> Path:
        """The server's output. It is removed when the server is stopped.

        It holds tokens, so it is only for a look by its owner.
        """
        return self.home / "log"

    def start(self) -> Self:
        """Start the server and wait until it works.

        Raises:
            ServerFailed: it did not start in time.
        """
        self.spawn()
        return self.wait()

    def spawn(self) -> None:
        """Start the process on a free port, without waiting for it.

        Its output goes to `log_file`. Its environment holds PATH, HOME, and what `_environment` returns.
        """
        self.home = Path(tempfile.mkdtemp(prefix=f"bridge-{self.name}-"))
        self.port = free_port()
        # Nothing else is passed on. The user's own AWS_ or VAULT_ variables could send a server,
        # or its libraries, elsewhere.
        environment = {"PATH": os.environ.get("PATH", os.defpath), "HOME": str(self.home), **self._environment()}
        with self.log_file.open("wb") as log:
            self._process = subprocess.Popen(
                self._command(),
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self.home,
                # A server must not outlive a test run or a demo that was killed.
                preexec_fn=_die_with(os.getpid()),  # noqa: PLW1509  # a few system calls, on Linux only
            )

    def wait(self) -> Self:
        """Wait until the server works.

        If another process took its port in the meantime, the server is started again on another one, a few times.

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
        # The log holds tokens, so nothing of it goes into the message.
        reason = "its port is taken" if taken else "it ended, or never answered"
        raise ServerFailed(f"{self.name} did not start: {reason}")

    def stop(self) -> None:
        """Stop the server and remove its files.

        A server that does not end within `STOP_LIMIT` is killed. A second call does nothing.
        """
        if self._process is not None:
            # The process is asked first, so that it can remove what it has made.
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
        """Return whether the server works before it ends and before the limit.

        If it answers but has ended, another process has its port, and the answer is False.
        """
        import httpx

        process = self._process
        end = time.monotonic() + START_LIMIT.total_seconds()
        while process is not None and time.monotonic() < end:
            with contextlib.suppress(httpx.TransportError, OSError):  # OSError: the CA file is half written
                if self._ready():
                    return process.poll() is None
            if process.poll() is not None:
                return False
            time.sleep(POLL)
        return False


def free_port() -> int:
    """Return a port on loopback that is free at this moment.

    Another process may take it before the caller does.
    """
    with socket.create_server((LOOPBACK, 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def program(name: str, package: str) -> str:
    """Return the path of a program that a package installs, beside this Python or on the PATH.

    Raises:
        ServerFailed: the program is not installed.
    """
    # A virtual environment may be used without being activated, and its programs are not on the PATH then.
    beside = str(Path(sys.executable).parent)
    if found := shutil.which(name, path=beside) or shutil.which(name):
        return found
    raise ServerFailed(f"the program {name!r} is not installed: it comes with the package {package} (extra 'sandbox')")


def _die_with(parent: int) -> Callable[[], None] | None:
    """Return a function for the child to run before it becomes the server, or None outside Linux.

    The function asks Linux for SIGKILL when the parent ends.
    """
    if sys.platform != "linux":
        return None
    # Looked up here, because little may be done between fork and exec.
    prctl = ctypes.CDLL(None).prctl

    def ask() -> None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        # The parent may have ended before the request took effect. Then no signal would come.
        if os.getppid() != parent:
            os._exit(1)

    return ask

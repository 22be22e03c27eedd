"""The agent as a process: started, killed and restarted, with sockets of its own or with those that its parent keeps.

A parent that keeps the sockets does what systemd does for a `.socket` unit (sd_listen_fds(3)): connections that come
while no agent runs wait in the kernel until the next one accepts them.
"""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

FIRST = 3
HAND_OVER = """import fcntl, os, sys
kept = [fcntl.fcntl(int(each), fcntl.F_DUPFD, 100) for each in sys.argv[1].split(",")]
for number, each in enumerate(kept):
    os.dup2(each, 3 + number)
    os.close(each)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(kept)))
os.execv(sys.argv[2], sys.argv[2:])"""
"""What runs between fork and exec: the process id in LISTEN_PID has to be the agent's own."""
PATIENCE = 60.0
"""Seconds until an agent answers, or has ended."""


class Agent:
    """An agent that may be ended and started again. `command` starts it, `port` and `path` are where it listens."""

    def __init__(self, command: Sequence[str], environ: Mapping[str, str], port: int, path: Path, log: Path) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.path = path
        self._command = command
        self._environ = environ
        self._port = port
        self._log = log
        self._kept: list[socket.socket] = []
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def keeps(self) -> bool:
        """Whether this process keeps the sockets."""
        return bool(self._kept)

    @property
    def runs(self) -> bool:
        """Whether it runs."""
        return self._process is not None

    def start(self, *, keep: bool) -> None:
        """Start it, with sockets that this process keeps or with its own, and wait until it answers."""
        if keep and not self._kept:
            self._kept = [socket.create_server(("127.0.0.1", self._port), backlog=512), _on(self.path)]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._argv(), env=dict(self._environ), stdout=log, stderr=log, start_new_session=True,
                pass_fds=[each.fileno() for each in self._kept],
            )  # fmt: skip
        self._wait()

    def kill(self) -> None:
        """Kill it, as the kernel does that has no memory left."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """End it in good order. Sockets that this process keeps stay open."""
        self._end(signal.SIGTERM)

    def reload(self) -> None:
        """Have it read its configuration again, which forgets all tokens."""
        if self._process:
            self._process.send_signal(signal.SIGHUP)

    def close(self) -> None:
        """End it, and close the sockets that this process keeps."""
        self.stop()
        for each in self._kept:
            each.close()
        if self._kept:
            self.path.unlink(missing_ok=True)
        self._kept = []

    @property
    def memory(self) -> float:
        """How much of it is in memory, in MiB."""
        assert self._process
        told = Path(f"/proc/{self._process.pid}/status").read_text()
        return int(told.partition("VmRSS:")[2].split()[0]) / 1024

    def _argv(self) -> list[str]:
        if not self._kept:
            return list(self._command)
        numbers = ",".join(str(each.fileno()) for each in self._kept)
        return [sys.executable, "-I", "-c", HAND_OVER, numbers, *self._command]

    def _end(self, number: signal.Signals) -> None:
        if self._process is None:
            return
        with suppress(ProcessLookupError):
            self._process.send_signal(number)
        self._process.wait(PATIENCE)
        self._process = None

    def _wait(self) -> None:
        """Wait for its first answer.

        Raises:
            RuntimeError: it ended instead, or it does not answer.
        """
        assert self._process
        request = f"GET /readyz HTTP/1.1\r\nHost: 127.0.0.1:{self._port}\r\nConnection: close\r\n\r\n".encode()
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end and self._process.poll() is None:
            with suppress(OSError), socket.create_connection(("127.0.0.1", self._port), timeout=PATIENCE) as http:
                http.sendall(request)
                if b" 200 " in http.recv(64):
                    return
            time.sleep(0.05)
        raise RuntimeError(f"the agent does not answer:\n{self._log.read_text(errors='replace')[-2000:]}")


def free_port() -> int:
    """Return a port of the loopback address that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


def _on(path: Path) -> socket.socket:
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    made.bind(str(path))
    path.chmod(0o600)
    made.listen(512)
    return made

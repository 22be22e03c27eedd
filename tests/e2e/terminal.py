"""A terminal at which somebody starts the installed command, reads what it shows, and types."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
import termios
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

ROOT = Path(__file__).parents[2]
PATIENCE = 60.0  # seconds of a machine that has much else to do; nothing here takes a tenth
PAUSE = 5.0  # seconds after which somebody presses a key again
PROGRAM = (
    "import fcntl, signal, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); "  # so that /dev/tty is this terminal
    "signal.signal(signal.SIGINT, signal.default_int_handler); "  # whatever the tests were started by ignores
    "from bridge.cli import main; main()"
)


class Terminal:
    """One command at a terminal of its own. Use it as a context manager; `shown` is everything that it showed."""

    def __init__(self, *args: str, environ: Mapping[str, str], home: Path) -> None:
        self.shown = ""
        self._read = 0
        self._master, self._slave = pty.openpty()
        self._process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, *args],
            stdin=self._slave,
            stdout=self._slave,
            stderr=self._slave,
            cwd=home,
            env={"PATH": os.environ["PATH"], "HOME": str(home), "PYTHONPATH": str(ROOT), "TERM": "xterm", **environ},
            start_new_session=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait(PATIENCE)
        for descriptor in (self._master, self._slave):
            os.close(descriptor)

    @property
    def echoes(self) -> bool:
        """Whether what is typed now is shown."""
        return bool(termios.tcgetattr(self._slave)[3] & termios.ECHO)

    def until(self, text: str) -> None:
        """Read until a text is shown that was not read before."""
        end = time.monotonic() + PATIENCE
        while text not in self.shown[self._read :]:
            assert self._process.poll() is None or self._more(0), f"ended without {text!r}: {self.shown}"
            assert time.monotonic() < end, f"{text!r} is not shown: {self.shown}"
            self._more(0.1)
        self._read = self.shown.index(text, self._read) + len(text)

    def type(self, text: str) -> None:
        """Type something, as a keyboard does; a line is ended by the key for that."""
        os.write(self._master, text.replace("\n", "\r").encode())

    def ended(self, pressing: str = "") -> int:
        """Read to the end; return the exit status.

        `pressing`: a key that is pressed again every few seconds. A signal that comes in the moment before a read
        begins is only heard when the read ends.
        """
        began = pressed = time.monotonic()
        while self._process.poll() is None:
            now = time.monotonic()
            assert now < began + PATIENCE, f"it does not end: {self.shown}"
            if pressing and now >= pressed + PAUSE:
                pressed = now
                self.type(pressing)
            self._more(0.1)
        while self._more(0):
            pass
        return self._process.returncode

    def _more(self, seconds: float) -> bool:
        """Read what is there, or comes within this time; tell whether there was something."""
        ready, _, _ = select.select([self._master], [], [], seconds)
        if ready:
            self.shown += os.read(self._master, 65536).decode("utf-8", "replace")
        return bool(ready)

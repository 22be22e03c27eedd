"""Lines that stay at the bottom of a terminal, below everything that is printed meanwhile."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

EVERY = 0.25  # seconds between two drawings


class Footer:
    """Draws lines on stderr, and takes them away while something is printed. Without `draw_with` it draws nothing.

    It is one for the process, as its streams are.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._lines: Callable[[], list[str]] | None = None
        self._drawn = 0
        self._ended = threading.Event()

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Keep the lines away while something is printed, by any thread."""
        with self._lock:
            self._erase()
            yield
            self._draw()

    def begin(self, lines: Callable[[], list[str]]) -> None:
        """Draw what `lines` returns, a few times a second. Each is one line that is no wider than the terminal."""
        with self._lock:
            self._lines = lines
            self._ended.clear()
        threading.Thread(target=self._keep_drawing, daemon=True).start()

    def end(self) -> None:
        """Take the lines away for good."""
        with self._lock:
            self._ended.set()
            self._erase()
            self._lines = None

    def _keep_drawing(self) -> None:
        while not self._ended.wait(EVERY):
            with self.aside():
                pass

    def _erase(self) -> None:
        if self._drawn:
            # Up to the first of them, then all below it.
            _write(f"\033[{self._drawn}A\033[J")
            self._drawn = 0

    def _draw(self) -> None:
        lines = self._lines() if self._lines and not self._ended.is_set() else []
        if lines:
            _write("".join(f"{line}\n" for line in lines))
            self._drawn = len(lines)


def _write(text: str) -> None:
    with suppress(OSError, ValueError):  # a terminal that was closed
        sys.stderr.write(text)
        sys.stderr.flush()


FOOTER = Footer()

"""Sends bytes with nothing between the look at the clock and the system call.

A process can be put to sleep anywhere, and wakes up when another one may hold its sinks. What it sends then is late. So
the clock is looked at before each piece of a request. A request whose last piece is missing is not carried out.
"""

from __future__ import annotations

import select
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

# A lease is one operation's, and connections are shared by all.
_IN_TIME: ContextVar[Callable[[], object]] = ContextVar("sinks.wire", default=lambda: None)


@contextmanager
def checked(in_time: Callable[[], object]) -> Iterator[None]:
    """Have `in_time` called before each piece that this thread sends. It raises where that would be too late."""
    token = _IN_TIME.set(in_time)
    try:
        yield
    finally:
        _IN_TIME.reset(token)


def check() -> None:
    """Raise where it is too late to send."""
    _IN_TIME.get()()


def send(sock: Any, data: bytes, left: Callable[[], float] | None = None) -> None:
    """Send all of `data` over a socket, with TLS or without.

    `left` returns how many seconds that may still take, and raises where it is none. Without it, the timeout of the
    socket counts for each wait.

    Raises:
        TimeoutError: the other end takes no more.
        OSError: the connection is broken.
        Exception: what `left` and the check (`checked`) raise. Then `data` was not sent to its end.
    """
    timeout, rest = sock.gettimeout(), memoryview(data)
    # A socket with a timeout waits before it sends, and Python lets other threads run meanwhile. It takes milliseconds
    # until this thread may go on, and what was looked at before may be over by then.
    sock.settimeout(0)
    try:
        while rest:
            check()
            seconds = left() if left else timeout
            try:
                rest = rest[sock.send(rest) :]
            except (BlockingIOError, ssl.SSLWantWriteError):
                _wait(sock, select.POLLOUT, seconds)
            except ssl.SSLWantReadError:
                _wait(sock, select.POLLIN, seconds)
    finally:
        sock.settimeout(timeout)


def _wait(sock: Any, event: int, seconds: float | None) -> None:
    poll = select.poll()
    poll.register(sock, event)
    if not poll.poll(None if seconds is None else max(0.0, seconds) * 1000):
        raise TimeoutError("timed out")


class Timed:
    """A connection of `http.client` whose every piece is checked and sent by `send`.

    It stands before the class of the connection.
    """

    sock: Any

    def send(self, data: Any) -> None:
        """Send a piece, and connect before that where it is the first one."""
        if self.sock is None:
            self.connect()  # type: ignore[attr-defined]  # of the connection
        if isinstance(data, bytes):
            send(self.sock, data)
        else:
            super().send(data)  # type: ignore[misc]  # as above

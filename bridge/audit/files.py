"""The record's file: opened safely, read from its end, appended to by one process at a time."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from bridge.audit.chain import START, Head, Line, head_in, read_line

OWNER_ONLY = 0o600
LOCK_SUFFIX = ".lock"
PATIENCE = 60.0  # seconds for the other processes of this host
CHUNK = 65536


class NotRegular(OSError):
    """It is not a plain file: writing there would go elsewhere, or wait for a reader."""


def open_safely(path: Path) -> int:
    """Open a file for appending, made for its owner only; never through a link, never anything but a plain file.

    Raises:
        OSError: it cannot be; the number says why.
    """
    flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    descriptor = os.open(path, flags, OWNER_ONLY)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise NotRegular(errno.EINVAL, "not a plain file")
    return descriptor


@contextmanager
def locked(path: Path) -> Iterator[int]:
    """Hold the lock of a file, which is a file beside it: whatever rotates the one leaves the other. Yield the lock's.

    Raises:
        OSError: it cannot be had, or not in time.
    """
    descriptor = open_safely(path.with_name(path.name + LOCK_SUFFIX))
    try:
        _lock(descriptor)
        yield descriptor
    finally:
        os.close(descriptor)  # and the lock with it


def _lock(descriptor: int) -> None:
    """Wait for the lock in the kernel's own queue, in a thread: asking again and again starves some of a hundred.

    Raises:
        OSError: it cannot be had in time; when the thread gets it later, it gives it back at once.
    """
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        shared, had = os.dup(descriptor), threading.Event()  # a lock is the open file's, not the number's

        def wait() -> None:
            try:
                fcntl.flock(shared, fcntl.LOCK_EX)
                had.set()
            finally:
                os.close(shared)

        threading.Thread(target=wait, daemon=True).start()
        if not had.wait(PATIENCE):
            raise OSError(errno.ETIMEDOUT, "locked") from None


def append(descriptor: int, lines: bytes) -> None:
    """Append whole lines, and make sure that they are on the disk; what was written in part is taken back.

    A part that somebody else left is ended first, so that every line begins where a line begins.

    Raises:
        OSError: nothing was appended, or it is not known to be on the disk.
    """
    size = os.fstat(descriptor).st_size
    if size and os.pread(descriptor, 1, size - 1) != b"\n":
        lines = b"\n" + lines
    left = memoryview(lines)
    try:
        while left:
            left = left[os.write(descriptor, left) :]
        os.fsync(descriptor)
    except OSError:
        with suppress(OSError):  # a file that may only be appended to keeps the part
            os.ftruncate(descriptor, size)
        raise


def last_line(descriptor: int) -> Line | None:
    """Return the last whole line; None where there is none."""
    begin = os.fstat(descriptor).st_size
    text = b""
    while begin > 0:
        step = min(CHUNK, begin)
        begin -= step
        text = os.pread(descriptor, step, begin) + text
        whole = text.split(b"\n") if begin == 0 else text.split(b"\n")[1:]  # the first one may begin further up
        found = next((line for raw in reversed(whole) if raw and (line := read_line(raw))), None)
        if found:
            return found
    return None


def lines_of(descriptor: int) -> Iterator[bytes]:
    """Yield every line from the beginning, as it stands there."""
    with os.fdopen(os.dup(descriptor), "rb") as file:
        file.seek(0)
        yield from file


def remember(lock: int, head: Head) -> None:
    """Note the latest head in the lock's file: a new file goes on from there when the old one was moved away."""
    with suppress(OSError):  # the file itself is what counts
        os.ftruncate(lock, 0)
        os.write(lock, f"{head}\n".encode())


def remembered(lock: int) -> Head:
    """Return the head that was noted last; the beginning of a chain where there is none."""
    return head_in(os.pread(lock, CHUNK, 0).decode("ascii", "replace")) or START


def sync_directory(path: Path) -> None:
    """Make sure that a new file's name is on the disk, too.

    Raises:
        OSError: it is not known to be.
    """
    descriptor = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

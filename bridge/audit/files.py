"""The file of the audit record: opened safely, read from its end, and appended to by one process at a time."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from bridge.audit.chain import START, Head, Line, head_in, read_line
from bridge.config.audit import LOCK
from sinks.files import LARGEST, exposure

OWNER_ONLY = 0o600
PATIENCE = 60.0  # seconds to wait for the other processes of this host
CHUNK = 65536


class Unsafe(OSError):
    """The file or its directory is not one that only this user and root can change. The text says why."""


def open_safely(path: Path) -> int:
    """Open a plain file for reading and appending, and return its descriptor.

    A new file is readable for its owner only. Links are not followed. The file is not left open if it is a pipe or a
    device, or if another user could have put it there, or could write to it or to its directory.

    Raises:
        OSError: the file cannot be opened, and `errno` says why. `Unsafe` if it is not one to write to.
    """
    # The directory is kept open, so that the file is one in the directory that was looked at.
    directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for found in (path.parent.lstat(), os.fstat(directory)):
            if (why := exposure(found)) is not None:
                raise Unsafe(f"its directory {why}")
        return _open_in(directory, path.name)
    finally:
        os.close(directory)


def _open_in(directory: int, name: str) -> int:
    # O_NONBLOCK: opening a pipe must not wait for its other end.
    # O_NOFOLLOW: with a link in place of the file, another user of the
    # directory could choose what the bridge appends to.
    flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    descriptor = os.open(name, flags, OWNER_ONLY, dir_fd=directory)
    found = os.fstat(descriptor)
    why = exposure(found)
    if not stat.S_ISREG(found.st_mode):
        why = "is not a plain file"
    elif found.st_nlink > 1:
        # A hard link to another file of ours would be appended to like the record.
        why = "has more than one name (hard links)"
    if why is not None:
        os.close(descriptor)
        raise Unsafe(f"it {why}")
    return descriptor


@contextmanager
def locked(path: Path) -> Iterator[int]:
    """Hold the lock of a file, and yield the descriptor of the lock file.

    The lock is a file of its own beside it (`PATH.lock`), because logrotate may move the file itself away.

    Raises:
        OSError: the lock file cannot be opened, or another process holds the lock for longer than `PATIENCE`.
    """
    descriptor = open_safely(path.with_name(path.name + LOCK))
    try:
        _lock(descriptor)
        yield descriptor
    finally:
        os.close(descriptor)  # this releases the lock, too


def _lock(descriptor: int) -> None:
    """Wait for the lock in the kernel's queue, in a thread of its own.

    Polling would starve some of a hundred processes. If the thread gets the lock too late, it releases it at once.

    Raises:
        OSError: the lock was not free in time.
    """
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        # flock belongs to the open file, not to the descriptor, so a duplicate can take it for `descriptor`.
        # flock(2) has no timeout of its own, and SIGALRM belongs to the main thread, so another thread waits.
        shared, had = os.dup(descriptor), threading.Event()

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
    """Append whole lines, and wait until they are on the disk (fsync).

    If writing fails, the part that was written is removed again. If the file ends with a torn line of another process,
    a line break comes first, so that every new line begins on a line of its own. The caller must hold the lock.

    A process that dies in here leaves a torn line at most. Readers skip it, and the chain goes on
    from the last whole line.

    Raises:
        OSError: nothing was appended, or the lines are not known to be on the disk.
    """
    # A machine that died while it wrote has left half a line. Without a line
    # break the next whole line would be lost in it.
    size = os.fstat(descriptor).st_size
    if size and os.pread(descriptor, 1, size - 1) != b"\n":
        lines = b"\n" + lines
    # `os.write` may take a part only, for example when the disk is almost full.
    left = memoryview(lines)
    try:
        while left:
            left = left[os.write(descriptor, left) :]
        # The caller changes a secret right after this. A line that is still in the
        # page cache would not survive a power failure.
        os.fsync(descriptor)
    except OSError:
        with suppress(OSError):  # a file with the attribute append-only (chattr +a) keeps the part
            os.ftruncate(descriptor, size)
        raise


def last_line(descriptor: int) -> Line | None:
    """Return the last whole line, or None if the file has none.

    The file is read from its end, in growing pieces. Torn lines are skipped.

    The file may be large, and a command is started often. So the cost depends on the last line's
    length, not on the file's.
    """
    begin = os.fstat(descriptor).st_size
    text = b""
    while begin > 0:
        step = min(CHUNK, begin)
        begin -= step
        text = os.pread(descriptor, step, begin) + text
        whole = text.split(b"\n") if begin == 0 else text.split(b"\n")[1:]  # the first line may begin further up
        found = next((line for raw in reversed(whole) if raw and (line := read_line(raw))), None)
        if found:
            return found
    return None


def in_lines(file: IO[bytes]) -> Iterator[bytes]:
    """Yield the lines of an open file. A line that is longer than every line of a record comes in pieces."""
    # Otherwise a file without a line break would be held in memory as a whole.
    return iter(lambda: file.readline(LARGEST), b"")


def remember(lock: int, head: Head) -> None:
    """Store the latest head in the lock file.

    When the record's file is moved away, the new file continues the chain from there. A failure is ignored.
    """
    with suppress(OSError):  # while the record's file is there, its own last line counts
        os.ftruncate(lock, 0)
        os.write(lock, f"{head}\n".encode())


def remembered(lock: int) -> Head:
    """Return the head that was stored last in the lock file, or the beginning of a chain if there is none.

    The caller must hold the lock.
    """
    # What another program wrote into the lock file must not stop the record, so
    # text that cannot be understood counts as none.
    return head_in(os.pread(lock, CHUNK, 0).decode("ascii", "replace")) or START


def sync_directory(path: Path) -> None:
    """Wait until the name of a new file is on the disk, too (fsync of its directory).

    Raises:
        OSError: the name is not known to be on the disk.
    """
    # fsync of a file covers its content. The entry in its directory is a write
    # of its own, and after a crash it may be missing.
    descriptor = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

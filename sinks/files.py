"""Files that a user names: what may be read as one, and who else could change it."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import IO

LARGEST = 2**20
"""The most bytes of a file that is read whole, where nothing else is said: a token, a key."""


class Unfit(OSError):
    """A file that is not read, because it is not a regular one, or too large. The text says which."""


def read(path: Path, largest: int = LARGEST) -> bytes:
    """Return the content of a regular file of at most `largest` bytes.

    A device, a pipe or a file that grows meanwhile can neither hold up this process nor fill its memory.

    Raises:
        Unfit: the file is something else, or larger.
        OSError: it cannot be read.
        ValueError: there is no such path, on any system.
    """
    with opened(path) as file:
        found = file.read(largest + 1)
    if len(found) > largest:
        raise Unfit(f"has more than {largest >> 20} MiB")
    return found


def opened(path: Path) -> IO[bytes]:
    """Open a regular file for reading, whatever its size.

    Raises:
        Unfit: it is something else, such as a pipe.
        OSError: it cannot be opened.
        ValueError: there is no such path, on any system.
    """
    # O_NONBLOCK: opening a pipe must not wait for its other end.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    mode = os.fstat(descriptor).st_mode
    if stat.S_ISREG(mode):
        return os.fdopen(descriptor, "rb")
    os.close(descriptor)
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, "a directory")
    raise Unfit("is not a regular file")


def exposure(found: os.stat_result) -> str | None:
    """Return how somebody else could change a file or a directory, or None if only this user and root can.

    The answer continues a sentence, such as "the file may be written to by its group". Whoever may write to a directory
    can replace the files in it, unless it has the sticky bit.
    """
    if found.st_uid not in (os.geteuid(), 0):
        return "belongs to another user"
    if stat.S_ISLNK(found.st_mode) or (stat.S_ISDIR(found.st_mode) and found.st_mode & stat.S_ISVTX):
        return None  # the mode of a link means nothing
    if found.st_mode & stat.S_IWOTH:
        return "may be written to by everybody"
    if found.st_mode & stat.S_IWGRP and not _is_own_group(found.st_gid):
        return "may be written to by its group"
    return None


def _is_own_group(gid: int) -> bool:
    """Return whether a group is this user's alone. Most systems make such a group, and then use the umask 002."""
    import grp
    import pwd

    if os.geteuid() == 0:
        return False  # nothing is made with umask 002 for root
    try:
        user, group = pwd.getpwuid(os.geteuid()), grp.getgrgid(gid)
    except KeyError:
        return False
    return (user.pw_gid, user.pw_name) == (gid, group.gr_name) and set(group.gr_mem) <= {user.pw_name}

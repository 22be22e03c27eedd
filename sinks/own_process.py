"""What other processes can read of this one."""

from __future__ import annotations

import os
from pathlib import Path

STAT = Path("/proc/self/stat")
_BEGIN, _END = 47, 48  # env_start and env_end (proc_pid_stat(5): fields 50 and 51), counted after the name
_LONGEST = 64 * 2**20  # bytes: more than any system allows for arguments and environment


def hide_environment() -> None:
    """Blank the environment that this process was started with, as others see it in `/proc/PID/environ`.

    A child may read it there, and so have the credentials that were kept out of its own environment. `os.environ`, and
    the environment that C libraries see, stay as they are. Call it before a child is started. Where there is no `/proc`
    it does nothing.
    """
    try:
        fields = STAT.read_text("utf-8", "replace").rpartition(")")[2].split()
        begin, size = int(fields[_BEGIN]), int(fields[_END]) - int(fields[_BEGIN])
    except (OSError, ValueError, IndexError):
        return
    if begin <= 0 or not 0 < size < _LONGEST:
        return
    import ctypes

    # A copy of each variable first, because C libraries hold pointers to the texts that are blanked.
    for name, text in os.environ.items():
        os.putenv(name, text)
    ctypes.memset(begin, 0, size)

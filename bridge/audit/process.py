"""The identity of the process that wrote a line, by which a later process can find out whether it still runs."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any

PROC = Path("/proc")


def this_process() -> dict[str, Any]:
    """Return the identity of this process: its id, its start, the machine's boot, and its namespace of process ids.

    The last three distinguish it from a later process with the same id. They come from `/proc`, and so are None on
    systems other than Linux.
    """
    pid = os.getpid()
    return {"pid": pid, "started": _started(pid), "boot": _boot(), "space": _space()}


def host() -> str:
    """Return this machine's host name.

    A container has its own name, so two names can stand for one machine. `runs` therefore compares the boot as well.
    """
    return socket.gethostname()


def runs(told: Mapping[str, Any], of_host: object) -> bool | None:
    """Return whether the process that a line names still runs, or None if that cannot be seen from here.

    `told` is a process as `this_process` describes it, and `of_host` the host of the same line. A process of another
    host, or in another namespace of process ids, cannot be seen. If the line names this very process, the answer is
    False, because the attempt that it began earlier is over.
    """
    # A process id alone proves nothing: ids are used again, and a container counts its own from 1. Taking
    # another process for the writer would leave a dead attempt open for ever.
    mine, pid = this_process(), told.get("pid")
    if not isinstance(pid, int) or told == mine:
        return False
    same_host = of_host == host()
    if told.get("boot") != mine["boot"]:  # the machine was rebooted since, or it is another machine
        return False if same_host and told.get("boot") and mine["boot"] else None
    # From another namespace the same number means another process, and the writer cannot be seen at all.
    if told.get("space") != mine["space"] or (mine["boot"] is None and not same_host):
        return None
    return _started(pid) == told["started"] if told.get("started") else _exists(pid)


def _started(pid: int) -> str | None:
    """Return the start of a process in clock ticks since the boot (proc_pid_stat(5), field 22).

    None means that there is no such process, or no `/proc`.
    """
    try:
        stat = (PROC / str(pid) / "stat").read_text("utf-8", "replace")
    except OSError:
        return None
    return stat.rpartition(")")[2].split()[19]  # field 2, the name in parentheses, may hold spaces


def _boot() -> str | None:
    try:
        return (PROC / "sys/kernel/random/boot_id").read_text("ascii").strip()
    except (OSError, ValueError):
        return None


def _space() -> str | None:
    try:
        return str((PROC / "self/ns/pid").readlink())
    except OSError:
        return None


def _exists(pid: int) -> bool:
    try:
        # Signal 0 only checks. It is the way of systems without `/proc`.
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True  # it runs, and belongs to another user
    return True

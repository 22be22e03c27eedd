"""Which process wrote a line, so that a later one can tell whether it still runs."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any

PROC = Path("/proc")


def this_process() -> dict[str, Any]:
    """Return who this process is: its id, when it started, in which boot of the machine and which id namespace.

    What the system does not tell (`/proc` is Linux's) is null.
    """
    pid = os.getpid()
    return {"pid": pid, "started": _started(pid), "boot": _boot(), "space": _space()}


def host() -> str:
    """Return this machine's name."""
    return socket.gethostname()


def runs(told: Mapping[str, Any], of_host: object) -> bool | None:
    """Tell whether another process that a line names still runs; None: that cannot be told from here.

    This very process counts as another one's end: what it began before is over.
    """
    mine, pid = this_process(), told.get("pid")
    if not isinstance(pid, int) or told == mine:
        return False
    same_host = of_host == host()
    if told.get("boot") != mine["boot"]:  # the machine was started anew, or it is another one
        return False if same_host and told.get("boot") and mine["boot"] else None
    if told.get("space") != mine["space"] or (mine["boot"] is None and not same_host):
        return None
    return _started(pid) == told["started"] if told.get("started") else _exists(pid)


def _started(pid: int) -> str | None:
    """Return when a process started, in ticks since the boot (proc_pid_stat(5), field 22)."""
    try:
        stat = (PROC / str(pid) / "stat").read_text("utf-8", "replace")
    except OSError:
        return None
    return stat.rpartition(")")[2].split()[19]


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
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True  # somebody else's
    return True

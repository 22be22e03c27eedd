"""Where lines go: a file with its chain, the system's log, or standard error."""

from __future__ import annotations

import errno
import json
import os
import socket
import sys
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

from bridge.audit import files, process, records
from bridge.audit.chain import SCHEMA, Chain, Head, read_line
from bridge.model.errors import Failed
from sinks.record import unstamp

ELSEWHERE = timedelta(days=1)
"""A beginning whose process cannot be seen from here (another container, another machine) counts as dead after this."""

SYSTEM_LOGS = ("/dev/log", "/var/run/syslog")
PRIORITY = 10 * 8 + 5  # authpriv, notice (RFC 5424, section 6.2.1)
SEND_TIMEOUT = 2.0  # seconds


class NotWritten(Failed):
    """A line could not be written."""


class Target(Protocol):
    """Where lines go."""

    def begin(self, attempt: records.Attempt, at: datetime) -> Head | None:
        """Write the first line of an attempt, for good; return its head where there is a chain.

        Raises:
            NotWritten: it could not be written.
        """
        ...

    def end(self, told: Mapping[str, Any]) -> Head | None:
        """Write the last line; return its head where there is a chain.

        Raises:
            NotWritten: it could not be written.
        """
        ...


class FileTarget:
    """A file that is appended to, with a chain. It is opened anew for each line: it may have been moved away."""

    def __init__(self, path: Path, chain: Chain) -> None:
        self._path = path
        self._chain = chain

    def begin(self, attempt: records.Attempt, at: datetime) -> Head:
        """Close what died of the same client, then begin (`Target.begin`)."""

        def told(descriptor: int) -> Iterator[Mapping[str, Any]]:
            for begun in abandoned(files.lines_of(descriptor), attempt, at):
                yield records.died(begun, attempt, at)
            yield records.begin(attempt, at)

        return self._append(told)

    def end(self, told: Mapping[str, Any]) -> Head:
        """Write one line (`Target.end`)."""
        return self._append(lambda _: iter((told,)))

    def _append(self, told: Callable[[int], Iterator[Mapping[str, Any]]]) -> Head:
        try:
            with files.locked(self._path) as lock:
                descriptor = files.open_safely(self._path)
                try:
                    return self._sealed(descriptor, lock, told)
                finally:
                    os.close(descriptor)
        except OSError as error:
            raise NotWritten(f"the audit record cannot be written to {self._path}: {_why(error)}", _remedy()) from None

    def _sealed(self, descriptor: int, lock: int, told: Callable[[int], Iterator[Mapping[str, Any]]]) -> Head:
        last = files.last_line(descriptor)
        if last and last.key != self._chain.key_id:
            raise NotWritten(
                f"the audit record {self._path} was written with another key ({last.key}, now {self._chain.key_id})",
                "keep the old key to verify it; move the file away: a new one goes on from its last line",
            )
        head, text = last.head if last else files.remembered(lock), b""
        for each in told(descriptor):
            line, head = self._chain.seal(each, head)
            text += line
        if last is None:
            files.sync_directory(self._path)  # first: whoever finds a line does not do it again
        files.append(descriptor, text)
        files.remember(lock, head)
        return head


class SystemLog:
    """The system's log; it has no chain."""

    def begin(self, attempt: records.Attempt, at: datetime) -> None:
        """Send it (`Target.begin`)."""
        self.end(records.begin(attempt, at))

    def end(self, told: Mapping[str, Any]) -> None:
        """Send it (`Target.end`)."""
        try:
            send(_plain(told))
        except OSError as error:
            raise NotWritten(f"the audit record cannot be sent to syslog: {_why(error)}", _remedy()) from None


class StandardError:
    """Standard error, for whatever collects it; it has no chain."""

    def begin(self, attempt: records.Attempt, at: datetime) -> None:
        """Print it (`Target.begin`)."""
        self.end(records.begin(attempt, at))

    def end(self, told: Mapping[str, Any]) -> None:
        """Print it (`Target.end`)."""
        try:
            if sys.stderr is None:
                raise OSError(errno.EBADF, "closed")
            sys.stderr.write(f"{_plain(told)}\n")
            sys.stderr.flush()
        except (OSError, ValueError) as error:  # ValueError: it was closed
            why = _why(error) if isinstance(error, OSError) else "it is closed"
            raise NotWritten(f"the audit record cannot be written to standard error: {why}", _remedy()) from None


def send(text: str) -> None:
    """Send a line to the system's log.

    Raises:
        OSError: it does not take it.
    """
    message = f"<{PRIORITY}>secret-bridge[{os.getpid()}]: {text}".encode()
    path = next((path for path in SYSTEM_LOGS if Path(path).exists()), SYSTEM_LOGS[0])
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as system_log:
        system_log.settimeout(SEND_TIMEOUT)
        system_log.connect(path)
        system_log.send(message)


def abandoned(lines: Iterator[bytes], attempt: records.Attempt, at: datetime) -> list[Mapping[str, Any]]:
    """Return the beginnings of the same client without an end, whose processes are dead."""
    named = json.dumps(attempt.client_id).encode()
    begun: dict[int, Mapping[str, Any]] = {}
    for raw in lines:
        line = read_line(raw) if named in raw else None
        if line is None or (line.told.get("client_id"), line.told.get("tenant")) != (attempt.client_id, attempt.tenant):
            continue
        if line.told.get("event") == records.BEGIN:
            begun[line.head.seq] = line.told
        elif line.told.get("event") == records.END:
            begun.pop(line.told.get("begin") or 0, None)
    return [told for told in begun.values() if _dead(told, at)]


def _dead(begun: Mapping[str, Any], now: datetime) -> bool:
    told, at = begun.get("process"), begun.get("at")
    runs = process.runs(told, begun.get("host")) if isinstance(told, dict) else None
    if runs is not None:
        return not runs
    since = unstamp(at) if isinstance(at, str) else None
    return now - (since or datetime.min.replace(tzinfo=UTC)) > ELSEWHERE


def _plain(told: Mapping[str, Any]) -> str:
    return json.dumps({"schema": SCHEMA, **told}, separators=(",", ":"))


def _why(error: OSError) -> str:
    """Return the system's own words for an error's number, and for two of them better ones."""
    if isinstance(error, files.NotRegular):
        return "it is not a plain file"
    known = {errno.ELOOP: "it is a link, which is not followed", errno.ETIMEDOUT: "another process holds its lock"}
    return known.get(error.errno or 0) or os.strerror(error.errno or 0)


def _remedy() -> str:
    return "mend that; or, if nothing shall be recorded, take [audit] out of the configuration (BRIDGE_AUDIT)"

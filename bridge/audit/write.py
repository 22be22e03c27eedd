"""The targets of the audit record: a file with a chain, the system's log, or standard error."""

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
from bridge.audit.index import Index
from bridge.model.errors import Failed
from sinks.record import unstamp

ELSEWHERE = timedelta(days=1)
"""The age after which an attempt counts as dead if its process cannot be seen (another container or machine)."""

# The first is Linux's, the second is macOS's.
SYSTEM_LOGS = ("/dev/log", "/var/run/syslog")
PRIORITY = 10 * 8 + 5  # authpriv, notice (RFC 5424, section 6.2.1)
# A log daemon that hangs must not hold up a rotation.
SEND_TIMEOUT = 2.0  # seconds


class NotWritten(Failed):
    """A line could not be written.

    For the first line it means that nothing may be changed. For the last one the change is done,
    and only its end is missing.
    """


class Target(Protocol):
    """A target that the lines of attempts are written to."""

    def begin(self, attempt: records.Attempt, at: datetime) -> Head | None:
        """Write the first line of an attempt, and return its head, or None if there is no chain.

        A file's line is on the disk when this returns, because the caller goes on to change something.

        Raises:
            NotWritten: the line could not be written.
        """
        ...

    def end(self, told: Mapping[str, Any]) -> Head | None:
        """Write the last line of an attempt, and return its head, or None if there is no chain.

        Raises:
            NotWritten: the line could not be written.
        """
        ...


class FileTarget:
    """A file with a chain, which lines are appended to, by any number of threads.

    It is opened again for each line, because logrotate may have moved it away since.
    """

    def __init__(self, path: Path, chain: Chain) -> None:
        self._path = path
        self._chain = chain
        self._index = Index()

    def begin(self, attempt: records.Attempt, at: datetime) -> Head:
        """Write the last lines of the same client's dead attempts, then the first line of this one (`Target.begin`)."""

        def told(descriptor: int) -> Iterator[Mapping[str, Any]]:
            for begun in abandoned(self._index.lines(descriptor, attempt.client_id), attempt, at):
                yield records.died(begun, attempt, at)
            yield records.begin(attempt, at)

        return self._append(told)

    def end(self, told: Mapping[str, Any]) -> Head:
        """Write one line (`Target.end`).

        The line is on the disk when this returns.
        """
        return self._append(lambda _: iter((told,)))

    def _append(self, told: Callable[[int], Iterator[Mapping[str, Any]]]) -> Head:
        try:
            with files.locked(self._path) as lock:
                # Opened under the lock: logrotate may rename the file at any moment, and a
                # line in the renamed one would fork the chain.
                descriptor = files.open_safely(self._path)
                try:
                    return self._sealed(descriptor, lock, told)
                finally:
                    os.close(descriptor)
        except OSError as error:
            raise NotWritten(f"the audit record cannot be written to {self._path}: {_why(error)}", _remedy()) from None

    def _sealed(self, descriptor: int, lock: int, told: Callable[[int], Iterator[Mapping[str, Any]]]) -> Head:
        last = files.last_line(descriptor)
        # Two keys in one file could not be verified in one go, and a chain that
        # changes keys could be forged from there on.
        if last and last.key != self._chain.key_id:
            raise NotWritten(
                f"the audit record {self._path} was written with another key ({last.key}, now {self._chain.key_id})",
                "keep the old key to verify it; move the file away: a new one goes on from its last line",
            )
        head, text = last.head if last else files.remembered(lock), b""
        # The closing lines of dead attempts and the new first line are one write, so no death can separate them.
        for each in told(descriptor):
            line, head = self._chain.seal(each, head)
            text += line
        if last is None:
            files.sync_directory(self._path)  # before the line, because the next process only does it in an empty file
        files.append(descriptor, text)
        files.remember(lock, head)
        return head


class SystemLog:
    """The system's log, which has no chain."""

    def begin(self, attempt: records.Attempt, at: datetime) -> None:
        """Send the first line (`Target.begin`).

        The log daemon has the line when this returns. Nothing tells whether it keeps it.
        """
        self.end(records.begin(attempt, at))

    def end(self, told: Mapping[str, Any]) -> None:
        """Send the last line (`Target.end`).

        Raises:
            NotWritten: there is no such log, or it does not take the line.
        """
        try:
            send(_plain(told))
        except OSError as error:
            raise NotWritten(f"the audit record cannot be sent to syslog: {_why(error)}", _remedy()) from None


class StandardError:
    """Standard error, for the collector of a container. It has no chain, and the lines may be lost there."""

    def begin(self, attempt: records.Attempt, at: datetime) -> None:
        """Print the first line (`Target.begin`)."""
        self.end(records.begin(attempt, at))

    def end(self, told: Mapping[str, Any]) -> None:
        """Print the last line (`Target.end`).

        It is flushed at once, so that a process that is killed later has shown it.

        Raises:
            NotWritten: the stream is closed or broken.
        """
        try:
            if sys.stderr is None:
                raise OSError(errno.EBADF, "closed")
            sys.stderr.write(f"{_plain(told)}\n")
            sys.stderr.flush()
        except (OSError, ValueError) as error:  # ValueError: the stream was closed
            why = _why(error) if isinstance(error, OSError) else "it is closed"
            raise NotWritten(f"the audit record cannot be written to standard error: {why}", _remedy()) from None


def send(text: str) -> None:
    """Send a line to the system's log, by its local socket.

    Raises:
        OSError: there is no such log, or it does not accept the line in time.
    """
    message = f"<{PRIORITY}>secret-bridge[{os.getpid()}]: {text}".encode()
    path = next((path for path in SYSTEM_LOGS if Path(path).exists()), SYSTEM_LOGS[0])
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as system_log:
        system_log.settimeout(SEND_TIMEOUT)
        # A datagram socket: one line is one message, and no connection has to be kept alive between them.
        system_log.connect(path)
        system_log.send(message)


def abandoned(lines: Iterator[bytes], attempt: records.Attempt, at: datetime) -> list[Mapping[str, Any]]:
    """Return the first lines of the same client's attempts that have no last line, and whose processes are dead.

    `lines` are those of the record's present file, so an attempt in a file that was moved away is not found.

    An attempt of another process that still runs is not among them, nor one of which that cannot
    be seen, for `ELSEWHERE`.
    """
    begun: dict[int, Mapping[str, Any]] = {}
    for raw in lines:
        line = read_line(raw)
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
    # Where the process can be seen, its age does not matter: an operation may wait long for `consumer_refresh`.
    if runs is not None:
        return not runs
    since = unstamp(at) if isinstance(at, str) else None
    return now - (since or datetime.min.replace(tzinfo=UTC)) > ELSEWHERE


def _plain(told: Mapping[str, Any]) -> str:
    return json.dumps({"schema": SCHEMA, **told}, separators=(",", ":"))


def _why(error: OSError) -> str:
    """Return the reason of an error in the system's words, or in clearer ones for a link, a lock, or an unsafe file."""
    if isinstance(error, files.Unsafe):
        return str(error)
    known = {errno.ELOOP: "it is a link, which is not followed", errno.ETIMEDOUT: "another process holds its lock"}
    return known.get(error.errno or 0) or os.strerror(error.errno or 0)


def _remedy() -> str:
    return "mend that; or, if nothing shall be recorded, take [audit] out of the configuration (BRIDGE_AUDIT)"

"""One attempt's record: its beginning before anything is changed, its end whatever became of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bridge.audit import records, write
from bridge.audit.chain import LEAST_KEY, Chain, Head
from bridge.model.errors import Usage

if TYPE_CHECKING:
    from bridge.config.settings import AuditSettings
    from bridge.model.trail import Trail
    from sinks.port import Sink
    from sinks.secret import Secret

FILE = "file:"


class Recorder:
    """Writes both lines of one attempt."""

    def __init__(self, target: write.Target, attempt: records.Attempt, trail: Trail, place: str) -> None:
        self._target = target
        self._attempt = attempt
        self._trail = trail
        self._place = place
        self._begun: Head | None = None
        self._started = time.monotonic()

    @property
    def id(self) -> str:
        """The attempt's id."""
        return self._attempt.id

    def begin(self) -> None:
        """Write the beginning.

        Raises:
            NotWritten: nothing may be changed now.
        """
        self._begun = self._target.begin(self._attempt, datetime.now(UTC))
        self._trail.head = str(self._begun or "")

    def end(self, became: Mapping[str, Any]) -> Head | None:
        """Write the end, and tell the system's log its anchor where there are both; return it.

        Raises:
            NotWritten: the next command of this client will.
        """
        begun, seconds = self._begun.seq if self._begun else None, time.monotonic() - self._started
        told = records.end(
            self._attempt, datetime.now(UTC), begun=begun, became=became, trail=self._trail, seconds=seconds
        )
        head = self._target.end(told)
        if head is not None:
            with suppress(OSError):  # where there is none, or it is full: the outcome and the places hold anchors too
                write.send(f"audit anchor {head} of {self._attempt.host}:{self._place}")
        return head


def target_of(settings: AuditSettings, resolve: Callable[[str], Secret]) -> write.Target:
    """Return where lines go.

    Raises:
        Usage: the key cannot be had, or is too short.
    """
    if settings.to.startswith(FILE):
        return write.FileTarget(path_of(settings), chain_of(settings, resolve))
    return write.SystemLog() if settings.to == "syslog" else write.StandardError()


def path_of(settings: AuditSettings) -> Path:
    """Return the file's path."""
    return Path(settings.to.removeprefix(FILE))


def chain_of(settings: AuditSettings, resolve: Callable[[str], Secret]) -> Chain:
    """Return the chain that the settings mean.

    Raises:
        Usage: the key cannot be had, or is too short.
    """
    key = resolve(settings.key) if settings.key else None
    if key is not None and len(key.reveal()) < LEAST_KEY:
        raise Usage(f"the audit key ({settings.key}) is too short: expected at least {LEAST_KEY} characters")
    return Chain(key)


def proven(sinks: Mapping[str, Sink]) -> dict[str, Mapping[str, str] | None]:
    """Ask each vault once whom it takes us for; null where it does not say."""
    found: dict[str, Mapping[str, str] | None] = {}
    for uri, sink in sinks.items():
        name = uri.partition("://")[0]
        if name not in found:
            found[name] = _asked(sink)
    return found


def _asked(sink: Sink) -> Mapping[str, str] | None:
    try:
        return sink.caller() or None
    except Exception:  # noqa: BLE001  # whatever it is: a record without this is better than no operation
        return None

"""The recorder of one attempt: it writes a line before the first change, and a line at the end, whatever the result."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bridge.audit import records, write
from bridge.audit.chain import LEAST_KEY, Chain, Head
from bridge.config.audit import FILE
from bridge.model.errors import Usage

if TYPE_CHECKING:
    from bridge.config.settings import AuditSettings
    from bridge.model.trail import Trail
    from sinks.port import Readable
    from sinks.secret import Secret
    from sinks.shared import Shared

KNOWN = 300.0
"""For so many seconds a vault's answer about the caller counts."""


class Recorder:
    """Writes both lines of one attempt.

    `begin` must be called before anything is changed. `state` is the path of the record's file, which the anchor in the
    system's log names.
    """

    def __init__(self, target: write.Target, attempt: records.Attempt, trail: Trail, state: str) -> None:
        self._target = target
        self._attempt = attempt
        self._trail = trail
        self._state = state
        self._begun: Head | None = None
        # Monotonic, because the wall clock may be set while an operation waits.
        self._started = time.monotonic()

    @property
    def id(self) -> str:
        """The attempt's id, which Auth0 gets as the correlation id of each change."""
        return self._attempt.id

    def begin(self) -> None:
        """Write the first line, and note its anchor in the trail, which goes into the sinks' metadata.

        Raises:
            NotWritten: the line could not be written. The caller must not change anything then.
        """
        self._begun = self._target.begin(self._attempt, datetime.now(UTC))
        self._trail.head = str(self._begun or "")

    def end(self, became: Mapping[str, Any]) -> Head | None:
        """Write the last line, and return its head, or None if the target has no chain.

        The head also goes to the system's log as an anchor, if there is such a log.

        Raises:
            NotWritten: the line could not be written. The next command about this client writes it instead.
        """
        begun, seconds = self._begun.seq if self._begun else None, time.monotonic() - self._started
        told = records.end(
            self._attempt, datetime.now(UTC), begun=begun, became=became, trail=self._trail, seconds=seconds
        )
        head = self._target.end(told)
        if head is not None:
            with suppress(OSError):  # without that log, the outcome and the sinks still hold anchors
                write.send(f"audit anchor {head} of {self._attempt.host}:{self._state}")
        return head


def target_of(settings: AuditSettings, resolve: Callable[[str], Secret]) -> write.Target:
    """Return the target that the settings name.

    Raises:
        Usage: the key cannot be read, or is too short.
    """
    if settings.to.startswith(FILE):
        return write.FileTarget(path_of(settings), chain_of(settings, resolve))
    return write.SystemLog() if settings.to == "syslog" else write.StandardError()


def path_of(settings: AuditSettings) -> Path:
    """Return the path of the record's file. The settings must name a file.

    No file is opened here.
    """
    return Path(settings.to.removeprefix(FILE))


def chain_of(settings: AuditSettings, resolve: Callable[[str], Secret]) -> Chain:
    """Return the chain with the key that the settings refer to, or without a key if they name none.

    The key is fetched from where the reference points, which may be a vault.

    Raises:
        Usage: the key cannot be read, or is shorter than `LEAST_KEY`.
    """
    key = resolve(settings.key) if settings.key else None
    # Anybody with a copy of the record can try keys against a line without limit, so a short key would be guessed.
    if key is not None and len(key.reveal()) < LEAST_KEY:
        raise Usage(f"the audit key ({settings.key}) is too short: expected at least {LEAST_KEY} characters")
    return Chain(key)


def proven(sinks: Mapping[str, Readable], shared: Shared) -> dict[str, Mapping[str, str] | None]:
    """Return the identity of the caller as each vault sees it, by the vault's name.

    Each vault is asked once, however many of the sinks it holds, and once in `KNOWN` seconds for all attempts with the
    same `shared`. The identity is None if the vault does not tell it. A failure here never stops an operation, and the
    next attempt asks again.
    """
    now = time.monotonic()
    found: dict[str, Mapping[str, str] | None] = {}
    # Not one request for each key of `shared`: those who wait for one that fails would then wait for each other.
    known = shared.one(proven, dict[str, tuple[Mapping[str, str], float]])
    for uri, sink in sinks.items():
        name = uri.partition("://")[0]
        # One request for each vault: its sinks share a login, and the answer would be the same.
        if name not in found:
            told, until = known.get(name, (None, now))
            # A run may take hours, and a new login may be somebody else's.
            if told is None or now >= until:
                told = _asked(sink)
                known |= {name: (told, now + KNOWN)} if told else {}
            found[name] = told
    return found


def _asked(sink: Readable) -> Mapping[str, str] | None:
    try:
        return sink.caller() or None
    except Exception:  # noqa: BLE001  # a record without the identity is better than no operation
        return None

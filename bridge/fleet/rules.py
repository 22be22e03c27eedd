"""What is next for a client, by its metadata in the vaults. Pure.

`rotate --due`, `retire --due` and `sweep` decide by these rules.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from bridge.planning.due import Held, held
from sinks.clock import Clock, SystemClock

if TYPE_CHECKING:
    from bridge.config.settings import ClientSettings
    from bridge.planning.status import Status


class Due:
    """What `--due` picks, and what of it has to wait for its windows.

    `wanted` says of a client's status whether there is anything to do. What was interrupted is settled at any time.
    Without `waits`, the windows and blackouts do not count.
    """

    def __init__(
        self,
        wanted: Callable[[ClientSettings, Status], bool],
        *,
        waits: bool = True,
        clock: Clock = SystemClock(),  # noqa: B008  # it has no state
    ) -> None:
        self._wanted = wanted
        self._waits = waits
        self._clock = clock
        self._seen: dict[str, tuple[Status, float]] = {}
        self.only_settle: set[str] = set()
        """The names of picked clients of which only what was interrupted is settled, and nothing else is begun."""
        self.held: dict[str, tuple[ClientSettings, Held]] = {}
        """The clients for which there is something to do, and that wait. By name."""

    def __call__(self, client: ClientSettings, seen: Status, at: float | None = None) -> bool:
        """Return whether a client is picked, by its state that was read `at` (now), in monotonic seconds."""
        if not self._wanted(client, seen):
            return False
        self._seen[client.name] = seen, self._clock.monotonic() if at is None else at
        # A rotation does not tidy up. So each run would select such a client again, and rotate it every time.
        if interrupted(seen) and not seen.due and not any(state.lock for state in seen.sinks):
            self.only_settle.add(client.name)
        return self.turn(client) is None

    def turn(self, client: ClientSettings) -> Held | None:
        """Return what a client has to wait for now, or None where its work may begin, if only to settle something.

        A run may take hours, so this is asked again when the turn of a picked client comes.
        """
        # What could not be read has no status. Its error is what its turn is for.
        if not self._waits or client.name not in self._seen:
            return None
        seen, then = self._seen[client.name]
        # By the vaults' own clock, because this machine's may be wrong.
        found = held(client, seen.at + timedelta(seconds=self._clock.monotonic() - then))
        if found is None:
            return None
        if interrupted(seen):
            self.only_settle.add(client.name)
            return None
        self.held[client.name] = client, found
        return found


def rotatable(_client: ClientSettings, seen: Status) -> bool:
    """Return whether a client's secret is due, or something interrupted has to be settled.

    This is the rule of `rotate --due`.
    """
    return interrupted(seen) or seen.due


def retirable(_client: ClientSettings, seen: Status) -> bool:
    """Return whether a client's fallback is old enough to be retired, or an interrupted retirement has to be settled.

    This is the rule of `retire --due`. It leaves other interrupted operations alone.
    """
    from bridge.model.operation import RETIREMENTS

    if interrupted(seen):
        # A scheduled retirement must not finish another operation. That is the decision of `rotate` and `resume`.
        return any(state.lock and state.lock.operation in RETIREMENTS for state in seen.sinks)
    since = seen.retire_from if seen.fallbacks else seen.retire_by  # what was retired softly is ended at `retire_by`
    # The vaults' own clock, because this machine's may be wrong.
    return since is not None and max(state.at for state in seen.sinks) >= since


def drifted(seen: Status) -> bool:
    """Return whether a sink has another value than the others, or a current one that nobody can read any more."""
    from bridge.planning.status import Kind
    from sinks.port import Stage

    rotations = {state.record.rotation for state in seen.sinks if state.record}
    gone = any((at := state.history.at(Stage.CURRENT)) and not at.readable for state in seen.sinks)
    return seen.kind is Kind.DRIFT and (len(rotations) > 1 or gone)


def interrupted(seen: Status) -> bool:
    """Return whether an operation that was interrupted has left something to settle."""
    return seen.attention and touched(seen)


def touched(seen: Status) -> bool:
    """Return whether a sink has a lock, or something that an operation has left unsettled."""
    return any(state.lock or state.unsettled for state in seen.sinks)


class Verb(StrEnum):
    """What may be next for a client. Each is the name of the command that does the same."""

    RESUME = "resume"
    SYNC = "sync"
    ROTATE = "rotate"
    RETIRE = "retire"


WAITING = frozenset({Verb.ROTATE, Verb.RETIRE})
"""What begins only within the client's windows, and outside of its blackouts. The others repair something."""


def following(client: ClientSettings, seen: Status) -> Verb | None:
    """Return what is next for a client, or None. The most urgent comes first, and the rest with the next look."""
    from bridge.planning.status import Kind

    if seen.kind is Kind.IN_PROGRESS:
        return None  # somebody is at it, and if not: it soon counts as interrupted
    if seen.kind in (Kind.MISPLACED, Kind.WIPED, Kind.EMPTY, Kind.UNMANAGED):
        return None  # a rotation would be refused each time: somebody has to decide something first
    if interrupted(seen):
        return Verb.RESUME
    if client.on_drift == "sync" and drifted(seen):
        return Verb.SYNC
    if rotatable(client, seen):
        return Verb.ROTATE
    return Verb.RETIRE if retirable(client, seen) else None

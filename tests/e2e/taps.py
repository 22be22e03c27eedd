"""Taps on the raw calls: each is recorded, and something may happen right before or right after it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from sinks.vault.api import Kv
from sinks.vault.responses import Entry, Meta
from tests.e2e.clock import Shifted

EFFECTS = frozenset(
    {"write", "tag", "destroy", "delete", "undelete"}
    | {"create", "put", "label", "untag"}
    | {"set_secret", "rotate_secret"}
)
"""The raw calls that change something. Between two of them the world stays as it is."""

QUIET = frozenset({"now", "name", "own_client_id", "require", "can", "await_turn"})
"""What is no request."""


class Killed(BaseException):
    """The process died here: nothing of ours may catch this, or clean up after it."""


@dataclass(frozen=True)
class Call:
    """One raw call. `number` counts all of a run, `nth` those of the same end ("vault", "aws", "auth0")."""

    number: int
    nth: int
    end: str
    name: str
    args: tuple[Any, ...]
    more: dict[str, Any]
    began: float

    @property
    def changes(self) -> bool:
        return self.name in EFFECTS

    def __str__(self) -> str:
        return f"{self.end}.{self.name}"


def is_noting(call: Call) -> bool:
    """Tell whether a call writes a note beside the record: nothing decides by it, so it needs no look."""
    tags = next((arg for arg in call.args if isinstance(arg, dict)), {})
    return call.name == "tag" and bool(tags) and all(name.startswith("bridge_note_") for name in tags)


def ignore(call: Call) -> None:
    """Let it happen."""


@dataclass
class Trace:
    """The raw calls of one run, in their order. `dead` once the process was killed: then nothing more is sent."""

    clock: Shifted
    before: Callable[[Call], None] = ignore
    after: Callable[[Call], None] = ignore
    calls: list[Call] = field(default_factory=list)
    effects: list[Call] = field(default_factory=list)
    ended: dict[int, float] = field(default_factory=dict)
    dead: bool = False

    def of(self, end: str) -> list[Call]:
        return [call for call in self.calls if call.end == end]

    def index(self, wanted: Callable[[Call], bool]) -> int:
        """Return the number of the first call that is wanted."""
        return next(call.number for call in self.calls if wanted(call))

    def last(self, wanted: Callable[[Call], bool]) -> int:
        return [call.number for call in self.calls if wanted(call)][-1]

    def run(self, end: str, name: str, real: Callable[..., Any], args: tuple[Any, ...], more: dict[str, Any]) -> Any:
        assert not self.dead, f"{end}.{name} was called by a dead process"
        call = Call(len(self.calls), len(self.of(end)), end, name, args, more, self.clock.monotonic())
        self.calls.append(call)
        self.before(call)
        try:
            answer = real(*args, **more)
        finally:
            self.ended[call.number] = self.clock.monotonic()
        if call.changes:
            self.effects.append(call)
        self.after(call)
        return answer


class Tap:
    """Stands before a raw object (`Kv`, `Api`, `Auth0`)."""

    def __init__(self, real: Any, end: str, trace: Trace) -> None:
        self._real = real
        self._end = end
        self._trace = trace

    def __getattr__(self, name: str) -> Any:
        real = getattr(self._real, name)
        if not callable(real) or name in QUIET:
            return real

        def call(*args: Any, **more: Any) -> Any:
            return self._trace.run(self._end, name, real, args, more)

        return call


def kill_after(trace: Trace, nth: int) -> None:
    """Have the process die right after the nth call that changes something (0 is the first)."""

    def die(call: Call) -> None:
        if call.changes and len(trace.effects) == nth + 1:
            trace.dead = True
            raise Killed

    trace.after = die


def died(world: Any, at: str, work: Callable[[Trace], Any] | None = None, nth: int = 0) -> Trace:
    """Have an operation, by default a rotation, die right after the nth call of this name that changes something."""
    trace = Trace(world.clock)

    def die(call: Call) -> None:
        if call.changes and str(call) == at and len([c for c in trace.effects if str(c) == at]) == nth + 1:
            trace.dead = True
            raise Killed

    trace.after = die
    with pytest.raises(Killed):
        (work or world.rotate)(trace)
    return trace


class ShiftedKv:
    """A real `Kv` whose server seems to live in the shifted time: what it wrote is dated accordingly."""

    def __init__(self, real: Kv, clock: Shifted, written: dict[tuple[str, int], timedelta]) -> None:
        self._real = real
        self._clock = clock
        self._written = written

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def now(self) -> datetime:
        return self._clock.now().replace(microsecond=0)  # as HTTP dates are

    def write(self, path: str, *args: Any, **more: Any) -> Entry:
        entry = self._real.write(path, *args, **more)
        self._written[path, entry.version] = self._clock.shift
        return self._moved(path, entry)

    def read(self, path: str, version: int | None = None) -> Entry | None:
        entry = self._real.read(path, version)
        return entry and self._moved(path, entry)

    def metadata(self, path: str) -> Meta | None:
        meta = self._real.metadata(path)
        if meta is None:
            return None
        moved = {n: (self._date(path, n, created), readable) for n, (created, readable) in meta.versions.items()}
        return replace(meta, versions=moved)

    def _moved(self, path: str, entry: Entry) -> Entry:
        return Entry(entry.version, self._date(path, entry.version, entry.created), entry.document, entry.tags)

    def _date(self, path: str, version: int, created: datetime) -> datetime:
        return created + self._written.get((path, version), timedelta())

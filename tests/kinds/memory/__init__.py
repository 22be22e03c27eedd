"""A store in this process's memory, as a complete kind: the shortest example of one. Each call is one atomic step."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from sinks.clock import Clock
from sinks.diagnosis import Diagnosis, Findings, Known
from sinks.errors import BadAddress
from sinks.rights import Block, Deed, Role
from sinks.secret import Secret
from sinks.shared import Shared

from .reader import MemoryReader
from .sink import MemorySink
from .store import MemoryStore

if TYPE_CHECKING:
    import tests.kinds.memory
    from sinks.kinds import Kind

    complete: Kind[Settings, Target] = tests.kinds.memory

__all__ = [
    "ADDRESS", "CREDENTIALS", "POLICY_FORMAT", "PREFIXES", "REFERENCES", "STORES", "MemorySink", "MemoryStore",
    "Settings", "Target", "diagnosis", "findings", "from_environment", "identity", "initial", "is_described",
    "location", "objections", "open", "open_reader", "parse", "policy_for", "policy_for_references", "unasked",
]  # fmt: skip

ADDRESS = "memory://PATH"
REFERENCES = ("password",)
CREDENTIALS = ("MEMORY_PASSWORD",)
PREFIXES: tuple[str, ...] = ()
POLICY_FORMAT = "lines"
DEFAULT_KEY = "client_secret"
STORES: dict[str, MemoryStore] = {}
"""The stores of this process by their names."""


@dataclass(frozen=True)
class Settings:
    """One store. It comes into being when it is first named."""

    __pydantic_config__ = {"extra": "forbid"}  # noqa: RUF012  # read by pydantic when a configuration is checked

    store: str = "default"
    """The store's name."""
    password: str | None = None
    """Reference to the store's password, which is not looked at."""


@dataclass(frozen=True)
class Target:
    """An address in its parts."""

    canonical: str
    key: str


def from_environment(environ: Mapping[str, str]) -> Settings:
    """Return the store that `MEMORY_STORE` names."""
    return Settings(environ.get("MEMORY_STORE") or Settings.store)


def objections(environ: Mapping[str, str]) -> tuple[str, ...]:
    """Return a sentence if a store is to be forgotten, which the bridge never does."""
    return ("MEMORY_FORGET is set: the bridge forgets nothing; unset it",) if environ.get("MEMORY_FORGET") else ()


def is_described(environ: Mapping[str, str]) -> bool:
    """Return whether a store is named."""
    return bool(environ.get("MEMORY_STORE"))


def initial(environ: Mapping[str, str]) -> tuple[str, ...]:
    """Return the lines of the table that `init` writes."""
    return ('type = "memory"', f'store = "{from_environment(environ).store}"')


def unasked(environ: Mapping[str, str]) -> Mapping[str, str]:  # as every kind
    """Return nothing: a store needs no address."""
    return {}


def parse(target: str, settings: Settings | None = None) -> Target:  # as every kind
    """Split `path[#key]` into its parts.

    Raises:
        BadAddress: no path, or an empty key.
    """
    path, marked, key = target.partition("#")
    if not path or (marked and not key):
        raise BadAddress(f"'memory://{target}' names no document", "write memory://PATH or memory://PATH#KEY")
    return Target(path, key or DEFAULT_KEY)


def location(settings: Settings) -> str:
    """Return the store's name."""
    return settings.store


def identity(target: Target, settings: Settings) -> tuple[str, ...]:
    """Return the store and the path."""
    return ("memory", settings.store, target.canonical)


def open(  # noqa: A001  # the name that every kind of store offers
    name: str,
    target: str,
    settings: Settings,
    *,
    resolve: Callable[[str], Secret],
    clock: Clock,
    lease: timedelta,
    shared: Shared,
) -> MemorySink:
    """Open the document at `target`. Neither a login nor a lease is needed here."""
    del resolve, lease, shared
    at = parse(target)
    return MemorySink(f"{name}://{at.canonical}", _store(settings), key=at.key, clock=clock)


def open_reader(
    name: str,
    target: str,
    settings: Settings,
    *,
    resolve: Callable[[str], Secret],
    clock: Clock,
    timeout: timedelta,
    shared: Shared,
) -> MemoryReader:
    """Open the document at `target` for reading."""
    del resolve, clock, timeout, shared
    at = parse(target)
    return MemoryReader(f"{name}://{at.canonical}", _store(settings), at.canonical, at.key)


def policy_for(
    name: str,
    settings: Settings,
    asked: Mapping[Target, frozenset[Deed]],
    role: Role,
    mounts: tuple[str, ...],  # there are none
) -> Block:
    """Return one line for each document: what may be done there."""
    lines = [f"{target.canonical}: {' '.join(sorted(deeds))}" for target, deeds in asked.items()]
    return Block(name, POLICY_FORMAT, (f"{name}: the store {settings.store}; role {role}",), "\n".join(lines), lines)


def policy_for_references(targets: tuple[Target, ...], mounts: tuple[str, ...]) -> Block:
    """Return one line for each document that a reference names."""
    read = frozenset({Deed.READ})
    return policy_for("memory", Settings(), dict.fromkeys(targets, read), Role.OPERATOR, mounts)


class MemoryDiagnosis:
    """The examination of one store: whether anything was ever written there."""

    def __init__(self, name: str, settings: Settings) -> None:
        self.title = f"Memory {name} ({settings.store})"
        self.answered = False
        self._settings = settings

    def server(self, findings: Findings) -> None:
        """Report whether there is a store of this name."""
        self.answered = True
        if self._settings.store in STORES:
            findings.ok("the store is there")
        else:
            findings.note("memory-new", f"there is no store {self._settings.store} yet", store=self._settings.store)

    def sink(self, findings: Findings, target: str, role: Role, asked: frozenset[Deed], command: str) -> bool:
        """Report that everything is allowed."""
        findings.ok(f"the {role} may do all {len(asked)} things that it needs")
        return True


def diagnosis(
    name: str, settings: Settings, resolve: Callable[[str], Secret], clock: Clock, shared: Shared
) -> Diagnosis:
    """Return the examination of one store."""
    del resolve, clock, shared
    return MemoryDiagnosis(name, settings)


def findings() -> Mapping[str, Known]:
    """Return the findings that only this kind knows."""
    return {"memory-new": Known("it comes into being when something is written", "# correct the store's name: {store}")}


def _store(settings: Settings) -> MemoryStore:
    return STORES.setdefault(settings.store, MemoryStore())

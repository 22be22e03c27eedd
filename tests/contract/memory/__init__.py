"""A place in this process's memory. Each method of its sink is one atomic step."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from sinks.clock import Clock
from sinks.errors import BadAddress
from sinks.secret import Secret
from tests.contract.memory.sink import DEFAULT_KEY, MemorySink
from tests.contract.memory.store import MemoryStore

__all__ = ["DEFAULT_KEY", "REFERENCES", "STORES", "MemorySink", "MemoryStore", "Settings", "from_environment", "open"]

REFERENCES: tuple[str, ...] = ()
STORES: dict[str, MemoryStore] = {}


@dataclass(frozen=True)
class Settings:
    """Which of this process's stores; it comes into being when it is first named."""

    __pydantic_config__ = {"extra": "forbid"}  # noqa: RUF012  # read by pydantic when a configuration is checked

    store: str = "default"


def from_environment(environ: Mapping[str, str]) -> Settings:  # what every kind of store offers
    """Return the default store: the environment says nothing about memory."""
    return Settings()


def open(  # noqa: A001  # the name that every kind of store offers
    name: str,
    target: str,
    settings: Settings,
    *,
    resolve: Callable[[str], Secret],  # as above
    clock: Clock,
    lease: timedelta,  # as above
) -> MemorySink:
    """Open the document at `target` (`path[#key]`).

    Raises:
        BadAddress: no path, or an empty key.
    """
    path, marked, key = target.partition("#")
    if not path or (marked and not key):
        raise BadAddress(f"'{name}://{target}' names no document", "write memory://PATH or memory://PATH#KEY")
    store = STORES.setdefault(settings.store, MemoryStore())
    return MemorySink(f"{name}://{path}", store, key=key or DEFAULT_KEY, clock=clock)

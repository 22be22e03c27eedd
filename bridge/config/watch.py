"""The settings of the watch, from the file's `[watch]`: where tenants' log streams arrive.

Here are the checks of what belongs together. The pydantic model checks each value by itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bridge.config.agent import split_address

if TYPE_CHECKING:
    from collections.abc import Callable

Fault = tuple[tuple[str | int, ...], str]  # the same as in `faults`, whose import would load pydantic


@dataclass(frozen=True)
class WatchSettings:
    """The settings of the watch."""

    address: tuple[str, int]
    """The loopback address and port where log streams arrive."""
    streams: Mapping[str, str]
    """By tenant, a reference to the token that its log stream sends."""


def read(table: Any, known: Callable[[str, str], str]) -> WatchSettings | None:
    """Return the settings of the model's table. `known` translates a reference, as in `load`."""
    address = table and split_address(table.address)
    if not address:
        return None
    return WatchSettings(address, {name: known(text, f"watch.streams.{name}") for name, text in table.streams.items()})


def check(data: Mapping[str, Any]) -> Iterator[Fault]:
    """Yield the faults between `[watch]` and the rest of a file, which need not be valid otherwise."""
    from bridge.config.faults import choice

    table = data.get("watch")
    streams = table.get("streams") if isinstance(table, dict) else None
    tenants = data.get("tenants")
    known = sorted(tenants) if isinstance(tenants, dict) else []
    for name in streams if isinstance(streams, dict) else ():
        if name not in known:
            yield ("watch", "streams", name), f"no tenant of that name: {choice(name, known)}"

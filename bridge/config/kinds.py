"""The kinds of vault that a configuration may name."""

from __future__ import annotations

import dataclasses
import pkgutil

import sinks
from sinks.errors import BadAddress


def names() -> tuple[str, ...]:
    """Return the names of all kinds, sorted: the modules of `sinks` that have settings."""
    return tuple(sorted(found.name for found in pkgutil.iter_modules(sinks.__path__) if is_kind(found.name)))


def is_kind(name: str) -> bool:
    """Return whether there is a kind of this name."""
    try:
        return dataclasses.is_dataclass(sinks.kind(name).Settings)
    except BadAddress:
        return False

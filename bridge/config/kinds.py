"""The kinds of store that a configuration may name."""

from __future__ import annotations

import dataclasses
import pkgutil
from typing import Any

import sinks
from sinks.errors import BadAddress

_NOT_KEPT = frozenset({"memory"})
"""What dies with the process: a secret rotated into it would be lost. Code and tests open it by themselves."""


def names() -> tuple[str, ...]:
    """Return every kind that there is: the modules of `sinks` that have settings."""
    return tuple(sorted(found.name for found in pkgutil.iter_modules(sinks.__path__) if is_kind(found.name)))


def is_kind(name: str) -> bool:
    """Tell whether there is a kind of this name."""
    try:
        return dataclasses.is_dataclass(store(name).Settings)
    except BadAddress:
        return False


def store(name: str) -> Any:
    """Return the module of a kind.

    Raises:
        BadAddress: there is none of this name, or it keeps nothing.
    """
    if name in _NOT_KEPT:
        raise BadAddress(f"'{name}' keeps nothing beyond this process", "use vault://MOUNT/PATH or aws://REGION/NAME")
    return sinks.kind(name)

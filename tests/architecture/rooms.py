"""The rooms of the house, and who may import whom."""

from __future__ import annotations

import ast
import functools
from pathlib import Path

from tests.architecture.sources import ROOT, nodes

BELOW = {
    "sinks": set[str](),
    "model": {"sinks"},
    "auth0": {"model", "sinks"},
    "config": {"model", "sinks"},
    "planning": {"auth0", "config", "model", "sinks"},
    "evidence": {"auth0", "config", "model", "sinks"},
    "execution": {"planning", "evidence", "auth0", "config", "model", "sinks"},
    "operations": {"execution", "planning", "evidence", "auth0", "config", "model", "sinks"},
    # Wings, which only the command line imports.
    "audit": {"config", "model", "sinks"},
    "policy": {"planning", "auth0", "config", "model", "sinks"},
    "report": {"planning", "config", "model", "sinks"},
    "doctor": {"planning", "auth0", "config", "model", "sinks"},
    "notify": {"planning", "model", "sinks"},
    "watch": {"execution", "planning", "evidence", "auth0", "config", "model", "sinks"},
    "sandbox": {"model", "sinks"},
    "consumer": {"notify", "auth0", "model", "sinks"},  # for applications
    "fleet": {"operations", "execution", "planning", "evidence", "auth0", "audit", "config", "model", "sinks"},
    "agent": {"consumer", "config", "model", "sinks"},
}
"""Who may import whom: each room below the command line, and the rooms that it may know."""
ROOMS = BELOW | {"cli": set(BELOW) - {"consumer"}}
"""All rooms. The command line knows every one but `consumer`, which is for applications."""
KINDS = tuple(sorted(f"sinks.{path.parent.name}" for path in ROOT.glob("sinks/*/__init__.py")))
"""The kinds of store, one folder each: none knows another."""


def room_of(module: str) -> str | None:
    """Return a module's room; None for what is no room's: other libraries, and the package with its version."""
    top, _, rest = module.partition(".")
    return top if top == "sinks" else rest.partition(".")[0] if top == "bridge" and rest else None


def floors() -> dict[str, int]:
    """Return the floor of each room: one above the highest that it knows.

    Raises:
        AssertionError: the table has a circle.
    """
    found: dict[str, int] = {}
    while set(found) != set(ROOMS):
        new = {room: known for room, known in ROOMS.items() if room not in found and known <= set(found)}
        assert new, "a circle"
        found |= {room: max((found[below] for below in known), default=0) + 1 for room, known in new.items()}
    return found


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


@functools.cache
def imported(path: Path) -> set[str]:
    found: set[str] = set()
    for node in nodes(path):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found

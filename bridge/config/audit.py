"""Where attempts are recorded, from a file's `[audit]` or from the environment; off where neither says."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from bridge.config.settings import AuditSettings
from sinks.references import is_reference

Fault = tuple[tuple[str | int, ...], str]  # as in `faults`, which needs pydantic
TARGET = re.compile(r"file:/[^\n]+|syslog|stderr")
EXPECTED = "file:/PATH (a whole path: one record for the machine), syslog or stderr"
VARIABLE, KEY_VARIABLE = "BRIDGE_AUDIT", "BRIDGE_AUDIT_KEY"
KEYED = "only a file has a chain, and a use for a key"


def is_target(text: str) -> bool:
    """Tell whether a text says where attempts can be recorded."""
    return TARGET.fullmatch(text) is not None


def audit_of(data: Mapping[str, Any], environ: Mapping[str, str]) -> tuple[AuditSettings | None, list[Fault]]:
    """Return what a file says in `[audit]`, else the environment, and what does not fit together.

    What is wrong by itself in the file the model names.
    """
    if "audit" not in data:
        found, wrong = audit_from_environment(environ)
        return found, [((), text) for text in wrong]
    table = data["audit"] if isinstance(data["audit"], dict) else {}
    to, key = table.get("to"), table.get("key")
    faults: list[Fault] = [(("audit", "key"), KEYED)] if key is not None and to in ("syslog", "stderr") else []
    return AuditSettings(str(to), key), faults


def key_reference(environ: Mapping[str, str]) -> str | None:
    """Return where the chain's key is by the environment: its variable holds it, or a reference."""
    key = environ.get(KEY_VARIABLE, "")
    return (key if is_reference(key) else f"env:{KEY_VARIABLE}") if key else None


def audit_from_environment(environ: Mapping[str, str]) -> tuple[AuditSettings | None, list[str]]:
    """Return what the environment says, and what is wrong with it."""
    to, key = environ.get(VARIABLE, ""), key_reference(environ)
    if not to:
        return None, []
    if not is_target(to):
        return None, [f"{VARIABLE}: found something else, expected {EXPECTED}"]
    if key and not to.startswith("file:"):
        return None, [f"{KEY_VARIABLE}: {KEYED}"]
    return AuditSettings(to, key), []

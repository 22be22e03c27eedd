"""The settings of the audit record, from the file's `[audit]` or from the environment.

If neither names a target, nothing is recorded.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from bridge.config.settings import AuditSettings
from sinks.references import is_reference

Fault = tuple[tuple[str | int, ...], str]  # the same as in `faults`, whose import would load pydantic
FILE = "file:"
"""What a target begins with that is a file."""
LOCK = ".lock"
"""The end of the name of the record's lock file, which stands beside the record and has to be as safe."""
TARGET = re.compile(rf"{FILE}/[^\n]+|syslog|stderr")
EXPECTED = "file:/PATH (a whole path: one record for the machine), syslog or stderr"
VARIABLE, KEY_VARIABLE = "BRIDGE_AUDIT", "BRIDGE_AUDIT_KEY"
KEYED = "only a file has a chain, and a use for a key"


def is_target(text: str) -> bool:
    """Return whether a text names a target that attempts can be recorded to (see `EXPECTED`).

    A relative path is none: the record of one machine must not depend on the working directory.
    """
    return TARGET.fullmatch(text) is not None


def audit_of(data: Mapping[str, Any], environ: Mapping[str, str]) -> tuple[AuditSettings | None, list[Fault]]:
    """Return the audit settings, from the file's `[audit]` if it has one, else from the environment.

    The second item holds the faults. Here the file's values are checked only for what does not fit together, because
    the pydantic model checks each value by itself. The settings are None if nothing is recorded.
    """
    if "audit" not in data:
        found, wrong = audit_from_environment(environ)
        return found, [((), text) for text in wrong]
    table = data["audit"] if isinstance(data["audit"], dict) else {}
    to, key = table.get("to"), table.get("key")
    faults: list[Fault] = [(("audit", "key"), KEYED)] if key is not None and to in ("syslog", "stderr") else []
    return AuditSettings(str(to), key), faults


def key_reference(environ: Mapping[str, str]) -> str | None:
    """Return the reference to the chain's key by the environment, or None if there is no key.

    `BRIDGE_AUDIT_KEY` may hold a reference, or the key itself. Then the reference names that variable.
    """
    # The settings hold references only, so a key in the variable is referred to by the variable's name.
    key = environ.get(KEY_VARIABLE, "")
    return (key if is_reference(key) else f"env:{KEY_VARIABLE}") if key else None


def audit_from_environment(environ: Mapping[str, str]) -> tuple[AuditSettings | None, list[str]]:
    """Return the audit settings of the environment, and their faults.

    The settings are None if `BRIDGE_AUDIT` is not set, or if there are faults.
    """
    to, key = environ.get(VARIABLE, ""), key_reference(environ)
    if not to:
        return None, []
    if not is_target(to):
        # The text is not repeated, because it may be the key in the wrong variable.
        return None, [f"{VARIABLE}: found something else, expected {EXPECTED}"]
    # A key that is silently ignored would promise a chain that is not kept.
    if key and not to.startswith("file:"):
        return None, [f"{KEY_VARIABLE}: {KEYED}"]
    return AuditSettings(to, key), []

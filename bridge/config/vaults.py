"""The reading of `[vaults.NAME]`. Each kind of vault defines its own settings.

The kinds are found by name, so a new kind of vault changes nothing here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import TypeAdapter, ValidationError

from bridge.config import faults
from bridge.config.faults import Fault, Key
from bridge.config.settings import VaultSettings
from sinks import kinds
from sinks.references import expected, is_reference


def read_vault(name: str, table: Mapping[str, Any]) -> tuple[VaultSettings | None, list[Fault]]:
    """Return the settings of `[vaults.NAME]`, and their faults.

    The settings are None if there are faults. A secret in plain text is a fault, and is not repeated in the message.
    """
    place: Key = ("vaults", name)
    if "type" not in table:
        return None, [((*place, "type"), f"missing, expected one of {', '.join(kinds.names())}")]
    kind = table["type"]
    if not isinstance(kind, str) or kind not in kinds.names():
        return None, [((*place, "type"), faults.choice(kind, kinds.names()))]
    module = kinds.kind(kind)
    rest = {key: value for key, value in table.items() if key != "type"}
    # Checked apart, because to the kind's own settings a plain secret is a valid text.
    found = _plain_secrets(rest, module.REFERENCES, place)
    try:
        options = TypeAdapter(module.Settings).validate_python(rest)
    except ValidationError as error:
        found += faults.of_dataclass(error, module.Settings, place)
    if found:
        return None, found
    return VaultSettings(name, kind, options), []


def _plain_secrets(table: Mapping[str, Any], references: tuple[str, ...], place: Key) -> list[Fault]:
    """Return a fault for each plain text where a reference is expected."""
    found: list[Fault] = []
    for reference in references:
        value: Any = table
        parts = reference.split(".")
        for part in parts:
            # A table of the wrong type is reported by the kind's own settings.
            value = value.get(part) if isinstance(value, Mapping) else None
        if isinstance(value, str) and not is_reference(value):
            found.append(((*place, *parts), f"found a plain text (not shown), expected {expected()}"))
    return found

"""Faults of a configuration: one line each, with the key, in the bridge's own words.

pydantic's messages are not used, because they may repeat a secret.
"""

from __future__ import annotations

import dataclasses
import difflib
import re
import typing
from collections.abc import Iterable, Sequence
from typing import Any

from bridge.config.fields import FAULT, named, quoted
from bridge.config.model import (
    AgentTable,
    AuditTable,
    ClientTable,
    ConfigFile,
    DiscoverTable,
    ExceptionTable,
    FleetTable,
    ListenTable,
    NotifyTable,
    PolicyTable,
    RuleTable,
    ServedTable,
    TenantTable,
    WatchTable,
)

if typing.TYPE_CHECKING:
    from pydantic import BaseModel, ValidationError
    from pydantic_core import ErrorDetails

Key = tuple[str | int, ...]
Fault = tuple[Key, str]
"""The key where the fault is, and its description. A fault of no particular key has an empty one."""

_TABLES: dict[str, type[BaseModel]] = {"tenants": TenantTable, "defaults": PolicyTable, "clients": ClientTable}
_EXPECTED = {
    "string_type": "a text",
    "list_type": "a list",
    "bool_type": "true or false",
    "dict_type": "a table",
    "model_type": "a table",
    "dataclass_type": "a table",
    "int_type": "a number",
    "too_short": "at least one",
}
_UNKNOWN = {"extra_forbidden", "unexpected_keyword_argument"}
_BARE = re.compile(r"[A-Za-z0-9_-]+")


def line(fault: Fault) -> str:
    """Return one fault as a line of text, such as `clients.billing.sinks[0]: found …, expected …`.

    A fault without a key is just its text.
    """
    key, text = fault
    return f"{dotted(key)}: {text}" if key else text


def dotted(key: Key) -> str:
    """Return a key as TOML writes it, with the numbers of list items in brackets."""
    text = ""
    for part in key:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += ("." if text else "") + (part if _BARE.fullmatch(part) else quoted(part))
    return text


def unknown(key: str, valid: Iterable[str]) -> str:
    """Return the text that a key is unknown, with the most similar one of the `valid` keys, if there is one.

    Ignoring an unknown key would leave a default in force that the author of the file did not choose.
    """
    near = difflib.get_close_matches(key, list(valid), n=1)
    return f"unknown key; did you mean {near[0]}?" if near else "unknown key"


def choice(found: object, valid: Sequence[str]) -> str:
    """Return the text that a value is none of the `valid` ones, with the most similar one, if there is one.

    The text repeats the value. So the caller must ensure that the value is not a secret.
    """
    if not isinstance(found, str):
        return f"found {named(found)}, expected one of {', '.join(valid)}"
    near = difflib.get_close_matches(found, valid, n=1)
    meant = f"; did you mean {near[0]}?" if near else ""
    return f"found {quoted(found)}, expected one of {', '.join(valid) or 'those that there are (none)'}{meant}"


def of_model(error: ValidationError) -> list[Fault]:
    """Return the faults that pydantic found in the file, without pydantic's own messages.

    Their keys begin at the top of the file. They are in the order in which pydantic found them.
    """
    return [_fault(detail, _keys_of_model(detail["loc"])) for detail in _details(error)]


def of_dataclass(error: ValidationError, settings: type, place: Key) -> list[Fault]:
    """Return the faults that pydantic found in a vault's own settings.

    `settings` is the dataclass of the vault's kind. `place` is the key of the vault's table in the file.
    """
    return [
        (place + key, text)
        for key, text in (_fault(detail, _keys_of_dataclass(settings, detail["loc"])) for detail in _details(error))
    ]


def _details(error: ValidationError) -> list[ErrorDetails]:
    # The links lead to pydantic's documentation, which does not help the author of a file.
    return error.errors(include_url=False)


def _fault(detail: ErrorDetails, valid: Sequence[str]) -> Fault:
    key, kind, found = detail["loc"], detail["type"], detail["input"]
    # Raised by `fields`, whose texts show nothing that might be a secret.
    if kind == FAULT:
        return key, detail["msg"]
    if kind == "missing":
        return key, "missing"
    if kind in _UNKNOWN:
        return key, unknown(str(key[-1]), valid)
    if kind == "literal_error":
        # pydantic names the valid words only inside a text. No secret belongs into such a field.
        return key, choice(found, re.findall(r"'([^']*)'", str(detail.get("ctx", {}).get("expected", ""))))
    # The type is named and not the value, which may be a secret in the wrong place.
    what = "an empty list" if kind == "too_short" else named(found)
    return key, f"found {what}, expected {_EXPECTED.get(kind, 'something else')}"


def _keys_of_model(key: Key) -> list[str]:
    if key[:1] == ("clients",) and key[2:3] == ("exception",):
        return list(ExceptionTable.model_fields)
    if key[:2] in (("agent", "listen"), ("agent", "clients")) and len(key) > 3:
        return list((ListenTable if key[1] == "listen" else ServedTable).model_fields)
    single: dict[object, type[BaseModel]] = {
        "audit": AuditTable, "discover": DiscoverTable, "agent": AgentTable, "watch": WatchTable,
        "fleet": FleetTable,
    }  # fmt: skip
    listed: dict[object, type[BaseModel]] = {"notify": NotifyTable, "rules": RuleTable}
    if len(key) > 1 and (inner := single.get(key[0]) or listed.get(key[0])):
        return list(inner.model_fields)
    depth = {"tenants": 3, "clients": 3, "defaults": 2}.get(str(key[0]))
    table: type[BaseModel] = _TABLES[str(key[0])] if depth == len(key) else ConfigFile
    return list(table.model_fields)


def _keys_of_dataclass(settings: Any, key: Key) -> list[str]:
    for part in key[:-1]:
        settings = typing.get_type_hints(settings).get(str(part), settings)
    return [field.name for field in dataclasses.fields(settings)] if dataclasses.is_dataclass(settings) else []

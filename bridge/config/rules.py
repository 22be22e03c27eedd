"""Checks of `[[rules]]` that concern several keys, or other parts of the configuration."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from bridge.config.faults import Fault, choice
from bridge.config.settings import Rule

SECTIONS = ("tenants", "vaults")
OWN = frozenset({"tenant", "match", "exclude", "metadata", "app_type", "name", "sinks"})
"""The keys that are a rule's own, and no key of a client's policy."""
CRITERIA = ("match", "metadata", "app_type")
"""The keys that choose applications. A rule needs one of them, so that taking all of a tenant has to be written."""


def check(data: Mapping[str, Any]) -> Iterator[Fault]:
    """Yield the faults of the rules that the model cannot find.

    `data` is the parsed file, which need not be valid otherwise.
    """
    tables = data.get("rules")
    tenants, vaults = (sorted(found) if isinstance(found := data.get(each), dict) else [] for each in SECTIONS)
    for number, table in enumerate(tables if isinstance(tables, list) else []):
        if not isinstance(table, dict):
            continue
        tenant, uris = table.get("tenant"), table.get("sinks")
        if isinstance(tenant, str) and tenant not in tenants:
            yield ("rules", number, "tenant"), choice(tenant, tenants)
        if not any(table.get(key) for key in CRITERIA):
            yield ("rules", number), f'expected {", ".join(CRITERIA)}; match = ["*"] for all of the tenant'
        for place, uri in enumerate(uris if isinstance(uris, list) else []):
            scheme, marked, _ = uri.partition("://") if isinstance(uri, str) else ("", "", "")
            # A placeholder is no name of a vault, which the model says.
            if marked and "{" not in scheme and scheme not in vaults:
                yield ("rules", number, "sinks", place), f"no vault of that name: {choice(scheme, vaults)}"


def read(data: Mapping[str, Any]) -> tuple[Rule, ...]:
    """Return the rules of a file that has no faults.

    What the clients' tables get is kept as TOML has it, so that they can be written in the words of the file.
    """
    return tuple(_rule(number, table, data) for number, table in enumerate(data.get("rules", ()), start=1))


def _rule(number: int, table: Mapping[str, Any], data: Mapping[str, Any]) -> Rule:
    said = {**data.get("defaults", {}), **table}
    return Rule(
        number=number,
        tenant=table["tenant"],
        sinks=tuple(table["sinks"]),
        name=table.get("name", Rule.name),
        match=_several(table.get("match", ())),
        exclude=_several(table.get("exclude", ())),
        metadata=table.get("metadata", {}),
        app_type=tuple(table.get("app_type", ())),
        policy={key: value for key, value in table.items() if key not in OWN},
        accept=frozenset(said.get("accept", ())),
        strategy=said.get("strategy", Rule.strategy),
    )


def _several(said: Any) -> tuple[str, ...]:
    return (said,) if isinstance(said, str) else tuple(said)

"""The JSON schema of `bridge.toml`.

It ships as `docs/reference/bridge.schema.json`. `python -m bridge.config.schema` prints it.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from pydantic import TypeAdapter

from bridge.config.fields import PlainReference
from bridge.config.model import ConfigFile
from sinks import kinds


def json_schema() -> dict[str, Any]:
    """Return the JSON schema of `bridge.toml`.

    It consists of the file's pydantic model and the settings of each kind of vault, which are alternatives.
    """
    schema = ConfigFile.model_json_schema()
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = "bridge.toml"
    # The model leaves vaults open, because each kind defines its own settings.
    schema["properties"]["vaults"]["additionalProperties"] = {"oneOf": [_vault(kind, schema) for kind in kinds.names()]}
    result: dict[str, Any] = _without_null(schema)
    return result


def text() -> str:
    """Return the schema as the text of the file that ships.

    Keys are sorted, so that a change of pydantic's order makes no difference in the file.
    """
    return json.dumps(json_schema(), indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def _vault(kind: str, schema: dict[str, Any]) -> dict[str, Any]:
    module = kinds.kind(kind)
    vault = TypeAdapter(module.Settings).json_schema(ref_template=f"#/$defs/{kind}.{{model}}")
    tables = vault.pop("$defs", {})
    for reference in module.REFERENCES:
        _mark(vault, tables, reference.split("."))
    schema["$defs"] |= {f"{kind}.{name}": table for name, table in tables.items()}
    # The type decides between the alternatives, so an editor can name the fault in the right one.
    vault["properties"]["type"] = {"const": kind}
    vault["required"] = ["type", *vault.get("required", [])]
    vault["title"] = kind
    return vault


def _mark(table: dict[str, Any], tables: dict[str, Any], path: list[str]) -> None:
    """Give the setting at `path` the schema of a reference, because it never holds the secret itself."""
    for part in path[:-1]:
        table = tables[table["properties"][part]["$ref"].rpartition(".")[2]]
    table["properties"][path[-1]] = TypeAdapter(PlainReference).json_schema()


def _without_null(node: Any) -> Any:
    """Return a schema without null, which TOML does not have. A key that may be absent is just not required."""
    if isinstance(node, list):
        return [_without_null(item) for item in node]
    if not isinstance(node, dict):
        return node
    node = {key: _without_null(value) for key, value in node.items() if not (key == "default" and value is None)}
    options = [option for option in node.get("anyOf", []) if option != {"type": "null"}]
    if len(options) == 1:
        node = {**options[0], **{key: value for key, value in node.items() if key != "anyOf"}}
    return node


if __name__ == "__main__":
    sys.stdout.write(text())

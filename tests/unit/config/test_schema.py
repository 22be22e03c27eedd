"""The JSON schema that ships."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from bridge.config.schema import json_schema, text

SHIPPED = Path(__file__).parents[3] / "docs" / "reference" / "bridge.schema.json"


def test_the_schema_that_ships_is_the_codes() -> None:
    assert SHIPPED.read_text("utf-8") == text(), (
        "run: python -m bridge.config.schema > docs/reference/bridge.schema.json"
    )


def test_it_is_a_schema_and_takes_the_example(good: str) -> None:
    schema = json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(tomllib.loads(good), schema)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('max_age = "90d"', 'max_aged = "90d"'), ('"90d"', '"soon"'), ('"env:AUTH0_CLIENT_SECRET"', '"hunter2"'),
        ('"file:/run/secrets/secret_id"', '"hunter2"'), ('type = "vault"', 'type = "x"'), ("namespace", "namespaces"),
    ],
)  # fmt: skip
def test_it_finds_what_the_bridge_would_find(good: str, old: str, new: str) -> None:
    data: Any = tomllib.loads(good.replace(old, new, 1))
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(data, json_schema())

"""Exceptions in the configuration."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import jsonschema
import pytest

from bridge.config.load import load
from bridge.config.schema import json_schema
from bridge.config.settings import LONGEST_EXCEPTION, Exemption
from bridge.model.errors import Usage
from tests.unit.config.conftest import GOOD

TODAY = datetime.now(UTC).date()
FULL = {"owner": '"ciso"', "reason": '"January"', "until": "2026-01-31"}


def loaded(directory: Path, **said: str) -> Exemption | None:
    path = directory / "bridge.toml"
    table = ", ".join(f"{name} = {text}" for name, text in said.items())
    path.write_text(f"{GOOD}\nexception = {{ {table} }}\n", "utf-8")
    return load(path, {}).clients["billing"].exception


@pytest.mark.parametrize("until", ["2026-01-31", '"2026-01-31"'])
def test_an_exception_has_an_owner_a_reason_and_a_last_day(until: str, tmp_path: Path) -> None:
    found = loaded(tmp_path, **{**FULL, "until": until})
    assert found == Exemption("ciso", "January", date(2026, 1, 31))
    assert found.end == datetime(2026, 2, 1, tzinfo=UTC)


@pytest.mark.parametrize("missing", FULL)
def test_none_of_the_three_may_be_missing(missing: str, tmp_path: Path) -> None:
    with pytest.raises(Usage) as caught:
        loaded(tmp_path, **{name: text for name, text in FULL.items() if name != missing})
    assert caught.value.faults == (f"clients.billing.exception.{missing}: missing",)


@pytest.mark.parametrize(
    ("said", "fault"),
    [
        ({"until": '"soon"'}, 'until: found "soon", expected a day such as 2027-01-31'),
        ({"until": "2027-01-31T10:00:00Z"}, "until: found a date, expected a day such as 2027-01-31"),
        ({"until": "7"}, "until: found a number, expected a day such as 2027-01-31"),
        ({"until": '"2027-02-30"'}, 'until: found "2027-02-30", expected a day such as 2027-01-31'),
        ({"owner": '" "'}, "owner: found an empty text, expected a text"),
        ({"reason": "7"}, "reason: found a number, expected a text"),
        ({"reson": '"x"'}, "reson: unknown key; did you mean reason?"),
    ],
)
def test_what_is_wrong_is_told_by_its_key(said: dict[str, str], fault: str, tmp_path: Path) -> None:
    with pytest.raises(Usage) as caught:
        loaded(tmp_path, **{**FULL, **said})
    assert caught.value.faults == (f"clients.billing.exception.{fault}",)


def test_an_end_more_than_a_year_off_is_refused(tmp_path: Path) -> None:
    latest = TODAY + LONGEST_EXCEPTION
    assert loaded(tmp_path, **{**FULL, "until": str(latest)})
    with pytest.raises(Usage) as caught:
        loaded(tmp_path, **{**FULL, "until": str(latest + timedelta(days=2))})
    (fault,) = caught.value.faults
    assert fault.startswith(
        f"clients.billing.exception.until: found {latest + timedelta(days=2)}, expected a day at most"
    )


def test_the_schema_takes_one(tmp_path: Path) -> None:
    import tomllib

    path = tmp_path / "bridge.toml"
    loaded(tmp_path, **{**FULL, "until": '"2026-01-31"'})
    jsonschema.validate(tomllib.loads(path.read_text("utf-8")), json_schema())
    path.write_text(path.read_text("utf-8").replace("January", "January").replace("reason", "reasons"))
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(tomllib.loads(path.read_text("utf-8")), json_schema())

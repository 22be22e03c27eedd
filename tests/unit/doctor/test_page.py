"""docs/reference/doctor.md against the code, and the code against the tests."""

from __future__ import annotations

import re
from pathlib import Path

from bridge.doctor.known import known
from sinks.diagnosis import Known, Severity
from tests.docs.pages import DOCS, keys, section, spans, tables
from tests.unit.doctor.patient import Patient

PAGE = DOCS / "reference" / "doctor.md"
HERE = Path(__file__).parent
ELSEWHERE = HERE.parents[1] / "e2e" / "test_doctor_remedies.py"
NOT_PLANTED = {"doctor-stopped", "doctor-bug", "client-not-checked"}
"""What is no misconfiguration, and what has a test of another kind."""


def written(text: str) -> str:
    """Return a text as the page has it: what is filled in stands in capitals."""
    plain = re.sub(r"(?<!\{)\{(\w+)\}(?!\})", lambda match: match.group(1).upper(), text)
    return plain.replace("{{", "{").replace("}}", "}").replace("\n", "<br>")


def row(kind: str, known: Known) -> str:
    """Return a finding's line of the table."""
    remedy = f"<code>{written(known.remedy)}</code>" if known.remedy else ""
    return f"| `{kind}` | {written(known.why)} | {remedy} |"


def test_every_finding_stands_in_the_page_with_its_why_and_its_remedy() -> None:
    lines = [line for line in PAGE.read_text("utf-8").splitlines() if re.match(r"\| `[a-z0-9-]+` \|", line)]
    found = {spans(line)[0]: line for line in lines}
    assert {kind: found.get(kind) for kind in known()} == {kind: row(kind, known) for kind, known in known().items()}


def test_the_page_tells_the_severities() -> None:
    assert set(keys(tables(section(PAGE, "What it prints"))[0])) == {*Severity}


def test_the_keys_of_the_json_are_told(inpatient: Patient) -> None:
    told = set(keys(tables(section(DOCS / "reference" / "json.md", "doctor"))[0]))
    assert all(set(one) == told for one in inpatient.run("doctor", "billing", "--json").objects)


def test_every_kind_of_finding_is_planted_by_a_test() -> None:
    files = [path for path in HERE.glob("test_*.py") if path != Path(__file__)]
    tests = "".join(path.read_text("utf-8") for path in (*files, ELSEWHERE))
    planted = {kind for kind in known() if f'"{kind}"' in tests}
    assert known().keys() - planted <= NOT_PLANTED
    assert len(planted) >= 25

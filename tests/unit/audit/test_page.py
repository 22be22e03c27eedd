"""docs/guide/audit.md against what is written."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from bridge.audit import records
from bridge.audit.chain import DIGITS, LEAST_KEY, START, Chain
from bridge.audit.files import PATIENCE
from bridge.audit.write import ELSEWHERE
from bridge.model.operation import Operation
from bridge.model.operation_values import OperationValues
from bridge.model.outcome import Outcome, Standing, Stopped
from bridge.model.plan import Plan
from bridge.model.trail import KEPT_IDS, Trail
from sinks.port import Lock
from tests.docs.pages import DOCS, fences, keys, section, tables
from tests.unit.audit.record import attempt

PAGE = DOCS / "guide" / "audit.md"
NOW = datetime(2026, 11, 23, tzinfo=UTC)


def sealed(told: Any) -> dict[str, Any]:
    line, _ = Chain(None).seal(told, START)
    found: dict[str, Any] = json.loads(line)
    return found


def test_every_key_is_told_and_no_other() -> None:
    both, begin, end, operation = (set(keys(table)) for table in tables(section(PAGE, "A line")))
    trail = Trail()
    trail.working(OperationValues(Lock("rotate", "r-1", "me", NOW, NOW, "AbC123", "acme", ())))
    told = sealed(records.begin(attempt(), NOW))
    assert set(told) == both | begin
    stopped = Stopped(Standing("r-1", Operation.ROTATE, "works", ("here",), "by me", "why", "resume", "until"))
    done = Outcome("billing", "AbC123", Operation.ROTATE, "r-1", Plan(Operation.ROTATE, ()), "done")
    found = {"closed_by"}
    for became in (records.failed(stopped), records.became(done), records.became(None)):
        found |= set(sealed(records.end(attempt(), NOW, begun=1, became=became, trail=trail, seconds=1)))
    assert found == both | end
    assert set(sealed(records.died(told, attempt(), NOW))) <= both | end
    assert set(trail.operations[0]) == operation


def test_its_example_has_the_keys_that_it_tells() -> None:
    (fence,) = fences(PAGE, "json")
    both, begin, *_ = (set(keys(table)) for table in tables(section(PAGE, "A line")))
    assert set(json.loads(fence.text)) == both | begin


def test_every_outcome_is_told() -> None:
    rows = {key: row for table in tables(section(PAGE, "A line")) for row in table for key in keys([row])}
    for word in (*records.RESULTS.values(), records.DIED, "done", "finished", "nothing to do"):
        assert f"`{word}`" in rows["outcome"][-1], word


def test_its_figures_are_the_codes() -> None:
    text = PAGE.read_text("utf-8")
    assert f"at least {LEAST_KEY} characters" in text
    assert f"holds for {PATIENCE:.0f} s" in text
    assert f"the latest {KEPT_IDS} each" in text
    assert f"{DIGITS * 4} bits are kept" in text
    assert ("dead after a day" in text, ELSEWHERE.days) == (True, 1)

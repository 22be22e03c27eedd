"""docs/reference/json.md against what the program prints."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import hvac
import pytest
from typer.testing import CliRunner

from bridge.cli.commands import app
from bridge.cli.output import json as as_json
from bridge.cli.output.sightings import as_object
from bridge.config.settings import ClientSettings
from bridge.evidence.judge import Evidence, Source
from bridge.model.errors import Refused, Usage
from bridge.model.operation import Operation
from bridge.model.outcome import At, Outcome, Standing, Stopped
from bridge.model.plan import Plan
from bridge.planning.discovery import Finding, State
from bridge.planning.due import Held
from bridge.sandbox.stack import Stack
from bridge.watch.decide import Kind, Tell
from sinks.port import History, Lock, SinkState, Stage, Version
from tests.docs.pages import DOCS, fences, keys, section, spans, tables

PAGE = DOCS / "reference" / "json.md"
NOW = datetime(2026, 11, 23, tzinfo=UTC)
CLIENT = ClientSettings("billing", "AbC123", "prod", ("vault://secret/apps/billing",))
SINK = "vault://secret/apps/billing"


def told(heading: str, number: int = 0) -> set[str]:
    return set(keys(tables(section(PAGE, heading))[number]))


def printed(data: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(as_json.line(data))
    return found


def failure(error: Refused | Usage | Stopped) -> set[str]:
    return set(printed(as_json.failure(CLIENT, error)))


def test_a_change() -> None:
    sinks = {SINK: At("2", "1", ("0",))}
    done = Outcome("billing", "AbC123", Operation.ROTATE, "r-1", Plan(Operation.ROTATE, ()), "done", sinks)
    found = printed(as_json.outcome(done))
    assert told("A change") == set(found)
    assert told("A change", 1) == set(found["sinks"][0])


def test_an_error() -> None:
    stopped = Stopped(Standing("r-1", Operation.ROTATE, "works", ("here",), "by me", "why", "resume", "until"))
    plain = failure(Refused("no"))
    assert told("An error") == plain | failure(Usage("a", "b")) | failure(stopped)
    table = tables(section(PAGE, "An error"))[0]
    only = {key: row[2] for row in table for key in keys([row])}
    assert "only with `usage`" in only["faults"]
    assert failure(Usage("a")) - plain == {"faults"}
    assert failure(stopped) - plain == set(keys(table[keys(table).index("rotation") :]))


def test_what_is_held_back() -> None:
    found = printed(as_json.held([(CLIENT, Held(NOW, "", None))]))
    assert set(found) == {"schema", "held_back"}
    assert told("Held back") == set(found["held_back"][0])


def test_evidence() -> None:
    found = printed(as_json.evidence(CLIENT, Evidence(NOW, NOW, timedelta(1), (Source("::1", "curl", 1, NOW, NOW),))))
    assert told("evidence") == set(found)
    assert told("evidence", 1) == set(found["sources"][0])


def test_discover() -> None:
    assert told("discover") == set(printed(as_json.discovered(Finding(State.NEW, "eu", "AbC123", "billing"))))
    assert all(f"`{state}`" in section(PAGE, "discover") for state in State)


def test_version() -> None:
    result = CliRunner().invoke(app, ["version", "--json"])
    found = json.loads(result.stdout)
    assert told("version") == set(found)
    row = next(row for row in tables(section(PAGE, "version"))[0] if row[0] == "`servers`")
    assert set(spans(row[2])) == set(found["servers"])


def test_a_place() -> None:
    lock = Lock("rotate", "r-1", "me", NOW, NOW, "AbC123", "acme", (SINK,))
    history = History((Version("1", Stage.CURRENT, NOW),))
    found = printed(as_json.sink(SinkState(SINK, NOW, exists=True, lock=lock, history=history)))
    assert told("A sink") == set(found) - {"schema"}
    assert told("A sink", 1) == set(found["lock"])
    assert told("A sink", 2) == set(found["versions"][0])


def test_each_example_has_the_keys_that_its_table_names() -> None:
    shown = {"A change": 0, "An error": 1, "evidence": 2, "status": 3, "verify": 4}
    examples = [json.loads(fence.text) for fence in fences(PAGE, "json")]
    assert len(examples) == len(shown)
    for heading, number in shown.items():
        assert set(examples[number]) <= told(heading), heading
        assert set(examples[number]) >= told(heading) - {"faults"}, heading


def test_what_watch_sees() -> None:
    found = printed(as_object("prod", CLIENT, Tell(Kind.DRIFT, "drift", "secret-bridge sync billing"), NOW))
    assert told("watch") == set(found) - {"schema"}
    page = tables(section(DOCS / "guide" / "watch.md", "What it sees"))[0]
    assert {word for row in page for word in spans(row[0])} == {*map(str, Kind)}


class Program:
    def __init__(self, stack: Stack) -> None:
        self.client_id = stack.billing.client_id

    def __call__(self, *arguments: str) -> dict[str, Any]:
        command, *options = arguments
        result = CliRunner().invoke(app, [command, self.client_id, "--sink", SINK, "--json", *options])
        (line,) = result.stdout.splitlines()
        found: dict[str, Any] = json.loads(line)
        return found


@pytest.fixture
def program(monkeypatch: pytest.MonkeyPatch) -> Iterator[Program]:
    """The program, with a sandbox behind it and a sink that holds the live value."""
    with Stack(timedelta(seconds=30)) as stack:
        for name, value in stack.environment().items():
            monkeypatch.setenv(name, value)
        vault = hvac.Client(url=stack.bao.url, token=stack.bao.token)
        vault.secrets.kv.v2.create_or_update_secret("apps/billing", {"client_secret": stack.billing.client_secret})
        yield Program(stack)


def test_the_program_prints_what_is_told(program: Program) -> None:
    assert set(program("adopt")) == told("An error") - {
        "faults", "rotation", "production", "stored", "began", "next", "undo", "dont",
    }  # fmt: skip
    assert set(program("adopt", "--yes")) == told("A change")
    planned = program("rotate", "--dry-run")
    assert (set(planned), planned["result"], planned["sinks"]) == (told("A change"), "planned", [])
    assert set(program("retire")) == set(program("resume")) == told("Nothing to do")
    status = program("status")
    assert set(status) == told("status")
    assert set(status["sinks"][0]) == told("A sink")
    assert set(program("history")) == told("history")
    verified = program("verify")
    assert set(verified) == told("verify")
    assert set(verified["sinks"][0]) == told("verify", 1)

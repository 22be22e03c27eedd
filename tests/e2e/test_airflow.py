"""The DAG's two tasks as plain functions. Airflow is not installed: a stand-in takes the place of its decorators."""

from __future__ import annotations

import json
import runpy
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.docs.pages import DOCS
from tests.e2e.test_several_clients import adopted
from tests.e2e.world import DAY, MakeWorld, World

FILE = DOCS / "guide" / "deploy" / "fleet" / "airflow_dag.py"


@dataclass
class Task:
    """What `@task` makes of a function here: calling it says that it is a part of the DAG, and `run` runs it."""

    run: Callable[..., Any]
    options: dict[str, Any]
    mapped: dict[str, Any] = field(default_factory=dict)

    def __call__(self) -> Task:
        return self

    def expand(self, **over: Any) -> None:
        self.mapped = over


@dataclass
class Dag:
    """The file's tasks, the DAG's options, and three clients that are due."""

    worlds: dict[str, World]
    sweeping: Task
    acting: Task
    options: dict[str, Any]

    @property
    def changes(self) -> list[int]:
        return [len(world.tenant.secret_history(world.client_id)) for world in self.worlds.values()]


@pytest.fixture
def dag(make_hasty: MakeWorld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Dag:
    monkeypatch.chdir(tmp_path)
    worlds = adopted(make_hasty, tmp_path)
    next(iter(worlds.values())).servers.clock.advance(91 * DAY)
    monkeypatch.setenv("BRIDGE_CONFIG", str(tmp_path / "bridge.toml"))
    given: dict[str, Any] = {}
    sdk = ModuleType("airflow.sdk")
    sdk.task = lambda **options: lambda run: Task(run, options)  # type: ignore[attr-defined]
    sdk.dag = lambda **options: lambda run: given.update(options) or run  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "airflow", ModuleType("airflow"))
    monkeypatch.setitem(sys.modules, "airflow.sdk", sdk)
    made = runpy.run_path(str(FILE))
    return Dag(worlds, made["sweeping"], made["acting"], given)


def test_an_action_is_mapped_over_what_the_sweep_returns_and_runs_do_not_overlap(dag: Dag) -> None:
    assert dag.acting.mapped == {"action": dag.sweeping}
    assert dag.acting.options == {"task_id": "act", "retries": 0, "max_active_tis_per_dagrun": 8}
    assert (dag.options["catchup"], dag.options["max_active_runs"]) == (False, 1)


def test_what_is_due_is_rotated_once_also_by_a_task_that_runs_twice(dag: Dag) -> None:
    before, old = dag.changes, {world.live for world in dag.worlds.values()}
    actions = json.loads(json.dumps(dag.sweeping.run()))
    assert [(each["verb"], each["client"]) for each in actions] == [("rotate", name) for name in dag.worlds]
    results = [dag.acting.run(each) for each in actions]
    assert [each["word"] for each in results] == ["rotated"] * 3
    assert [dag.acting.run(each)["word"] for each in actions] == ["nothing"] * 3
    assert dag.changes == [count + 1 for count in before]
    assert dag.sweeping.run() == []
    told = json.dumps([actions, results])
    for world in dag.worlds.values():
        assert {place.see().current for place in world.sinks} == {world.live}
    assert [secret for secret in old | {world.live for world in dag.worlds.values()} if secret in told] == []


def test_a_failure_is_a_failed_task_that_says_what_to_do_and_the_next_run_goes_on(dag: Dag) -> None:
    world = dag.worlds["orders"]
    world.tenant.fault("error-after", method="PATCH", path=world.client_id, count=100)
    actions = dag.sweeping.run()
    with pytest.raises(RuntimeError, match=r"orders: incomplete.*resume orders"):
        dag.acting.run(actions[1])
    world.tenant.clear_faults()
    world.servers.clock.advance(DAY)
    (following,) = (each for each in dag.sweeping.run() if each["client"] == "orders")
    assert following["verb"] == "resume"
    assert dag.acting.run(following)["exit"] == 0
    assert {place.see().current for place in world.sinks} == {world.live}


def test_what_is_no_action_is_refused(dag: Dag) -> None:
    before = dag.changes
    with pytest.raises(Exception, match="this is no action"):
        dag.acting.run({"verb": "rm"})
    assert dag.changes == before


def test_an_error_of_others_shows_its_name_only(dag: Dag, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BRIDGE_CONFIG")
    with pytest.raises(RuntimeError) as raised:
        dag.sweeping.run()
    assert str(raised.value) == "KeyError"

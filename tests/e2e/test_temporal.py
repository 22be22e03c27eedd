"""The worker of docs/guide/deploy/fleet on Temporal's development server, by processes."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.docs.pages import DOCS
from tests.e2e.command import ROOT, environ, execute
from tests.e2e.test_several_clients import adopted, write
from tests.e2e.world import MakeWorld, World
from tests.support.temporal import Temporal, installed

FILE = DOCS / "guide" / "deploy" / "fleet" / "temporal_worker.py"
ENOUGH = 240.0
"""Seconds in which anything has happened: three workers may die one after the other, each noticed after 30."""
QUIET, DUE = 'max_age = "90d"', 'max_age = "1s"'


@dataclass
class Fleet:
    """Three clients of one configuration, the server, and its workers."""

    worlds: dict[str, World]
    home: Path
    temporal: Temporal
    workers: list[subprocess.Popen[str]] = field(default_factory=list)

    def configure(self, more: str) -> None:
        """Write the configuration in one step, because workers read it meanwhile."""
        file = self.home / "bridge.toml"
        made = self.home / "made"
        made.mkdir(exist_ok=True)
        write(made, self.worlds, more)
        (made / "bridge.toml").replace(file)

    def start(self, file: Path = FILE) -> subprocess.Popen[str]:
        variables = environ(next(iter(self.worlds.values())), self.home)
        variables |= {"PYTHONPATH": f"{ROOT}:{installed()}", "TEMPORAL_ADDRESS": self.temporal.address}
        variables |= {"BRIDGE_CONFIG": str(self.home / "bridge.toml")}
        with self.log.open("a", encoding="utf-8") as log:
            made = subprocess.Popen(
                [sys.executable, "-B", file], env=variables, cwd=self.home, stdout=log, stderr=log, text=True
            )
        self.workers.append(made)
        return made

    @property
    def log(self) -> Path:
        return self.home / "worker.log"

    def until(self, so: Callable[[], Any], why: str) -> None:
        end = time.monotonic() + ENOUGH
        while not so():
            assert time.monotonic() < end, f"{why}\n{self.log.read_text('utf-8')}"
            time.sleep(0.2)

    def swept(self) -> list[dict[str, Any]]:
        """Let a sweep run to its end, and return its history."""
        self.until(lambda: self.temporal.ask("GET", "schedules/secret-bridge"), "no schedule")
        before = len(self.temporal.sweeps())
        self.temporal.sweep()
        self.until(lambda: len(self.temporal.sweeps()) > before, "no sweep has ended")
        return self.temporal.events(self.temporal.sweeps()[0])

    @property
    def changes(self) -> list[int]:
        return [len(world.tenant.secret_history(world.client_id)) for world in self.worlds.values()]

    def kinds(self) -> set[str]:
        ended = execute(next(iter(self.worlds.values())), "status", "--json", home=self.home)
        return {each["kind"] for each in ended.objects}

    def whole(self) -> bool:
        return all({place.see().current for place in world.sinks} == {world.live} for world in self.worlds.values())

    def end(self) -> None:
        for each in self.workers:
            each.kill()
            each.wait()


@pytest.fixture
def fleet(make_live: MakeWorld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Fleet]:
    monkeypatch.chdir(tmp_path)
    with Temporal() as temporal:
        made = Fleet(adopted(make_live, tmp_path), tmp_path, temporal)
        try:
            yield made
        finally:
            made.end()


def results(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the results of the actions in a history."""
    told = [
        payload
        for event in events
        for payload in event.get("activityTaskCompletedEventAttributes", {}).get("result", ())
    ]
    return [each for each in told if "word" in each]


def words(events: list[dict[str, Any]]) -> Any:
    """Return the last event's count of the results."""
    (told,) = events[-1]["workflowExecutionCompletedEventAttributes"]["result"]
    return told["results"]


def test_what_is_due_is_rotated_once_and_no_value_is_in_histories_files_or_logs(fleet: Fleet) -> None:
    fleet.configure(DUE)
    before = fleet.changes
    worker = fleet.start()
    events = fleet.swept()
    assert words(events) == {"rotated": 3}
    assert sorted(each["client"] for each in results(events)) == sorted(fleet.worlds)
    assert fleet.changes == [count + 1 for count in before]
    assert fleet.whole()
    fleet.configure(QUIET)
    assert words(fleet.swept()) == {}
    assert fleet.changes == [count + 1 for count in before]
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(ENOUGH) == 0

    assert leaked(fleet) == set()


def test_a_value_that_went_through_would_be_seen(fleet: Fleet) -> None:
    text = FILE.read_text("utf-8")
    broken = fleet.home / "broken.py"
    broken.write_text(text.replace('"attention": [', '"value": os.environ["AUTH0_CLIENT_SECRET"], "attention": ['))
    fleet.configure(QUIET)
    fleet.start(broken)
    fleet.swept()
    assert leaked(fleet) == {next(iter(fleet.worlds.values())).environment["AUTH0_CLIENT_SECRET"]}


def leaked(fleet: Fleet) -> set[str]:
    """Return the secrets that are in histories, the server's files, or logs."""
    told = json.dumps([fleet.temporal.events(each) for each in fleet.temporal.sweeps()])
    told += fleet.log.read_text("utf-8") + fleet.temporal.log_file.read_text("utf-8")
    told += "".join(
        file.read_bytes().decode("latin-1") for file in fleet.temporal.home.iterdir() if "temporal.db" in file.name
    )
    assert "attention" in told
    environment = next(iter(fleet.worlds.values())).environment
    secrets = {environment[name] for name in ("AUTH0_CLIENT_SECRET", "VAULT_TOKEN")}
    for world in fleet.worlds.values():
        secrets |= {each.value for each in world.tenant.secret_history(world.client_id)}
    return {secret for secret in secrets if secret in told}


def test_a_worker_that_is_killed_loses_nothing_and_rotates_nothing_twice(fleet: Fleet) -> None:
    fleet.configure(DUE)
    before = fleet.changes
    worker = fleet.start()
    fleet.until(lambda: fleet.temporal.ask("GET", "schedules/secret-bridge"), "no schedule")
    fleet.temporal.sweep()
    fleet.until(lambda: fleet.changes != before, "nothing was begun")
    worker.kill()  # in the midst of it
    worker.wait()
    fleet.configure(QUIET)
    fleet.start()
    fleet.until(fleet.temporal.sweeps, "the other worker does not take over")
    assert any(each.get("activityTaskStartedEventAttributes", {}).get("attempt", 1) > 1
               for each in fleet.temporal.events(fleet.temporal.sweeps()[0]))  # fmt: skip

    def settled() -> bool:
        fleet.swept()
        return fleet.kinds() == {"ok"}

    fleet.until(settled, "something is left")
    assert fleet.whole()
    assert all(now - then <= 1 for now, then in zip(fleet.changes, before, strict=True))


def test_a_sweep_that_somebody_forged_rotates_nothing(fleet: Fleet) -> None:
    fleet.configure(QUIET)
    before = fleet.changes
    fleet.start()
    fleet.swept()
    world = fleet.worlds["billing"]
    action = {"verb": "rotate", "tenant": "local", "client": "billing", "client_id": world.client_id}
    for name, forged in (("not-due", action), ("no-action", {"verb": "rm"})):
        body = {"activityType": {"name": "act"}, "taskQueue": {"name": "secret-bridge"}, "input": [forged],
                "startToCloseTimeout": "60s", "retryPolicy": {"maximumAttempts": 1}}  # fmt: skip
        fleet.temporal.ask("POST", f"activities/{name}", json=body)

    def states() -> list[str]:
        told = [fleet.temporal.ask("GET", f"activities/{name}") for name in ("not-due", "no-action")]
        return [each["info"]["status"].rpartition("_")[2] for each in told if each]

    fleet.until(lambda: states() == ["COMPLETED", "FAILED"], "they are never done")
    assert fleet.changes == before

"""Workers as processes, on a real Postgres and on SQLite: killed, without a database, and beside forged rows."""

from __future__ import annotations

import contextlib
import itertools
import json
import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e.command import MAIN, Ended, environ, execute
from tests.e2e.sinks import NO_TRUST
from tests.e2e.test_several_clients import adopted, write
from tests.e2e.world import MakeWorld, World
from tests.support.postgres import Postgres, name_of
from tests.unit.agent.running import free_port

ENOUGH = 60.0
"""Seconds in which anything has happened."""
FLEET = '[fleet]\ndatabase = "{database}"\nevery = "2s"\n'
QUIET, OFTEN = 'max_age = "90d"', 'max_age = "4s"\nmin_interval = "0s"'


@pytest.fixture(scope="module")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    with Postgres(tmp_path_factory.mktemp("postgres")) as running:
        yield running


@dataclass
class Fleet:
    """Three clients of one configuration, an engine's database, and the workers on it."""

    worlds: dict[str, World]
    home: Path
    url: str = ""
    workers: list[subprocess.Popen[str]] = field(default_factory=list)

    @property
    def world(self) -> World:
        return next(iter(self.worlds.values()))

    def configure(self, more: str = QUIET, database: str = "env:FLEET_DATABASE") -> None:
        write(self.home, self.worlds)
        file = self.home / "bridge.toml"
        # In one step, because workers read it meanwhile.
        text = file.read_text("utf-8").replace('min_interval = "0s"', more) + FLEET.format(database=database)
        file.with_suffix(".new").write_text(text, "utf-8")
        file.with_suffix(".new").replace(file)

    def start(self, *options: str) -> subprocess.Popen[str]:
        log = self.home / f"worker-{len(self.workers)}.log"
        told = environ(self.world, self.home) | {"FLEET_DATABASE": self.url}
        with log.open("w", encoding="utf-8") as file:
            command = [sys.executable, "-c", MAIN, "worker", *options]
            made = subprocess.Popen(command, env=told, cwd=self.home, stdout=file, stderr=file, text=True)
        self.workers.append(made)
        return made

    def log(self, number: int = -1) -> str:
        return (self.home / f"worker-{number % len(self.workers)}.log").read_text("utf-8")

    def fleet(self, *words: str, status: int | None = 0) -> Ended:
        ended = execute(self.world, "fleet", *words, home=self.home, FLEET_DATABASE=self.url)
        assert status is None or ended.status == status, ended.told
        assert "Traceback" not in ended.told
        return ended

    def until(self, so: Callable[[], Any], why: str) -> None:
        end = time.monotonic() + ENOUGH
        while not so():
            assert time.monotonic() < end, f"{why}\n{self.log()}\n{self.fleet('show', status=None).told}"
            time.sleep(0.2)

    def rotated(self, times: int = 1) -> bool:
        return all(count > times for count in self.changes)

    @property
    def changes(self) -> list[int]:
        return [len(world.tenant.secret_history(world.client_id)) for world in self.worlds.values()]

    def swept(self) -> bool:
        return '"sweep": {' in self.fleet("status", "--json", status=None).out

    def works(self) -> None:
        """Check that every sink holds what Auth0 accepts, and that nothing is left of an operation."""
        ended = execute(self.world, "status", "--json", home=self.home)
        assert {each["kind"] for each in ended.objects} == {"ok"}
        for world in self.worlds.values():
            assert {place.see().current for place in world.sinks} == {world.live}

    def end(self) -> None:
        for each in self.workers:
            if each.poll() is None:
                each.send_signal(signal.SIGCONT)
                each.send_signal(signal.SIGTERM)
        for each in self.workers:
            with contextlib.suppress(subprocess.TimeoutExpired):
                each.wait(ENOUGH)
            each.kill()
            each.wait()


@pytest.fixture
def fleet(make_live: MakeWorld, tmp_path: Path, postgres: Postgres, monkeypatch: pytest.MonkeyPatch) -> Iterator[Fleet]:
    monkeypatch.chdir(tmp_path)
    made = Fleet(adopted(make_live, tmp_path), tmp_path, postgres.make())
    try:
        yield made
    finally:
        made.end()


def test_what_is_due_is_rotated_and_seen_and_steered(fleet: Fleet) -> None:
    fleet.configure(OFTEN)
    port = free_port()
    one = fleet.start("--name", "one", "--listen", f"127.0.0.1:{port}", "--only", "rotate")
    fleet.until(fleet.rotated, "nothing was rotated")
    fleet.configure(QUIET)
    fleet.until(lambda: "rotated" in fleet.fleet("show").out, "no report")
    told = fleet.fleet("status").out
    assert "pool default: sweeps run" in told
    assert "by one: 3 clients" in told
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", verify=NO_TRUST, trust_env=False) as http:
        told = [http.get(path).status_code for path in ("/healthz", "/readyz", "/metrics", "/x")]
        assert told == [200, 200, 200, 404]
        assert 'secret_bridge_worker_results_total{tenant="local",result="rotated"}' in http.get("/metrics").text
        assert http.post("/healthz").status_code == 405

    assert "paused" in fleet.fleet("pause").out
    assert "paused" in fleet.fleet("status", status=5).out
    fleet.configure('max_age = "1s"\nmin_interval = "1h"')  # due again, and rotated too lately
    assert "a sweep was asked for" in fleet.fleet("run-now").out
    fleet.until(lambda: "nothing" in fleet.fleet("show").out, "the sweep was not run")
    assert "sweeps run" in fleet.fleet("resume").out
    assert "pieces of work cancelled" in fleet.fleet("cancel", "--tenant", "local").out
    one.send_signal(signal.SIGTERM)
    assert one.wait(ENOUGH) == 0
    assert "reports deleted" in fleet.fleet("purge", "--days", "0").out
    assert "success" not in fleet.fleet("show").out
    fleet.configure(QUIET)
    fleet.works()


def test_a_client_that_needs_somebody_is_named_once_and_not_by_each_sweep(fleet: Fleet) -> None:
    fleet.configure(QUIET)
    config = fleet.home / "bridge.toml"
    nowhere = '[clients.lost]\ntenant = "local"\nclient_id = "lost"\nsinks = ["eu://secret/lost"]\n'
    config.write_text(f"{config.read_text('utf-8')}{nowhere}{nowhere.replace('lost', 'gone')}", "utf-8")
    one = fleet.start("--name", "one")
    port = free_port()
    fleet.start("--name", "two", "--json", "--listen", f"127.0.0.1:{port}")
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", verify=NO_TRUST, trust_env=False) as http:

        def sweeps() -> int:
            found = re.search(r"sweeps_total (\d+)", http.get("/metrics").text)
            return int(found[1]) if found else 0

        fleet.until(lambda: "attention: lost" in fleet.log(0), "nobody is named")
        one.send_signal(signal.SIGTERM)
        assert one.wait(ENOUGH) == 0
        fleet.until(lambda: sweeps() > 2, "no further sweeps")
        # Another worker has not said so itself.
        told = [json.loads(line)["attention"][0] for line in fleet.log(1).splitlines() if "attention" in line]
        assert sorted(told) == ["gone", "lost"]
        assert [fleet.log(0).count(f"attention: {name}") for name in ("lost", "gone")] == [1, 1]

        fleet.configure(QUIET)
        seen = sweeps()
        fleet.until(lambda: sweeps() > seen + 1, "no sweep after the change")
        config.write_text(config.read_text("utf-8") + nowhere, "utf-8")
        fleet.until(lambda: fleet.log(1).count('"lost"') > 1, "what is wrong again is not said again")


def test_what_was_refused_is_not_tried_by_each_sweep(fleet: Fleet) -> None:
    """Each attempt reads the tenant's log, and has two lines in the audit record."""
    world = fleet.worlds["orders"]
    world.tenant.update(world.client_id, {"token_endpoint_auth_method": "none"}, "dashboard")
    fleet.configure(OFTEN)
    fleet.start("--name", "one", "--only", "rotate")
    fleet.until(lambda: "attention: orders: rotate was refused" in fleet.log(), "nobody is told")
    before = fleet.log().count("mailer: rotated")
    fleet.until(lambda: fleet.log().count("mailer: rotated") > before + 1, "others are not rotated")
    assert fleet.log().count("orders: refused") == 1
    assert fleet.log().count("attention: orders") == 1


def test_no_further_sweep_runs_after_too_many_failures(
    make_live: MakeWorld, tmp_path: Path, postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    worlds = {f"{tenant}-{number}": make_live() for tenant in ("a", "b", "c", "d") for number in range(5)}
    fleet = Fleet(worlds, tmp_path, postgres.make())
    fleet.configure(QUIET)
    config = tmp_path / "bridge.toml"
    text = config.read_text("utf-8")
    head, *clients = re.split(r"(?=\[clients\.)", text.partition("[fleet]")[0])
    tenant = re.search(r"\[tenants\.local\].*?(?=\n\[)", head, re.DOTALL)
    assert tenant
    tables = "\n".join(tenant[0].replace("local", name) for name in ("a", "b", "c", "d"))
    text = head.replace(tenant[0], tables)
    for each in clients:
        name = each.removeprefix("[clients.")[0]
        text += each.replace('tenant = "local"', f'tenant = "{name}"')
    config.write_text(text + FLEET.format(database="env:FLEET_DATABASE"), "utf-8")
    for world in worlds.values():
        world.fill()
    assert execute(fleet.world, "adopt", "--all", "--yes", home=tmp_path).status == 0
    fleet.world.tenant.fault("error-before", method="PATCH", count=1000)
    config.write_text(config.read_text("utf-8").replace(QUIET, OFTEN), "utf-8")
    try:
        fleet.start("--name", "one", "--only", "rotate")
        fleet.until(lambda: "paused" in fleet.fleet("status", status=None).out, "sweeps go on")
        told = "20 of 20 clients have failed, in a, b, c, d"
        assert f"  no further sweep runs: {told}   -> secret-bridge fleet resume\n" in fleet.fleet("show").out
        assert f"no further sweep runs: {told}" in fleet.log()
    finally:
        fleet.end()


def test_a_worker_that_is_killed_loses_nothing_and_rotates_nothing_twice(fleet: Fleet) -> None:
    fleet.configure(OFTEN)
    for _ in range(3):
        worker = fleet.start("--name", "one", "--only", "rotate", "--only", "resume")
        before = sum(fleet.changes)
        fleet.until(lambda before=before: sum(fleet.changes) > before, "nothing was begun")  # type: ignore[misc]
        worker.kill()  # in the midst of it
        worker.wait()
    fleet.configure(QUIET)
    fleet.start("--name", "one")
    fleet.until(fleet.swept, "no sweep")

    def settled() -> bool:
        ended = execute(fleet.world, "status", "--json", home=fleet.home)
        return {each["kind"] for each in ended.objects} == {"ok"}

    fleet.until(settled, "something is left")
    fleet.works()
    for world in fleet.worlds.values():
        moments = [change.at for change in world.tenant.secret_history(world.client_id)][1:]
        assert all(later - earlier >= timedelta(seconds=3.9) for earlier, later in itertools.pairwise(moments))


def test_a_database_that_is_emptied_costs_a_restart_and_nothing_else(fleet: Fleet, postgres: Postgres) -> None:
    fleet.configure(OFTEN)
    fleet.start("--name", "one")
    fleet.until(fleet.swept, "no sweep")
    postgres.restart()
    count = sum(fleet.changes)
    fleet.until(lambda: sum(fleet.changes) > count + 1, "it does not go on after a restart of the database")
    postgres.say(f"drop database {name_of(fleet.url)} with (force)")
    postgres.say(f"create database {name_of(fleet.url)}")
    assert "the database has no pool" in fleet.fleet("status", status=1).err


def test_rows_that_somebody_forged_harm_nobody(fleet: Fleet, postgres: Postgres) -> None:
    fleet.configure(QUIET)
    fleet.start("--name", "one", "--only", "rotate")
    fleet.until(fleet.swept, "no sweep")
    nobody = {"verb": "rotate", "tenant": "local", "client": "x", "client_id": "y"}
    bodies = {"no-work": [7], "other": [[{"verb": "rm"}]], "nobody": [[nobody]]}
    poison = {name: json.dumps({"args": args, "kwargs": {}}) for name, args in bodies.items()} | {"no-json": "{"}
    for name, inputs in poison.items():
        postgres.say(
            "insert into dbos.workflow_status (workflow_uuid, status, name, queue_name, queue_partition_key, inputs,"
            " application_version, serialization, created_at, updated_at, priority)"
            f" values ('{name}', 'ENQUEUED', 'work', 'work-default', '{name}', '{inputs}', '1', 'json-only',"
            " extract(epoch from now())*1000, extract(epoch from now())*1000, 0)",
            name_of(fleet.url),
        )

    def states() -> str:
        told = "', '".join(poison)
        return postgres.say(
            f"select workflow_uuid, status from dbos.workflow_status where workflow_uuid in ('{told}')",
            name_of(fleet.url),
        )

    fleet.until(lambda: "ENQUEUED" not in states() and "PENDING" not in states(), "poison is never done")
    fleet.configure(OFTEN)
    fleet.until(fleet.rotated, "the poison holds others up")


def test_a_sweep_whose_worker_is_gone_holds_up_no_other(fleet: Fleet, postgres: Postgres) -> None:
    fleet.configure(QUIET)
    one = fleet.start("--name", "one", "--only", "rotate")
    fleet.until(fleet.swept, "no sweep")
    one.send_signal(signal.SIGTERM)  # its own sweeps end, so that the only one that is left is made up
    assert one.wait(ENOUGH) == 0
    postgres.say(
        "insert into dbos.workflow_status (workflow_uuid, status, name, queue_name, inputs, executor_id,"
        " application_version, serialization, created_at, updated_at, started_at_epoch_ms, priority)"
        " values ('sched-sweep-default-1', 'PENDING', 'sweep', 'sweep-default', '{}', 'gone', '1', 'json-only',"
        " 1, 1, 1, 0)",
        name_of(fleet.url),
    )
    fleet.configure(OFTEN)
    fleet.start("--name", "two", "--only", "rotate")
    fleet.until(fleet.rotated, "the sweep of a worker that is gone holds up all others")


def test_rows_of_another_version_are_left_alone(fleet: Fleet, postgres: Postgres) -> None:
    fleet.configure(QUIET)
    fleet.start("--name", "one")
    fleet.until(fleet.swept, "no sweep")
    postgres.say(
        "insert into dbos.workflow_status (workflow_uuid, status, name, queue_name, queue_partition_key, inputs,"
        " application_version, serialization, created_at, updated_at, priority)"
        " values ('later', 'ENQUEUED', 'work', 'work-default', 'elsewhere', '{}', '2', 'json-only', 1, 1, 0)",
        name_of(fleet.url),
    )
    time.sleep(5)
    assert "ENQUEUED" in postgres.say("select status from dbos.workflow_status where workflow_uuid='later'",
                                      name_of(fleet.url))  # fmt: skip


def secrets_of(fleet: Fleet) -> set[str]:
    found = {fleet.world.environment[name] for name in ("AUTH0_CLIENT_SECRET", "VAULT_TOKEN")}
    for world in fleet.worlds.values():
        found |= {each.value for each in world.tenant.secret_history(world.client_id)}
    return found


def test_no_secret_is_in_a_file_a_dump_or_a_log(fleet: Fleet) -> None:
    fleet.configure(OFTEN, "sqlite:fleet.db")
    fleet.start("--name", "one", "--verbose")
    fleet.until(fleet.rotated, "nothing was rotated")
    with fleet.world.tenant.lock:
        fleet.world.tenant.fault("error-before", method="PATCH", count=100)
    fleet.until(lambda: "incomplete" in fleet.log() or "failed" in fleet.log(), "no failure")
    fleet.end()
    file = fleet.home / "fleet.db"
    assert file.stat().st_mode & 0o777 == 0o600
    dump = "\n".join(sqlite3.connect(file).iterdump())
    everything = (
        dump
        + fleet.log()
        + "".join(each.read_bytes().decode("latin-1") for each in fleet.home.iterdir() if each.is_file())
    )
    assert "rotated" in dump
    for secret in secrets_of(fleet):
        assert secret not in everything


def test_an_accident_with_the_database_is_named(fleet: Fleet) -> None:
    fleet.configure(QUIET, "sqlite:fleet.db")
    (fleet.home / "fleet.db").touch(mode=0o644)
    (fleet.home / "fleet.db").chmod(0o644)
    assert "fleet.db can be read by others" in fleet.fleet("status", status=2).err
    (fleet.home / "fleet.db").unlink()
    assert "the database has no pool default" in fleet.fleet("status", status=1).err
    assert (
        "-> a worker makes it: secret-bridge worker --pool eu\n" in fleet.fleet("status", "--pool", "eu", status=1).err
    )
    fleet.configure(QUIET)
    fleet.url = f"postgresql://somebody:{'p' * 20}@127.0.0.1:{free_port()}/x"
    ended = fleet.fleet("status", status=1)
    assert "the engine's database cannot be used (nothing listens there)" in ended.err
    assert "p" * 20 not in ended.told
    ended = execute(fleet.world, "worker", "--name", "eu 1", home=fleet.home, FLEET_DATABASE=fleet.url)
    assert (ended.status, '--name: found "eu 1", expected up to 100 letters' in ended.err) == (2, True)
    fleet.url = "mysql://x:p@h/d"
    assert "expected postgresql://USER:PASSWORD@HOST/NAME" in fleet.fleet("status", status=2).err
    fleet.configure(QUIET, "file:/nowhere")
    assert "fleet.database: file:/nowhere: there is no such file" in fleet.fleet("status", status=2).err
    write(fleet.home, fleet.worlds)
    assert "fleet: missing in the configuration\n  -> at least [fleet] with" in fleet.fleet("status", status=2).err


@pytest.mark.parametrize(("broken", "cause"), [
    ("postgresql://postgres:@/nothing?", "it has no such database"),
    ("postgresql://nobody:@/postgres?", "it has no such role"),
    ("postgresql://postgres:@/closed?", "that database takes no connections"),
    ("postgresql://outside:@/postgres?", "that role may not log in"),
    ("postgresql://nobody:@nowhere.invalid/postgres?", "its host has no address"),
])  # fmt: skip
def test_why_the_database_cannot_be_used_is_said_in_our_words(
    fleet: Fleet, postgres: Postgres, broken: str, cause: str
) -> None:
    fleet.configure(QUIET)
    host = postgres.make().partition("?")[2] if "@/" in broken else ""
    if "closed" in broken:
        postgres.say("create database closed allow_connections false")
    if "outside" in broken:
        postgres.say("create role outside nologin")
    fleet.url = f"{broken}{host}"
    assert f"the engine's database cannot be used ({cause})\n" in fleet.fleet("status", status=1).err


def test_once_needs_no_database(fleet: Fleet) -> None:
    fleet.configure(OFTEN)
    time.sleep(5)
    ended = execute(fleet.world, "worker", "--once", "--json", home=fleet.home)
    assert ended.status == 0, ended.told
    assert sorted(each["word"] for each in ended.objects) == ["rotated"] * 3
    fleet.configure(QUIET)
    assert "nothing is next: 3 clients looked at" in execute(fleet.world, "worker", "--once", home=fleet.home).out
    assert "unexpected extra argument" in execute(fleet.world, "worker", "billing", "--once", home=fleet.home).err
    share = execute(fleet.world, "worker", "--once", "--shard", "2/2", home=fleet.home)
    assert "nothing is next: 0 clients looked at; a tenant is never divided, and this share has none" in share.out

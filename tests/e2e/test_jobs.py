"""Several clients at a time, by the installed command: each server is asked for one login, and none is mixed up."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bridge.sandbox.auth0.limits import Rate
from tests.e2e.command import MAIN, environ
from tests.e2e.fleet import LOGIN, TOKEN, Fleet, fleet_of
from tests.e2e.world import MakeWorld

CLIENTS = 8


@pytest.fixture
def fleet(make_live: MakeWorld, tmp_path: Path) -> Iterator[Fleet]:
    with fleet_of({f"client-{number}": make_live() for number in range(CLIENTS)}, tmp_path) as found:
        yield found


def test_each_command_takes_one_token_and_one_login(fleet: Fleet) -> None:
    for command in (
        ("adopt", "--all", "--yes"), ("rotate", "--all"), ("verify",), ("status",), ("report", "--json"), ("doctor",),
        ("rotate", "--all", "--due"), ("evidence",), ("retire", "--all", "--yes"), ("resume", "--all"),
    ):  # fmt: skip
        ended = fleet.run(*command)
        assert ended.status in ((0,) if command[0] not in ("retire", "evidence") else (0, 4, 5)), ended.told
        asks_auth0 = (
            command[0] in ("adopt", "rotate", "verify", "doctor", "evidence", "retire", "resume")
            and "--due" not in command
        )
        assert fleet.asked[LOGIN] == 1, command
        assert fleet.asked[TOKEN] == asks_auth0, command
        assert fleet.tokens_left() == 0, command
    assert fleet.is_whole()


def test_each_line_of_a_change_names_its_client(fleet: Fleet) -> None:
    assert fleet.run("adopt", "--all", "--yes").status == 0
    ended = fleet.run("rotate", "--all", "--no-wait")
    assert ended.status in (0, 3), ended.told
    steps = [line.split() for line in ended.err.splitlines() if line[:2].isdigit()]
    assert {words[1] for words in steps} == set(fleet.worlds)
    for name in fleet.worlds:
        assert [words[2] for words in steps if words[1] == name][:4] == ["check", "stage", "stage", "set"]
    results = [line for line in ended.out.splitlines() if line.startswith("result=")]
    assert sorted(line.split()[1] for line in results) == [f"client={name}" for name in fleet.worlds]


def test_what_only_looks_is_told_in_the_order_of_the_clients(fleet: Fleet) -> None:
    assert fleet.run("adopt", "--all", "--yes").status == 0
    for _ in range(3):
        ended = fleet.run("verify", "--json")
        assert [json.loads(line)["client"] for line in ended.out.splitlines()] == list(fleet.worlds)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_who_is_asked_to_stop_finishes_what_has_begun_and_says_what_was_not(fleet: Fleet, number: int) -> None:
    assert fleet.run("adopt", "--all", "--yes").status == 0
    variables = environ(fleet.worlds["client-0"], fleet.home) | fleet.given()
    command = [sys.executable, "-c", MAIN, "rotate", "--all", "--jobs", "2"]
    process = subprocess.Popen(
        command, env=variables, cwd=fleet.home, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    try:
        assert process.stderr
        next(line for line in process.stderr if " promote " in line)
        process.send_signal(number)
        out, err = process.communicate(timeout=60)
    finally:
        if process.poll() is None:
            process.kill()
        process.wait(10)
    results = dict(line.split()[1:] for line in out.splitlines() if line.startswith("result="))
    assert set(results) == {f"client={name}" for name in fleet.worlds}, out + err
    # A client that waits lets the next one begin, so all of them may have begun.
    assert re.search("stopped as asked, before (it was begun|anything was changed)", err), err
    assert process.returncode in (1, 3), err
    assert fleet.is_whole()
    assert fleet.run("rotate", "--all", "--no-wait").status in (0, 3)
    assert fleet.is_whole()


def test_a_process_that_dies_leaves_what_the_next_command_settles(fleet: Fleet) -> None:
    assert fleet.run("adopt", "--all", "--yes").status == 0
    variables = environ(fleet.worlds["client-0"], fleet.home) | fleet.given()
    process = subprocess.Popen(
        [sys.executable, "-c", MAIN, "rotate", "--all"], env=variables, cwd=fleet.home, text=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stderr
    next(line for line in process.stderr if " set " in line)
    os.kill(process.pid, signal.SIGKILL)
    process.wait(10)
    process.stderr.close()
    end = time.monotonic() + 60
    while (ended := fleet.run("resume", "--all", "--takeover", "--no-wait")).status not in (0, 3):
        assert time.monotonic() < end, ended.told
    assert fleet.is_whole()


def test_how_long_it_takes_is_told_by_the_limit_that_takes_longest(make_live: MakeWorld, tmp_path: Path) -> None:
    """A change takes one request to the Management API, and probes at the token endpoint if it is waited for."""
    with fleet_of({f"client-{number}": make_live() for number in range(10)}, tmp_path) as fleet:
        assert fleet.run("adopt", "--all", "--yes").status == 0
        tenant = fleet.worlds["client-0"].servers.auth0.tenant
        tenant.limit("management", Rate(50, 16))
        tenant.limit("token", Rate(30, 5))  # 80 % of it are 4 probes a second
        try:
            told = {
                words: fleet.run("rotate", "--all", "--dry-run", *words.split()).err
                for words in ("", "--no-wait", "--compromised --reason INC-1", "--rate 40")
            }
        finally:
            tenant.limit("management", None)
            tenant.limit("token", None)
        least = {words: re.search(r"10 clients, at least (\S+ \S+) ", text) for words, text in told.items()}
        assert {words: found and found[1] for words, found in least.items()} == {
            "": "40 s", "--no-wait": None, "--compromised --reason INC-1": "1 min", "--rate 40": "40 s",
        }, told  # fmt: skip

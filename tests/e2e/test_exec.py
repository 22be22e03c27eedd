"""`exec`: an application has its secret in its environment, and nothing of the operator's anywhere."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.e2e.command import environ
from tests.e2e.world import MakeWorld, World

DUMP = """
import json, os, sys
def read(pid, what):
    return open(f"/proc/{pid}/{what}", "rb").read().decode().split("\\0")
me, parent = os.getpid(), os.getppid()
told = {"environ": dict(os.environ), "argv": read(me, "cmdline"), "initial": read(me, "environ"),
        "parent": read(parent, "environ"), "parent's argv": read(parent, "cmdline"), "fds": os.listdir("/proc/self/fd")}
print(json.dumps(told), flush=True)
"""


@pytest.fixture
def rotated(make_live: MakeWorld) -> World:
    world = make_live()
    world.fill()
    world.rotate(adopt=True)
    return world


def started(world: World, home: Path, *options: str, argv: tuple[str, ...], **more: str) -> subprocess.Popen[str]:
    variables = environ(world, home) | {"AWS_SESSION_TOKEN": "the-operators-session", "KEPT": "yes", **more}
    command = [sys.executable, "-c", "from bridge.cli import main; main()", "exec", world.client_id]
    sinks = ("--sink", world.uris[0])
    return subprocess.Popen(
        [*command, *sinks, *options, "--", *argv],
        env=variables,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def dumped(world: World, home: Path, *options: str) -> dict[str, object]:
    process = started(world, home, *options, argv=(sys.executable, "-c", DUMP))
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    told: dict[str, object] = json.loads(out)
    return told


def operators(world: World) -> tuple[str, ...]:
    return world.own.client_secret, world.servers.bao.token, "the-operators-session"


def test_a_process_started_so_has_the_secret_and_none_of_the_operators_credentials(
    rotated: World, tmp_path: Path
) -> None:
    told = dumped(rotated, tmp_path)
    environ = told["environ"]
    assert isinstance(environ, dict)
    assert environ["AUTH0_CLIENT_ID"] == rotated.client_id
    assert environ["AUTH0_CLIENT_SECRET"] == rotated.live
    assert environ["AUTH0_CLIENT_SECRET_FALLBACK"] == rotated.s0
    assert environ["KEPT"] == "yes"
    assert environ["AUTH0_DOMAIN"] == rotated.environment["AUTH0_DOMAIN"]  # it says where, and opens nothing
    assert not [name for name in environ if "TOKEN" in name or (name.startswith("AWS_") and "KEY" in name)]
    own = json.dumps({name: told[name] for name in ("environ", "argv", "initial")})
    assert not [word for word in operators(rotated) if word in own]
    assert rotated.live not in json.dumps(told["argv"])


def test_its_parent_has_none_of_them_either_when_it_stays(rotated: World, tmp_path: Path) -> None:
    told = dumped(rotated, tmp_path, "--on-change", "restart")
    everything = json.dumps(told)
    assert not [word for word in operators(rotated) if word in everything]
    parents = json.dumps([told["parent"], told["parent's argv"], told["argv"]])
    assert not [value for value in (rotated.live, rotated.s0) if value in parents]
    assert rotated.live in json.dumps(told["environ"])


def test_what_is_wanted_is_kept_and_the_names_are_the_users(rotated: World, tmp_path: Path) -> None:
    environ = dumped(rotated, tmp_path, "--keep-env", "--prefix", "APP_")["environ"]
    assert isinstance(environ, dict)
    assert environ["APP_CLIENT_SECRET"] == rotated.live
    assert environ["AUTH0_CLIENT_SECRET"] == rotated.own.client_secret
    assert environ["AWS_SESSION_TOKEN"] == "the-operators-session"


@pytest.mark.parametrize("options", [(), ("--on-change", "restart")], ids=["become", "stay"])
@pytest.mark.parametrize("status", [0, 7, 200])
def test_its_exit_status_is_passed_through(
    rotated: World, tmp_path: Path, options: tuple[str, ...], status: int
) -> None:
    process = started(rotated, tmp_path, *options, argv=("sh", "-c", f"exit {status}"))
    process.communicate(timeout=60)
    assert process.returncode == status


@pytest.mark.parametrize("options", [(), ("--on-change", "restart")], ids=["become", "stay"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2])  # nohup ignores SIGHUP
def test_signals_reach_it(rotated: World, tmp_path: Path, options: tuple[str, ...], number: signal.Signals) -> None:
    script = f"trap 'echo got; exit 9' {number.value}; echo ready; while :; do sleep 0.05; done"
    process = started(rotated, tmp_path, *options, argv=("sh", "-c", script))
    with ended(process):
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
        process.send_signal(number)
        assert process.stdout.readline() == "got\n"
        assert process.wait(30) == 9


@contextmanager
def ended(process: subprocess.Popen[str]) -> Iterator[None]:
    try:
        yield
    finally:
        if process.poll() is None:
            process.terminate()
        process.communicate(timeout=30)


@pytest.mark.parametrize("options", [(), ("--on-change", "restart")], ids=["become", "stay"])
def test_a_command_that_does_not_exist_is_127(rotated: World, tmp_path: Path, options: tuple[str, ...]) -> None:
    process = started(rotated, tmp_path, *options, argv=("no-such-command",))
    _, err = process.communicate(timeout=60)
    assert process.returncode == 127
    assert "'no-such-command' was not found" in err
    assert "Traceback" not in err


def test_it_is_started_anew_when_the_secret_changes(rotated: World, tmp_path: Path) -> None:
    script = 'echo "$AUTH0_CLIENT_SECRET"; trap "exit 0" TERM; while :; do sleep 0.05; done'
    process = started(rotated, tmp_path, "--on-change", "restart", "--every", "1", argv=("sh", "-c", script))
    with ended(process):
        assert process.stdout
        assert process.stdout.readline().strip() == rotated.live
        time.sleep(rotated.tenant.settings.propagation.total_seconds())
        rotated.rotate()
        assert process.stdout.readline().strip() == rotated.live


def test_or_it_is_told_by_a_signal(rotated: World, tmp_path: Path) -> None:
    script = 'trap "echo told" HUP; echo ready; while :; do sleep 0.05; done'
    process = started(rotated, tmp_path, "--on-change", "HUP", "--every", "1", argv=("sh", "-c", script))
    with ended(process):
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
        time.sleep(rotated.tenant.settings.propagation.total_seconds())
        rotated.rotate()
        assert process.stdout.readline() == "told\n"


def test_a_signal_that_there_is_not_is_told(rotated: World, tmp_path: Path) -> None:
    process = started(rotated, tmp_path, "--on-change", "SHOUT", argv=("true",))
    _, err = process.communicate(timeout=60)
    assert process.returncode == 2
    assert "--on-change: found 'SHOUT'" in err


@pytest.mark.parametrize("text", ["", "x", "99", "-1"])
def test_the_variable_of_its_own_pipe_is_nobody_elses(rotated: World, tmp_path: Path, text: str) -> None:
    process = started(rotated, tmp_path, "--on-change", "restart", argv=("true",), SECRET_BRIDGE_FD=text)
    _, err = process.communicate(timeout=60)
    assert (process.returncode, "SECRET_BRIDGE_FD" in err, "Traceback" in err) == (2, True, False)


def test_credentials_that_are_too_long_to_be_handed_over_are_named(rotated: World, tmp_path: Path) -> None:
    long = "t" * 100_000  # Linux allows 128 KiB
    process = started(rotated, tmp_path, "--on-change", "restart", argv=("true",), AWS_SECRET_ACCESS_KEY=long)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 2
    assert "more than a pipe takes" in err
    assert "AWS_SECRET_ACCESS_KEY" in err
    assert "ttt" not in err

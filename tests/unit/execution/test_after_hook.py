"""What an `after` command can read of the bridge: by real processes, of which each looks at its parent."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bridge.execution import after_hook
from bridge.execution.after_hook import run

ROOT = Path(__file__).parents[3]
LOOK = """
import json, os, pathlib
proc = pathlib.Path("/proc") / str(os.getppid())
found = {name: (proc / name).read_bytes().decode("utf-8", "replace") for name in ("environ", "cmdline")}
pathlib.Path(os.environ["SEEN"]).write_text(json.dumps({**found, "own": dict(os.environ)}))
"""
HOOK = """
import ctypes, json, os, sys
from bridge.execution.after_hook import run
C = ctypes.CDLL(None)
C.getenv.restype = ctypes.c_char_p
for _ in range(2):  # a second client's
    assert run((sys.executable, "-c", sys.argv[1]), frozenset({"MY_TOKEN"})) is None
    assert os.environ["VAULT_TOKEN"] == "the-vault-token"
    assert C.getenv(b"VAULT_TOKEN") == b"the-vault-token"
    assert C.getenv(b"PATH") == os.environb[b"PATH"]
"""
NOTIFY = """
import os, sys
from bridge.notify import post
post.sys.executable = os.environ["LOOKS"]
post.KEPT = post.KEPT | {"SEEN"}
post._started(os.environ).communicate(timeout=60)
assert os.environ["VAULT_TOKEN"] == "the-vault-token"
"""
SECRET = {
    "VAULT_TOKEN": "the-vault-token", "AUTH0_CLIENT_SECRET": "the-auth0-secret", "MY_TOKEN": "the-named-token",
    "BRIDGE_AUDIT_KEY": "the-audit-key", "AUTH0_CLIENT_ASSERTION_PRIVATE_KEY": "the-key\nin-lines",
}  # fmt: skip


def looked(program: str, tmp_path: Path, *arguments: str, **more: str) -> dict[str, str]:
    seen = tmp_path / "seen"
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "SEEN": str(seen), "EMPTY": "", **SECRET, **more}
    subprocess.run([sys.executable, "-c", program, *arguments], env=environ, cwd=ROOT, check=True, timeout=120)
    told: dict[str, str] = json.loads(seen.read_text("utf-8"))
    return told


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="there is nothing to read here")
def test_the_command_reads_no_credential_in_its_own_environment_or_its_parents(tmp_path: Path) -> None:
    told = looked(HOOK, tmp_path, LOOK, KEPT="yes", AWS_REGION="eu-west-1")
    assert "the-" not in told["environ"]
    assert "the-" not in json.dumps(told["own"])
    own = dict(told["own"])
    assert (own["KEPT"], own["AWS_REGION"], own["EMPTY"]) == ("yes", "eu-west-1", "")


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="there is nothing to read here")
def test_nor_does_the_process_that_sends_notifications(tmp_path: Path) -> None:
    looks = tmp_path / "looks"
    looks.write_text(f"#!{sys.executable}\n{LOOK}", "utf-8")
    looks.chmod(0o755)
    told = looked(NOTIFY, tmp_path, LOOKS=str(looks))
    assert "the-" not in json.dumps([told["environ"], told["own"]])


def test_without_proc_nothing_happens(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from sinks import own_process

    for text in (None, "", "1 (x) S", "1 (x) S " + "0 " * 60, "1 (x) S " + "9 " * 60, "1 (x) S " + "-1 " * 60):
        path = tmp_path / "stat"
        if text is not None:
            path.write_text(text, "utf-8")
        monkeypatch.setattr(own_process, "STAT", path)
        own_process.hide_environment()


@pytest.mark.parametrize(
    ("program", "shown"),
    [
        ("print('one'); import sys; print('two', file=sys.stderr)", ["one", "two"]),
        ("print('no end', end='')", ["no end"]),
        ("import sys; sys.stdout.buffer.write(b'\\xff\\n')", ["\ufffd"]),
        ("pass", []),
        ("print('a' * 70000)", ["… 4465 bytes before this are left out", "a" * 65535]),
    ],
)
def test_what_is_shown_is_all_that_the_command_wrote_and_of_much_the_end(program: str, shown: list[str]) -> None:
    told: list[str] = []
    assert run((sys.executable, "-uc", program), show=told.append) is None
    assert told == shown


def test_the_output_of_a_command_that_fails_is_shown_too() -> None:
    told: list[str] = []
    failed = run((sys.executable, "-c", "print('why'); raise SystemExit(3)"), show=told.append)
    assert (failed, told) == (f"'{sys.executable}' exited with 3", ["why"])
    assert run(("/nowhere/to-be-found",), show=told.append) == "'/nowhere/to-be-found' was not found"


def test_nobody_waits_for_what_the_command_leaves_behind_and_it_can_go_on_writing(tmp_path: Path) -> None:
    told: list[str] = []
    later = f"read go; echo later && touch {tmp_path / 'wrote'}"
    os.mkfifo(tmp_path / "go")
    assert run(("sh", "-c", f"({later}) <{tmp_path / 'go'} & echo now"), show=told.append) is None
    assert told == ["now"]
    (tmp_path / "go").write_text("go\n", "utf-8")
    end = time.monotonic() + 20
    while not (tmp_path / "wrote").exists():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_without_room_for_a_file_the_command_runs_all_the_same(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def full() -> None:
        raise FileNotFoundError("no usable temporary directory")

    monkeypatch.setattr(after_hook, "TemporaryFile", full)
    told: list[str] = []
    assert run(("echo", "seen"), show=told.append) is None
    assert (capfd.readouterr(), told) == (("", "seen\n"), [])

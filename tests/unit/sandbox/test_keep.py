"""`secret-bridge sandbox`, as somebody runs it who has two terminals."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from bridge.config.load import load
from bridge.sandbox.stack import MARK

ROOT = Path(__file__).parents[3]
CODE = "import sys; sys.argv[0] = 'secret-bridge'; from bridge.cli import main; main()"
READY = "Ctrl-C ends it."


def environ(home: Path) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "HOME": str(home), "PYTHONPATH": str(ROOT), "TMPDIR": str(home)}


def bridge(*words: str, cwd: Path, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", CODE, *words], cwd=cwd, env={**environ(cwd), **more},
        capture_output=True, text=True, timeout=120, check=False, stdin=subprocess.DEVNULL,
    )  # fmt: skip


class Running:
    """A sandbox that runs, with what it has printed so far."""

    def __init__(self, process: subprocess.Popen[str], cwd: Path) -> None:
        self.process = process
        self.lines: list[str] = []
        while not self.lines or self.lines[-1] != READY:
            assert process.stderr
            line = process.stderr.readline()
            assert line, f"it did not start: {self.lines}"
            self.lines.append(line.rstrip())
        (told,) = [line.split()[1] for line in self.lines if line.startswith("  Files")]
        self.directory = cwd / told

    @property
    def variables(self) -> Mapping[str, str]:
        lines = (self.directory / "sandbox.env").read_text("utf-8").splitlines()
        return dict(line.removeprefix("export ").replace("'", "").split("=", 1) for line in lines)

    def clients(self) -> dict[str, str]:
        settings = load(self.directory / "bridge.toml", self.variables)
        return {name: client.client_id for name, client in settings.clients.items()}

    def end(self, by: signal.Signals = signal.SIGTERM) -> list[str]:
        self.process.send_signal(by)
        _, more = self.process.communicate(timeout=60)
        assert self.process.returncode == 0
        return more.splitlines()


@contextmanager
def sandbox(cwd: Path, *words: str) -> Iterator[Running]:
    command = [sys.executable, "-c", CODE, "sandbox", "--propagation", "1", *words]
    with subprocess.Popen(command, cwd=cwd, env=environ(cwd), stderr=subprocess.PIPE, text=True) as process:
        try:
            yield Running(process, cwd)
        finally:
            process.kill()


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with sandbox(tmp_path_factory.mktemp("two-terminals"), "--directory", "here", "--clients", "3") as it:
        yield it


def test_it_says_what_it_does_before_it_does_it_and_then_what_runs_where(running: Running) -> None:
    assert running.lines[0].startswith("Starting a local Auth0, OpenBao and AWS")
    told = running.variables
    for name, variable in (("Auth0", "AUTH0_DOMAIN"), ("OpenBao", "VAULT_ADDR"), ("AWS", "AWS_ENDPOINT_URL")):
        assert any(line.split()[:2] == [name, told[variable]] for line in running.lines), name


def test_what_it_says_to_type_works(running: Running, tmp_path: Path) -> None:
    start = running.lines.index("In another terminal:")
    typed = [line.partition("#")[0].strip() for line in running.lines[start + 1 : -1]]
    script = "set -e\nsecret-bridge() { " + f'\'{sys.executable}\' -c "$CODE" "$@"' + "; }\n" + "\n".join(typed)
    script = script.replace("adopt billing", "adopt billing --yes")  # a script has no terminal to be asked on
    done = subprocess.run(
        ["bash", "-c", script], cwd=running.directory.parent, env={**environ(tmp_path), "CODE": CODE},
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "result=rotated client=billing" in done.stdout
    assert "orders" in running.clients()


def test_it_has_as_many_clients_as_were_asked_for(running: Running) -> None:
    clients = running.clients()
    assert {"billing", "client-2", "client-3"} <= set(clients)
    state = httpx.get(f"{running.variables['AUTH0_DOMAIN']}/_sandbox/state", trust_env=False).json()
    assert {one["client_id"] for one in state["clients"]} >= set(clients.values())


def test_a_client_that_is_added_can_be_rotated(running: Running) -> None:
    added = bridge("sandbox", "--add", "mailer", "--add", "legacy", cwd=running.directory)
    assert added.returncode == 0, added.stderr
    assert [line.split()[0] for line in added.stdout.splitlines()] == ["mailer", "legacy"]
    for command in ("adopt", "rotate"):
        done = bridge(command, "mailer", "--yes", cwd=running.directory, **running.variables)
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("billing", "there is such a client"),
        ("a b", "letters"),
        ("x]\n[y", "letters"),
        ("", "letters"),
        ("-x", "letters"),
    ],
)
def test_a_name_that_cannot_be_added_is_refused_and_nothing_is_made(running: Running, name: str, said: str) -> None:
    before = running.clients()
    done = bridge("sandbox", f"--add={name}", cwd=running.directory)
    assert (done.returncode, running.clients()) == (2, before)
    assert "--add" in done.stderr
    assert said in done.stderr


def test_a_second_sandbox_does_not_take_the_directory_of_one_that_runs(running: Running) -> None:
    before = (running.directory / "sandbox.env").read_bytes()
    done = bridge("sandbox", "--directory", str(running.directory), cwd=running.directory)
    assert done.returncode == 4
    assert "running" in done.stderr
    assert (running.directory / "sandbox.env").read_bytes() == before


@pytest.mark.parametrize("name", ["bridge.toml", "sandbox.env"])
@pytest.mark.parametrize("text", ["", "[tenants.prod]\n", "# mine\n" + MARK, "\udcff"])
def test_no_file_of_somebody_else_is_overwritten(tmp_path: Path, name: str, text: str) -> None:
    there = text.encode(errors="surrogateescape")
    (tmp_path / name).write_bytes(there)
    done = bridge("sandbox", "--directory", ".", cwd=tmp_path)
    assert done.returncode == 4, done.stderr
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [(name, there)]


@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=str)
def test_nothing_outlives_it_where_no_directory_was_named(tmp_path: Path, by: signal.Signals) -> None:
    with sandbox(tmp_path) as it:
        assert it.directory.parent == tmp_path
        assert (it.directory / "sandbox.env").stat().st_mode & 0o777 == 0o600
        assert it.directory.stat().st_mode & 0o777 == 0o700
        assert it.end(by)[-1].endswith("Nothing is left behind.")
    assert list(tmp_path.iterdir()) == []


def test_a_named_directory_stays_and_serves_the_next_sandbox(tmp_path: Path) -> None:
    for _ in range(2):
        with sandbox(tmp_path, "--directory", "mine") as it:
            assert "mine stays" in it.end()[-1]
        assert {path.name for path in (tmp_path / "mine").iterdir()} == {"bridge.toml", "sandbox.env"}
    done = bridge("sandbox", "--directory", "mine", "--add", "orders", cwd=tmp_path)
    assert (done.returncode, "has ended" in done.stderr) == (1, True)
    assert "orders" not in (tmp_path / "mine" / "bridge.toml").read_text("utf-8")


@pytest.mark.parametrize("domain", ["https://acme.eu.auth0.com", "http://127.0.0.1:9@example.com", "x", "http://[::1"])
def test_a_client_is_added_to_a_sandbox_of_this_machine_only(tmp_path: Path, domain: str) -> None:
    text = f'{MARK}[tenants.sandbox]\ndomain = "{domain}"\n'
    (tmp_path / "bridge.toml").write_text(text, "utf-8")
    done = bridge("sandbox", "--add", "orders", cwd=tmp_path)
    assert (done.returncode, (tmp_path / "bridge.toml").read_text("utf-8")) == (1, text)
    assert "this machine" in done.stderr


def test_where_there_is_no_sandbox_it_says_so(tmp_path: Path) -> None:
    done = bridge("sandbox", "--add", "orders", cwd=tmp_path)
    assert (done.returncode, list(tmp_path.iterdir())) == (1, [])
    assert "no sandbox here" in done.stderr

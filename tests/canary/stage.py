"""Runs the real command line in a process of its own, forked or started, and looks for secrets in all it leaves behind.

The process gets a working directory, a HOME and a TMPDIR of its own. Inside it every value that ever becomes a `Secret`
is noted in a file elsewhere; together with what the servers hold these are the canaries. None may stand in what is
printed, in those directories (the audit record is there, too), in any process's arguments, or in the environment of a
process that it starts.
"""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

from tests.e2e.world import World
from tests.support.forks import Forks

ROOT = Path(__file__).parents[2]
SPREAD = timedelta(seconds=1)
UNHURRIED = timedelta(seconds=9)
LIMIT = 90  # seconds
WINDOW = 12  # so many characters in a row of a secret are a leak
MAIN = "from bridge.cli import main; main()"
SERVING = ("demo", "sandbox")
RECORDER = """
    import os
    from sinks.secret import Secret

    _path, _init = os.environ.pop("CANARY_RECORD"), Secret.__init__

    def _record(self, text):
        with open(_path, "a", encoding="utf-8") as file:
            file.write(text.replace("\\n", " ") + "\\n")
        _init(self, text)

    Secret.__init__ = _record
"""


def windows(secret: str) -> set[str]:
    """Return every stretch of a secret that must not be seen, plain and in its usual disguises."""
    shapes = {secret, json.dumps(secret)[1:-1], quote(secret, safe=""), repr(secret)[1:-1]}
    shapes |= {base64.b64encode(secret.encode()).decode().rstrip("="), secret[::-1]}
    return {shape[i : i + WINDOW] for shape in shapes for i in range(max(1, len(shape) - WINDOW + 1))}


def told_by(line: str) -> list[str]:
    """Return the secrets in a text that became a `Secret`: itself, or the values of a document; none of a lock's."""
    try:
        document = json.loads(line)
    except ValueError:
        document = None
    if not isinstance(document, dict):
        return [line]
    return [text for name, text in document.items() if isinstance(text, str) and name != "secret-bridge-lock"]


def leaks(text: str, secrets: Iterable[str]) -> list[str]:
    """Return the stretches of secrets that stand in a text."""
    return [stretch for secret in secrets for stretch in windows(secret) if stretch in text]


@dataclass
class Watcher:
    """Reads what others can read of a process and of those that it starts, again and again until it is stopped.

    `arguments` are those of all of them; `environments` those of the ones that it starts.
    """

    root: int
    arguments: set[str] = field(default_factory=set)
    environments: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._ended.wait(0.03):
            ours = _shown(self.root, "cmdline")
            self.arguments.add(ours)
            for child in _descendants(self.root):
                arguments = _shown(child, "cmdline")
                self.arguments.add(arguments)
                if arguments != ours:  # until it is another program, it has our own environment
                    self.environments.add(_shown(child, "environ"))


def _shown(pid: int, what: str) -> str:
    with suppress(OSError):
        return Path(f"/proc/{pid}/{what}").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    return ""


def _descendants(root: int) -> set[int]:
    found, waiting = set(), [root]
    while waiting:
        pid = waiting.pop()
        with suppress(OSError):
            for task in Path(f"/proc/{pid}/task").iterdir():
                born = {int(child) for child in (task / "children").read_text().split()}
                waiting += born - found
                found |= born
    return found


@dataclass(frozen=True)
class Ran:
    """What one run of the command line left behind. `told` is everything that must hold no secret, by where it was."""

    status: int
    out: str
    err: str
    told: Mapping[str, str]
    noted: frozenset[str]


class Stage:
    """A client in its sinks, and the environment of whoever runs the command line on it."""

    def __init__(self, world: World, directory: Path, environ: Mapping[str, str], forks: Forks) -> None:
        self.world = world
        self.forks = forks
        self.directory = directory
        self.environ = dict(environ)
        self.secrets: set[str] = set()
        self._runs = 0

    def run(
        self, *argv: str, stdin: str = "", crash: str = "", send: Mapping[str, int] | None = None, **environ: str | None
    ) -> Ran:
        """Run a command to its end.

        `crash` is Python that is executed at its start. `send`: signals, each sent once a word has been printed on
        stderr. `environ` changes the environment; None removes.
        """
        self._runs += 1
        here = self.directory / f"run{self._runs}"
        fresh = {name: here / name for name in ("work", "home", "tmp")}
        for path in (*fresh.values(), here / "site"):
            path.mkdir(parents=True)
        site = textwrap.dedent(RECORDER) + textwrap.dedent(crash)
        (here / "site" / "sitecustomize.py").write_text(site)
        (here / "noted").touch()
        changed = {name: text for name, text in {**self.environ, **environ}.items() if text is not None}
        environment = {
            **changed,
            "PATH": os.environ["PATH"],
            "PYTHONPATH": f"{here / 'site'}:{ROOT}",
            "PYTHONDONTWRITEBYTECODE": "1",
            "HOME": str(fresh["home"]),
            "TMPDIR": str(fresh["tmp"]),
            "CANARY_RECORD": str(here / "noted"),
            "BRIDGE_AUDIT": f"file:{fresh['tmp'] / 'audit.jsonl'}",
        }
        if send or argv[0] in SERVING:
            ended = self._started(argv, environment, fresh["work"], dict(send or {}))
        else:
            process = self.forks.start(f"{site}\n{MAIN}", argv, environment, fresh["work"])
            watcher = Watcher(process.pid)
            ended = (*process.communicate(stdin, LIMIT), watcher)
        out, err, status, watcher = ended
        watcher.stop()
        told = {
            "stdout": out,
            "stderr": err,
            "arguments of processes": "\n".join(watcher.arguments),
            "environment of children": "\n".join(watcher.environments),
            "files": _files(fresh.values()),
        }
        lines = (here / "noted").read_text("utf-8").splitlines()
        noted = frozenset(text for line in lines for text in told_by(line) if len(text) >= WINDOW)
        return Ran(status, out, err, told, noted)

    def _started(
        self, argv: Sequence[str], environment: Mapping[str, str], cwd: Path, send: dict[str, int]
    ) -> tuple[str, str, int, Watcher]:
        """Run a command in a process that is not forked: it serves, or is sent signals."""
        process = subprocess.Popen(
            [sys.executable, "-c", MAIN, *argv],
            env=environment,
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        watcher = Watcher(process.pid)
        out, err = self._followed(process, send)
        return out, err, process.returncode, watcher

    def on_client(self, command: str, *argv: str, **more: Any) -> Ran:
        """Run a command on the client and its sinks, as talkative as it can be."""
        sinks = [word for place in self.world.sinks for word in ("--sink", place.uri)]
        return self.run(command, self.world.client_id, "--verbose", *argv, *sinks, **more)

    def prepare(self, work: Callable[[Stage], object]) -> None:
        """Do something to the client beforehand, in this process and without haste."""
        settings = self.world.tenant.settings
        settings.propagation = UNHURRIED
        work(self)
        settings.propagation = SPREAD

    @staticmethod
    def _followed(process: subprocess.Popen[str], send: dict[str, int]) -> tuple[str, str]:
        """Read a process, sending signals at their time."""
        if not send:
            return process.communicate(timeout=LIMIT)
        assert process.stderr
        lines, end = [], time.monotonic() + LIMIT
        for line in process.stderr:
            lines.append(line)
            assert time.monotonic() < end
            for word in [word for word in send if word in line]:
                time.sleep(0.1)
                process.send_signal(send.pop(word))
        out, _ = process.communicate(timeout=LIMIT)
        assert not send, f"never printed: {send}"
        return out, "".join(lines)

    def known(self, ran: Ran) -> set[str]:
        """Return every secret there is by now."""
        tenant, world = self.world.tenant, self.world
        values = {change.value for client in tenant.clients() for change in client.live.changes}
        return {*self.secrets, *values, *ran.noted, world.servers.bao.token}

    def leaks_in(self, text: str, ran: Ran) -> list[str]:
        """Return the stretches of any secret in a text."""
        return leaks(text, self.known(ran))

    def assert_clean(self, ran: Ran, *, shown: str = "", besides: str = "") -> None:
        """Nothing but `besides` holds a secret; `shown` is the one that stdout is meant to hold."""
        for where, text in ran.told.items():
            found = self.leaks_in(text.replace(shown, "") if shown and where == "stdout" else text, ran)
            assert not found or where == besides, f"{where} holds {found[0]!r}"


def _files(directories: Iterable[Path]) -> str:
    """Return the names and contents of all files in directories."""
    found: list[Any] = []
    for directory in directories:
        for path in sorted(directory.rglob("*")):
            found += [path.name, path.read_bytes().decode(errors="replace") if path.is_file() else ""]
    return "\n".join(found)

"""Applications in five languages that ask for tokens by unmodified OAuth libraries: `readers/` holds their programs.

A program reads lines `COUNT URL SECRET EVERY [SOCKET]`: it asks COUNT times at URL, one request after the other, and
sends SECRET as its `client_secret`. Every EVERY-th request, from the first on, names an organization that nobody has
named before, so the agent has no token for it. After each line it prints `Counts` in JSON. It keeps no token. After a
connection that failed it waits for 0.1 s. CLIENT_ID and AUDIENCE are variables, and LATE, in seconds.
"""

from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, fields
from importlib.metadata import version
from pathlib import Path
from types import TracebackType
from typing import Self

READERS = Path(__file__).parent / "readers"
SIMPLE_OAUTH2 = "simple-oauth2@5.1.0"
GO = {"GO111MODULE": "off", "GOPATH": "/usr/share/gocode", "GOFLAGS": ""}
"""How go finds what Debian's package golang-golang-x-oauth2-dev holds."""
RUBY_VERSION = "require %q(oauth2/version); puts OAuth2::Version"


@dataclass
class Counts:
    """What became of requests: `refused` is 401 or `invalid_client`, `connection` that there was no answer.

    `late` took longer than LATE until there was a token, `slowest` the longest, in seconds. `why` is the last failure,
    where there is one that had an answer.
    """

    asked: int = 0
    got: int = 0
    refused: int = 0
    connection: int = 0
    other: int = 0
    late: int = 0
    slowest: float = 0.0
    why: str = ""

    def add(self, other: Counts) -> None:
        """Count what another one counted too."""
        for each in fields(Counts):
            mine, theirs = getattr(self, each.name), getattr(other, each.name)
            match each.name:
                case "slowest":
                    self.slowest = max(mine, theirs)
                case "why":
                    answered = other.refused or other.other
                    self.why = theirs if answered else mine or theirs
                case _:
                    setattr(self, each.name, mine + theirs)


def cache() -> Path:
    """Return the folder of what is installed and compiled for the readers. It outlives the benchmark."""
    found = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "secret-bridge-bench"
    found.mkdir(parents=True, exist_ok=True)
    return found


def _python() -> list[str]:
    return [sys.executable, "-I", str(READERS / "python_reader.py")]


def _node() -> list[str]:
    home = cache() / SIMPLE_OAUTH2
    if not (home / "node_modules" / "simple-oauth2").is_dir():
        quiet = ("--no-audit", "--no-fund", "--no-package-lock", "--ignore-scripts", "--silent")
        _run(["npm", "install", "--prefix", str(home), *quiet, SIMPLE_OAUTH2])
    return ["env", f"NODE_PATH={home / 'node_modules'}", "node", str(READERS / "node_reader.cjs")]


def _go() -> list[str]:
    built = cache() / "go_reader"
    source = READERS / "go_reader.go"
    _run(["go", "build", "-o", str(built), str(source)], **GO, GOCACHE=str(cache() / "go-build"))
    return [str(built)]


def _ruby() -> list[str]:
    return ["ruby", str(READERS / "ruby_reader.rb")]


def _curl() -> list[str]:
    return ["sh", str(READERS / "curl_reader.sh")]


def _told(*argv: str) -> str:
    return _run(list(argv)).split()[1 if argv[0] == "curl" else -1]


def _run(argv: list[str], **environ: str) -> str:
    """Run a program and return what it prints.

    Raises:
        RuntimeError: it failed, or it is not installed.
    """
    try:
        done = subprocess.run(argv, env={**os.environ, **environ}, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise RuntimeError(f"{argv[0]} is missing: a reader needs it (see docs/internals/benchmarks.md)") from None
    if done.returncode != 0:
        raise RuntimeError(f"{argv[0]} ended with {done.returncode}:\n{done.stderr}{done.stdout}")
    return done.stdout


@dataclass(frozen=True)
class Language:
    """A language: how its reader is made and started, the library with its version, and how it reaches the agent."""

    command: Callable[[], list[str]]
    library: Callable[[], str]
    by_socket: bool = False


LANGUAGES = {
    "python": Language(_python, lambda: f"requests-oauthlib {version('requests-oauthlib')}"),
    "node": Language(_node, lambda: SIMPLE_OAUTH2.replace("@", " ")),
    "go": Language(_go, lambda: f"x/oauth2 {_told('dpkg-query', '-Wf', '${Version}', 'golang-golang-x-oauth2-dev')}"),
    "ruby": Language(_ruby, lambda: f"oauth2 {_told('ruby', '-e', RUBY_VERSION)}"),
    "curl": Language(_curl, lambda: f"curl {_told('curl', '--version')}", by_socket=True),
}


@functools.cache
def command(language: str) -> list[str]:
    """Return how to start a language's reader. What it needs is made first."""
    return LANGUAGES[language].command()


class Reader:
    """A program that asks. Use it as a context manager. `late` in seconds."""

    def __init__(self, language: str, client_id: str, audience: str, late: float) -> None:
        self.language = language
        told = {"CLIENT_ID": client_id, "AUDIENCE": audience, "LATE": f"{late:g}"}
        self._process = subprocess.Popen(
            command(language), env={**os.environ, **told}, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            bufsize=1, start_new_session=True,
        )  # fmt: skip

    def ask(self, count: int, url: str, secret: str, every: int, socket: str = "") -> Counts:
        """Let it ask, and return what became of that.

        Raises:
            RuntimeError: it has ended.
        """
        assert self._process.stdin
        assert self._process.stdout
        try:
            self._process.stdin.write(f"{count} {url} {secret} {every} {socket}\n")
            line = self._process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            raise RuntimeError(f"the reader in {self.language} ended with {self._process.wait()}")
        return Counts(**json.loads(line))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:  # fmt: skip
        if kind is not None:
            self._process.kill()
        self._process.communicate()  # closes its standard input, which ends it

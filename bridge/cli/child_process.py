"""Starting an application with its secret in its environment, and nothing of whoever starts it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NoReturn

from bridge.model.errors import BridgeError
from sinks.secret import Secret

TAKEN = ("AUTH0_", "AWS_")
"""What begins so is the operator's own, as VAULT_TOKEN and BAO_TOKEN are."""
TOKENS = frozenset({"VAULT_TOKEN", "BAO_TOKEN", "BRIDGE_AUDIT_KEY"})
HANDED = "SECRET_BRIDGE_FD"
"""Names the open file from which a process that was started anew reads its environment."""
FORWARDED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2)
TYPED = (signal.SIGINT, signal.SIGQUIT)
"""What a terminal sends to the application itself."""
GRACE = 10.0  # seconds that an application has for ending before it is killed
NOT_FOUND, NOT_EXECUTABLE = 127, 126  # as shells and env(1) say it


@dataclass(frozen=True)
class Change:
    """What to do when the secret changes: send `number`, or start the application anew without one."""

    number: signal.Signals | None
    every: float


def cleaned(environ: Mapping[str, str], hidden: frozenset[str] = frozenset()) -> dict[str, str]:
    """Return an environment without the operator's credentials; `hidden` names more of them."""
    mine = TOKENS | hidden | {HANDED}
    return {name: text for name, text in environ.items() if name not in mine and not name.startswith(TAKEN)}


def become(argv: list[str], environ: Mapping[str, str], given: Mapping[str, Secret]) -> NoReturn:
    """Turn this process into the application: its signals and its exit status are its own.

    Raises:
        SystemExit: 127 where there is no such command, 126 where it cannot be executed.
    """
    try:
        os.execvpe(argv[0], argv, {**environ, **{name: value.reveal() for name, value in given.items()}})  # noqa: S606
    except OSError as error:
        raise SystemExit(_cannot(argv[0], error)) from None


def hide_environment(argv: list[str]) -> None:
    """Start this program anew without credentials in its environment, which children can read: hand them over."""
    if HANDED in os.environ:
        with os.fdopen(int(os.environ.pop(HANDED)), encoding="utf-8") as file:
            os.environ.update(json.load(file))
        return
    taken = {name: text for name, text in os.environ.items() if name not in cleaned(os.environ)}
    reading, writing = os.pipe()
    with os.fdopen(writing, "w", encoding="utf-8") as file:  # less than a pipe holds
        json.dump(taken, file)
    os.set_inheritable(reading, True)  # noqa: FBT003  # its own signature
    os.execve(sys.executable, argv, {**cleaned(os.environ), HANDED: str(reading)})  # noqa: S606


class Supervised:
    """An application that is told of changes, or started anew; ends with its exit status."""

    def __init__(
        self, argv: list[str], environ: Mapping[str, str], read: Callable[[], Mapping[str, Secret]], change: Change
    ) -> None:
        self._argv = argv
        self._environ = environ
        self._read = read
        self._change = change
        self._child: subprocess.Popen[bytes] | None = None
        self._early: list[int] = []

    def run(self) -> int:
        """Start it and stay until it ends; return its exit status, 128 and a signal's number where one ended it."""
        given = self._read()
        for number in FORWARDED:
            signal.signal(number, self._forward)
        child = self._started(given)
        while True:
            try:
                status = child.wait(self._change.every)
                return status if status >= 0 else 128 - status
            except subprocess.TimeoutExpired:
                given, child = self._look(given, child)

    def _look(
        self, given: Mapping[str, Secret], child: subprocess.Popen[bytes]
    ) -> tuple[Mapping[str, Secret], subprocess.Popen[bytes]]:
        try:
            now = self._read()
        except BridgeError:  # the vault is away: what the application has is as good as before
            return given, child
        if now == given:
            return given, child
        if self._change.number is not None:
            child.send_signal(self._change.number)
            return now, child
        child.terminate()
        try:
            child.wait(GRACE)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
        return now, self._started(now)

    def _started(self, given: Mapping[str, Secret]) -> subprocess.Popen[bytes]:
        environ = {**self._environ, **{name: value.reveal() for name, value in given.items()}}
        try:
            self._child = subprocess.Popen(self._argv, env=environ)  # noqa: S603  # the operator's own command
        except OSError as error:
            raise SystemExit(_cannot(self._argv[0], error)) from None
        early, self._early = self._early, []
        for number in early:
            self._child.send_signal(number)
        return self._child

    def _forward(self, number: int, _frame: object) -> None:
        at_terminal = number in TYPED and sys.stdin is not None and sys.stdin.isatty()
        if at_terminal:
            return
        if self._child is None or self._child.returncode is not None:
            self._early.append(number)  # it is about to be started, or started anew
        else:
            self._child.send_signal(number)


def _cannot(name: str, error: OSError) -> int:
    found = not isinstance(error, FileNotFoundError)
    why = f"cannot be executed ({type(error).__name__})" if found else "was not found"
    sys.stderr.write(f"secret-bridge: '{name}' {why}\n")
    return NOT_EXECUTABLE if found else NOT_FOUND

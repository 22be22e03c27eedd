"""The start of an application with its secret in its environment, and without the operator's credentials."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NoReturn

from bridge.cli.output.console import say
from bridge.execution.after_hook import CREDENTIALS
from bridge.model.errors import BridgeError, Usage
from sinks import kinds
from sinks.secret import Secret
from sinks.shared import give_back_all

# By words, because the stores' libraries read more credentials than are known here. Where a server is, as AUTH0_DOMAIN
# and AWS_REGION say, is what applications need to know.
TAKEN = re.compile(
    f"({'|'.join(('AUTH0_', *(prefix for name in kinds.names() for prefix in kinds.kind(name).PREFIXES)))})"
    "(.*_)?(SECRET|TOKEN|KEY|CREDENTIALS?|PASSWORD|PROFILE|CONFIG|CLIENT_ID)(_.*)?"
)
"""The names of variables that hold the operator's own credentials, or say where they are."""
HANDED = "SECRET_BRIDGE_FD"
"""The variable with the descriptor from which a restarted bridge process reads its credentials."""
FORWARDED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2)
TYPED = (signal.SIGINT, signal.SIGQUIT)
"""The signals that a terminal sends to the application directly, so that they need not be forwarded."""
GRACE = 10.0  # seconds that an application has to end before it is killed
NOT_FOUND, NOT_EXECUTABLE = 127, 126  # the exit statuses of shells and env(1) for these errors


@dataclass(frozen=True)
class Change:
    """The reaction to a change of the secret.

    The application gets the signal `number`, or is restarted if that is None. `every` is the number of seconds between
    two looks at the secret.
    """

    number: signal.Signals | None
    every: float


def cleaned(environ: Mapping[str, str], hidden: frozenset[str] = frozenset()) -> dict[str, str]:
    """Return an environment without the operator's credentials.

    `hidden` names further variables to leave out, for example those that the configuration refers to.
    """
    # The application gets its own secret, and nothing with which it could read another one.
    mine = CREDENTIALS | hidden | {HANDED}
    return {name: text for name, text in environ.items() if name not in mine and not TAKEN.fullmatch(name)}


def become(argv: list[str], environ: Mapping[str, str], given: Mapping[str, Secret]) -> NoReturn:
    """Replace this process by the application (`exec`), with the secrets `given` as further variables.

    No parent process remains. So the application gets its signals directly, its exit status is its own, and it cannot
    read the operator's credentials in the environment of a parent.

    Raises:
        SystemExit: 127 if there is no such command, and 126 if it cannot be executed.
    """
    give_back_all()  # nobody does it afterwards
    try:
        # The values are revealed in the argument, so no variable of this process keeps their text.
        os.execvpe(argv[0], argv, {**environ, **{name: value.reveal() for name, value in given.items()}})  # noqa: S606
    except OSError as error:
        raise SystemExit(_cannot(argv[0], error)) from None


def restart_without_credentials(argv: list[str]) -> None:
    """Restart this program without the operator's credentials in its initial environment.

    A child can read the environment that its parent was started with, in `/proc`. So the credentials are handed to the
    new process by a pipe. In the new process, this function adds them to `os.environ`, which `/proc` does not show, and
    returns.

    Raises:
        Usage: the credentials are too long for the pipe, or somebody else has set the pipe's variable.
    """
    if HANDED in os.environ:
        try:
            with os.fdopen(int(os.environ.pop(HANDED)), encoding="utf-8") as file:
                os.environ.update(json.load(file))
        except (OSError, ValueError, TypeError):
            raise Usage(f"{HANDED}: this variable is the bridge's own", hint=f"unset {HANDED}") from None
        return
    taken = {name: text for name, text in os.environ.items() if name not in cleaned(os.environ)}
    text = json.dumps(taken).encode()
    reading, writing = os.pipe()
    # Nobody reads yet. So it has to fit into the pipe, and a pipe that waits for a reader would wait for ever.
    os.set_blocking(writing, False)  # the function takes it by position only
    try:
        whole = os.write(writing, text) == len(text)
    except BlockingIOError:
        whole = False
    os.close(writing)
    if not whole:
        raise Usage(
            f"environment: the credentials in it have {len(text)} bytes, and more than a pipe takes (usually 65536)",
            hint="shorten or unset " + ", ".join(sorted(taken, key=lambda name: -len(taken[name]))[:3]),
        )
    os.set_inheritable(reading, True)  # noqa: FBT003  # the function takes it by position only
    os.execve(sys.executable, argv, {**cleaned(os.environ), HANDED: str(reading)})  # noqa: S606


class Supervised:
    """An application that gets a signal, or is restarted, when its secret changes.

    `argv` is its command, and `environ` its environment without the secrets. `read` returns the variables with the
    secrets, and may raise `BridgeError` while the vault is away.
    """

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
        """Start the application, wait until it ends, and return its exit status.

        If a signal ended it, the status is 128 plus the signal's number, as in a shell. The signals in `FORWARDED` are
        passed on to the application.
        """
        # Before the handlers are set: an error ends the process as usual, and no application is
        # started without its secret.
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
        except BridgeError:  # the vault is away, and the application's values are as good as before
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
            return  # the terminal has sent it to the application as well
        if self._child is None or self._child.returncode is not None:
            self._early.append(number)  # the application is about to be started or restarted, and gets it then
        else:
            self._child.send_signal(number)


def _cannot(name: str, error: OSError) -> int:
    found = not isinstance(error, FileNotFoundError)
    why = f"cannot be executed ({type(error).__name__})" if found else "was not found"
    say(f"secret-bridge: '{name}' {why}", err=True)
    return NOT_EXECUTABLE if found else NOT_FOUND

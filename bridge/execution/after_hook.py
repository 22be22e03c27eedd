"""A client's `after` command, which restarts or notifies readers that only see the latest value.

Readers that try the candidates need no such command. After a request to stop it is not begun (ADR 9).
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from tempfile import TemporaryFile
from typing import IO, TYPE_CHECKING

from sinks import kinds
from sinks.own_process import hide_environment

if TYPE_CHECKING:
    from bridge.execution.session import Session

TIMEOUT = 600.0  # seconds
STEP = "after"
"""The name of the step under which a watcher receives the output."""
SHOWN = 64 * 1024
"""Bytes of a command's output that are shown at most, where it is shown when the command has ended: the last ones."""

CREDENTIALS = frozenset({
    "AUTH0_CLIENT_SECRET", "AUTH0_API_TOKEN", "AUTH0_CLIENT_ASSERTION_PRIVATE_KEY", "BRIDGE_AUDIT_KEY",
    *(variable for name in kinds.names() for variable in kinds.kind(name).CREDENTIALS),
})  # fmt: skip
"""Variables with the bridge's own credentials.

The AWS variables are not among them, because restarting something often needs them.
"""


def restart_readers(session: Session, argv: tuple[str, ...]) -> str | None:
    """Run a client's command, unless a stop was requested. Returns what went wrong, or None."""
    if session.stop.asked:
        return "not run: it was asked to stop"
    # Several commands at a time would write into each other's lines.
    show = None if session.alone else partial(session.watcher.step, STEP)
    return run(argv, session.credentials, show)


def run(
    argv: tuple[str, ...], hidden: frozenset[str] = frozenset(), show: Callable[[str], None] | None = None
) -> str | None:
    """Run the command without a shell and without the bridge's credentials. Its output goes to stderr.

    `hidden` names further variables that hold credentials of the bridge, which the command must not inherit, nor read
    in the environment of its parent. With `show`, the output does not go to stderr: when the command has ended, `show`
    is called with each line of it.

    Returns None when the command succeeded, else what went wrong. Its failure never undoes a rotation.
    """
    hide_environment()  # where the command could read it as its parent's
    # The command may log its environment, or pass it on to programs of others.
    environment = {name: text for name, text in os.environ.items() if name not in CREDENTIALS | hidden}
    try:
        # No standard input, because it may have carried a secret.
        with _output(show) as stream:
            done = subprocess.run(  # noqa: S603  # the operator's own command
                argv, env=environment, stdin=subprocess.DEVNULL, stdout=stream, stderr=stream, timeout=TIMEOUT,
                check=False,
            )  # fmt: skip
    except FileNotFoundError:
        return f"'{argv[0]}' was not found"
    except PermissionError:
        return f"'{argv[0]}' may not be executed"
    except OSError as error:
        return f"'{argv[0]}' could not be started ({type(error).__name__})"
    except subprocess.TimeoutExpired:
        return f"'{argv[0]}' took longer than {TIMEOUT:.0f} s and was ended"
    # The command is named without its arguments, which may hold a credential of the operator's.
    return None if done.returncode == 0 else f"'{argv[0]}' exited with {done.returncode}"


@contextmanager
def _output(show: Callable[[str], None] | None) -> Iterator[IO[bytes] | IO[str]]:
    """Yield what a command writes to, and show at the end what it wrote.

    With `show` that is a file without a name, not a pipe. What the command leaves in the background can write to the
    file for ever, and nobody has to wait until it ends. Where no file can be made, it is stderr all the same.
    """
    with ExitStack() as stack:
        stream: IO[bytes] | None = None
        if show:
            with suppress(OSError):
                stream = stack.enter_context(TemporaryFile())
        if stream is None or show is None:
            yield sys.stderr  # not stdout, because that may be JSON
            return
        try:
            yield stream
        finally:
            # Never sought: the command, too, writes where the file's position is.
            left = max(0, os.fstat(stream.fileno()).st_size - SHOWN)
            if left:
                show(f"… {left} bytes before this are left out")
            for line in os.pread(stream.fileno(), SHOWN, left).decode("utf-8", "replace").splitlines():
                show(line)

"""The command `secret-bridge sandbox`: runs the local servers until the user ends them."""

from __future__ import annotations

import os
import shlex
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from bridge.model.errors import Failed
from bridge.sandbox.files import CONFIG, VARIABLES, check_free
from bridge.sandbox.stack import Stack

Echo = Callable[[str], None]


def keep(propagation: timedelta, directory: Path | None, clients: int, *, echo: Echo) -> None:
    """Start the servers, write `bridge.toml` and `sandbox.env`, and wait for Ctrl-C, SIGTERM or SIGHUP.

    The files are written to `directory`, where they stay, or without one to a temporary directory, which is removed at
    the end. `sandbox.env` holds credentials, so it is created with access for its owner only. The servers are stopped
    at the end. `clients` is how many clients can be rotated, at least one.

    Raises:
        Refused: `directory` holds a `bridge.toml` of somebody else, or of a sandbox that runs.
        Failed: the files cannot be written.
    """
    ended = threading.Event()
    # Before the servers start, so that a signal at any moment stops all of them.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):  # SIGHUP: the terminal was closed
        signal.signal(number, lambda *_: ended.set())
    if directory:
        check_free(directory)
    echo("Starting a local Auth0, OpenBao and AWS (moto) on this machine's loopback …")
    started = time.monotonic()
    with _place(directory) as place, Stack(propagation, _names(clients)[1:]) as stack:
        _write(stack, place)
        echo(f"… {time.monotonic() - started:.1f} s. Nothing of yours is touched. All data is in memory.")
        _describe(stack, place, propagation, echo)
        ended.wait()
    kept = f"{directory} stays: delete it, or use it for the next sandbox." if directory else "Nothing is left behind."
    echo(f"All local servers stopped. {kept}")


def _names(clients: int) -> list[str]:
    return ["billing", *(f"client-{number}" for number in range(2, clients + 1))]


@contextmanager
def _place(directory: Path | None) -> Iterator[Path]:
    """Make the directory for the files. One that the user did not name does not outlive the command."""
    if directory is None:
        with tempfile.TemporaryDirectory(prefix="secret-bridge-sandbox-") as made:
            yield Path(made)
    else:
        yield directory


def _write(stack: Stack, directory: Path) -> None:
    try:
        directory.mkdir(parents=True, exist_ok=True)
        stack.write_config(directory / CONFIG)
        variables = directory / VARIABLES
        # Created with these rights, and not given them afterwards, when another user may have opened it.
        variables.touch(mode=0o600)
        variables.chmod(0o600)  # one that was there keeps its mode otherwise
        variables.write_text("".join(f"export {k}={shlex.quote(v)}\n" for k, v in stack.environment().items()))
    except OSError as error:
        raise Failed(
            f"{directory}: cannot be written ({os.strerror(error.errno or 0)}), expected a directory of yours",
            "name another one: secret-bridge sandbox --directory DIRECTORY",
        ) from None


def _describe(stack: Stack, directory: Path, propagation: timedelta, echo: Echo) -> None:
    """Say what runs where, and what the user can type next."""
    names = list(stack.clients)
    known = names[0] if len(names) == 1 else f"{len(names)} clients, {names[0]} to {names[-1]}"
    spreads = f"a new secret spreads in {propagation.total_seconds():g} s (Auth0: 30 s)"
    echo(f"  Auth0    {stack.auth0.url}   {known}; {spreads}")
    echo(f"  OpenBao  {stack.bao.url}   empty; vault://secret/apps/NAME")
    echo(f"  AWS      {stack.aws.url}   empty; aws://us-east-1/apps/NAME")
    # Whole, because another terminal begins elsewhere.
    directory = directory.absolute()
    echo(f"  Files    {directory}   {CONFIG}, and {VARIABLES} with the credentials of these servers")
    echo("In another terminal:")
    echo(f"  cd {shlex.quote(str(directory))} && . ./{VARIABLES}")
    echo("  secret-bridge adopt billing        # the sinks are empty: this stores the value that Auth0 has")
    echo("  secret-bridge rotate billing")
    echo("  secret-bridge status")
    echo("  secret-bridge sandbox --add orders # makes one more client")
    echo("Ctrl-C ends it.")

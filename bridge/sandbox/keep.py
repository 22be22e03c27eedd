"""The command `secret-bridge sandbox`: runs the local servers until the user ends them."""

from __future__ import annotations

import shlex
import signal
import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from bridge.model.errors import Failed
from bridge.sandbox.stack import Stack


def keep(propagation: timedelta, directory: Path, *, echo: Callable[[str], None]) -> None:
    """Start the servers, write `bridge.toml` and `sandbox.env`, and wait for Ctrl-C or SIGTERM.

    `sandbox.env` holds credentials, so it is created with access for its owner only. The servers are stopped at the
    end.

    Raises:
        Failed: the files cannot be written.
    """
    ended = threading.Event()
    # Before the servers start, so that a signal at any moment stops all of them.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    with Stack(propagation) as stack:
        try:
            directory.mkdir(parents=True, exist_ok=True)
            stack.write_config(directory / "bridge.toml")
            variables = directory / "sandbox.env"
            # Created with these rights, and not given them afterwards, when another user may have opened it.
            variables.touch(mode=0o600)
            variables.chmod(0o600)  # one that was there keeps its mode otherwise
            variables.write_text("".join(f"export {k}={shlex.quote(v)}\n" for k, v in stack.environment().items()))
        except OSError as error:
            raise Failed(f"{directory} cannot be written ({type(error).__name__})") from None
        echo(f"Auth0 {stack.auth0.url}   OpenBao {stack.bao.url}   AWS {stack.aws.url}")
        echo(f"propagation {propagation.total_seconds():g} s instead of Auth0's 30 s")
        echo("In another terminal:")
        echo(f"  cd {directory} && . ./sandbox.env")
        echo("  secret-bridge rotate billing")
        echo(f"or without the file:  secret-bridge rotate {stack.billing.client_id} --sink vault://secret/apps/other")
        echo("Ctrl-C ends it.")
        ended.wait()
    echo("All local servers stopped.")

"""A client's `after` command, which restarts or notifies readers that only see the latest value.

Readers that try the candidates need no such command. After a request to stop it is not begun (ADR 9).
"""

from __future__ import annotations

import os
import subprocess
import sys

from sinks import kinds
from sinks.own_process import hide_environment

TIMEOUT = 600.0  # seconds


CREDENTIALS = frozenset({
    "AUTH0_CLIENT_SECRET", "AUTH0_API_TOKEN", "AUTH0_CLIENT_ASSERTION_PRIVATE_KEY", "BRIDGE_AUDIT_KEY",
    *(variable for name in kinds.names() for variable in kinds.kind(name).CREDENTIALS),
})  # fmt: skip
"""Variables with the bridge's own credentials.

The AWS variables are not among them, because restarting something often needs them.
"""


def run(argv: tuple[str, ...], hidden: frozenset[str] = frozenset()) -> str | None:
    """Run the command without a shell and without the bridge's credentials. Its output goes to stderr.

    `hidden` names further variables that hold credentials of the bridge, which the command must not inherit, nor read
    in the environment of its parent.

    Returns None when the command succeeded, else what went wrong. Its failure never undoes a rotation.
    """
    hide_environment()  # where the command could read it as its parent's
    # The command may log its environment, or pass it on to programs of others.
    environment = {name: text for name, text in os.environ.items() if name not in CREDENTIALS | hidden}
    # No standard input, because it may have carried a secret. Output goes to stderr, because stdout may be JSON.
    try:
        done = subprocess.run(  # noqa: S603  # the operator's own command
            argv, env=environment, stdin=subprocess.DEVNULL, stdout=sys.stderr, timeout=TIMEOUT, check=False
        )
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

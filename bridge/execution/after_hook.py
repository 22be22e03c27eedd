"""A client's `after` command, which restarts or notifies readers that only see the latest value."""

from __future__ import annotations

import os
import subprocess
import sys

from sinks import kinds

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

    `hidden` names further variables that hold credentials of the bridge, which the command must not inherit.

    Returns None when the command succeeded, else what went wrong. Its failure never undoes a rotation.
    """
    environment = {name: text for name, text in os.environ.items() if name not in CREDENTIALS | hidden}
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
    return None if done.returncode == 0 else f"'{argv[0]}' exited with {done.returncode}"

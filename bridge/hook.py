"""A client's `after` command: whatever restarts or tells the readers that only see the latest value."""

from __future__ import annotations

import subprocess
import sys

TIMEOUT = 600.0  # seconds


def run(argv: tuple[str, ...]) -> str | None:
    """Run the command without a shell and without a secret; its output goes to stderr.

    Returns None when it succeeded, else what went wrong. Its failure never undoes a rotation.
    """
    try:
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=sys.stderr, timeout=TIMEOUT, check=False)  # noqa: S603  # the operator's own command
    except FileNotFoundError:
        return f"'{argv[0]}' was not found"
    except PermissionError:
        return f"'{argv[0]}' may not be executed"
    except OSError as error:
        return f"'{argv[0]}' could not be started ({type(error).__name__})"
    except subprocess.TimeoutExpired:
        return f"'{argv[0]}' took longer than {TIMEOUT:.0f} s and was ended"
    return None if done.returncode == 0 else f"'{argv[0]}' exited with {done.returncode}"

"""Who acts, by what this process says of itself."""

from __future__ import annotations

import getpass
import os
import pwd
import socket
from collections.abc import Mapping
from typing import Any

from sinks.record import tag_text


def ci_run(environ: Mapping[str, str]) -> str | None:
    """Return the CI run that this process says it is part of; None where it says nothing."""
    if environ.get("GITHUB_ACTIONS"):
        return tag_text(f"github:{environ.get('GITHUB_REPOSITORY', '?')}/runs/{environ.get('GITHUB_RUN_ID', '?')}")
    if environ.get("GITLAB_CI"):
        return tag_text(f"gitlab:{environ.get('CI_PROJECT_PATH', '?')}/jobs/{environ.get('CI_JOB_ID', '?')}")
    return None


def claimed_actor(environ: Mapping[str, str]) -> str:
    """Return who this process says it is: a CI run where there is one, else user and host."""
    if run := ci_run(environ):
        return run
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = str(os.getuid())
    return tag_text(f"{user}@{socket.gethostname()}".replace(" ", "_"))


def claimed(actor: str, environ: Mapping[str, str]) -> dict[str, Any]:
    """Return who this process says it is: by the system's user, and by the CI run that it is part of."""
    uid = os.getuid()
    try:
        user = pwd.getpwuid(uid).pw_name
    except KeyError:
        user = str(uid)
    return {"user": user, "uid": uid, "run": ci_run(environ), "actor": actor}

"""The identity of this process, by its own account.

Names from the environment are not verified, because they are set by whatever starts the process. They are shown and
recorded, and no decision depends on them.
"""

from __future__ import annotations

import getpass
import os
import pwd
import socket
from collections.abc import Mapping
from typing import Any

from sinks.record import tag_text


def ci_run(environ: Mapping[str, str]) -> str | None:
    """Return the CI run that this process belongs to, or None.

    The variables of GitHub Actions and GitLab CI are recognised.
    """
    # A run can be looked up later. The user of a CI machine is the same for everybody.
    if environ.get("GITHUB_ACTIONS"):
        return tag_text(f"github:{environ.get('GITHUB_REPOSITORY', '?')}/runs/{environ.get('GITHUB_RUN_ID', '?')}")
    if environ.get("GITLAB_CI"):
        return tag_text(f"gitlab:{environ.get('CI_PROJECT_PATH', '?')}/jobs/{environ.get('CI_JOB_ID', '?')}")
    return None


def claimed_actor(environ: Mapping[str, str]) -> str:
    """Return the name under which this process acts: its CI run, or else the user and the host.

    The name comes from the environment and is not verified. It has the form of a tag (`sinks.record`).
    """
    if run := ci_run(environ):
        return run
    try:
        # Containers often run under a uid that has no name.
        user = getpass.getuser()
    except (KeyError, OSError):
        user = str(os.getuid())
    return tag_text(f"{user}@{socket.gethostname()}".replace(" ", "_"))


def claimed(actor: str, environ: Mapping[str, str]) -> dict[str, Any]:
    """Return what this process says about itself: the system's user, and the CI run that it belongs to.

    The keys are `user`, `uid`, `run` (None outside of CI) and `actor`.
    """
    # `getpass` believes LOGNAME. The audit record asks the system instead.
    uid = os.getuid()
    try:
        user = pwd.getpwuid(uid).pw_name
    except KeyError:
        user = str(uid)
    return {"user": user, "uid": uid, "run": ci_run(environ), "actor": actor}

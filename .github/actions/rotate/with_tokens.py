"""Run COMMAND beside the job's identity tokens, in a directory that only this user can read, and remove it afterwards.

`vault.jwt` is for VAULT_AUDIENCE. Where AWS_ROLE_ARN is set, `aws.jwt` is for AWS_AUDIENCE, and a variable names it to
AWS's libraries. This needs Python's standard library only.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from types import FrameType

URL, BEARER = "ACTIONS_ID_TOKEN_REQUEST_URL", "ACTIONS_ID_TOKEN_REQUEST_TOKEN"
MINE = (URL, BEARER, "COMMAND", "VAULT_AUDIENCE", "AWS_AUDIENCE")
LIMIT = 30  # seconds
# A shell that is asked to stop waits for the command that it runs, and begins no other one.
STOPPING = "trap 'exit 143' TERM; trap 'exit 130' INT\n"


def token(audience: str) -> str:
    """Return an identity token of this job for an audience."""
    url, bearer = os.environ.get(URL), os.environ.get(BEARER)
    if not url or not bearer:
        sys.exit(f"{URL} is not set: give the job the permission 'id-token: write'")
    address = f"{url}{'&' if '?' in url else '?'}audience={urllib.parse.quote(audience, safe='')}"
    request = urllib.request.Request(address, headers={"Authorization": f"Bearer {bearer}"})  # noqa: S310  # by GitHub
    try:
        with urllib.request.urlopen(request, timeout=LIMIT) as answer:  # noqa: S310
            found = json.load(answer)["value"]
    except urllib.error.HTTPError as error:
        sys.exit(
            f"no identity token for the audience '{audience}': the server answered {error.code}; run the job again"
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        sys.exit(f"no identity token for the audience '{audience}': {type(error).__name__}; run the job again")
    return str(found)


def write(path: Path, text: str) -> None:
    """Write a new file that only this user can read."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)


def run(directory: Path) -> int:
    """Run the command in a directory, pass on what asks it to stop, and return its exit status."""
    environment = {name: value for name, value in os.environ.items() if name not in MINE}
    write(directory / "vault.jwt", token(os.environ["VAULT_AUDIENCE"]))
    if environment.get("AWS_ROLE_ARN"):
        write(directory / "aws.jwt", token(os.environ["AWS_AUDIENCE"]))
        environment["AWS_WEB_IDENTITY_TOKEN_FILE"] = str(directory / "aws.jwt")
    else:
        environment.pop("AWS_ROLE_ARN", None)
    command = ["bash", "-euo", "pipefail", "-c", STOPPING + os.environ["COMMAND"]]
    child = subprocess.Popen(command, cwd=directory, env=environment, start_new_session=True)  # noqa: S603

    def pass_on(number: int, _frame: FrameType | None) -> None:
        if child.poll() is None:
            os.killpg(child.pid, number)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, pass_on)
    status = child.wait()
    return 128 - status if status < 0 else status


def main() -> int:
    """Make the directory, run, and remove it."""
    directory = Path(tempfile.mkdtemp(prefix="identity-", dir=os.environ["RUNNER_TEMP"]))
    try:
        return run(directory)
    finally:
        shutil.rmtree(directory)


if __name__ == "__main__":
    sys.exit(main())

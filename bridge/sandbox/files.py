"""The directory of a sandbox: whose it is, and how a client is added to the sandbox that runs for it."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import httpx

from bridge.model.errors import Failed, Refused, Usage
from bridge.sandbox.stack import AUDIENCE, MARK, client_table
from sinks.loopback import is_loopback

CONFIG, VARIABLES = "bridge.toml", "sandbox.env"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_WAIT = 5.0
"""How long a sandbox may take to answer, in seconds."""


def check_free(directory: Path) -> None:
    """Check that a new sandbox may write its files to a directory. It need not exist.

    Raises:
        Refused: there is a `bridge.toml` or `sandbox.env` of somebody else, or a sandbox runs for them.
    """
    if not (directory / CONFIG).exists() and not (directory / VARIABLES).exists():
        return
    other = "name another one: secret-bridge sandbox --directory DIRECTORY"
    text = _text(directory)
    if not text.startswith(MARK):
        raise Refused(f"--directory {directory}: found files that are not of a sandbox, expected none", other)
    try:
        url = _url(directory, text)
        httpx.get(f"{url}/_sandbox/state", timeout=_WAIT, trust_env=False).raise_for_status()
    except (Failed, httpx.HTTPError, httpx.InvalidURL):
        return
    raise Refused(
        f"--directory {directory}: found a sandbox that is running ({url})",
        f"{other}; or add a client to it: secret-bridge sandbox --directory {directory} --add NAME",
    )


def add_client(directory: Path, name: str) -> str:
    """Make a client in the sandbox that runs for a directory, add it to the `bridge.toml` there, and return its id.

    Raises:
        Usage: the name cannot be one of a client, or a client has it already.
        Failed: no sandbox runs for this directory.
    """
    if not _NAME.fullmatch(name):
        raise Usage(f"--add {name!r}: expected at most 64 letters, digits, _ and -, a letter or digit first")
    text = _text(directory)
    if not text.startswith(MARK):
        raise Failed(f"{directory / CONFIG}: found no sandbox here", "start one: secret-bridge sandbox")
    url = _url(directory, text)
    clients = _parsed(text).get("clients")
    if isinstance(clients, dict) and name in clients:
        raise Usage(f"--add {name}: there is such a client in {directory / CONFIG}, expected a new name")
    try:
        # Opened before anything is made, so that no client is made that the file cannot take.
        with (directory / CONFIG).open("a", encoding="utf-8") as config:
            client_id = _make(url, name)
            config.write(client_table(name, client_id))
    except OSError as error:
        raise Failed(f"{directory / CONFIG}: cannot be written ({type(error).__name__})") from None
    return client_id


def _make(url: str, name: str) -> str:
    try:
        answer = httpx.post(
            f"{url}/_sandbox/clients", json={"name": name, "grants": {AUDIENCE: []}}, timeout=_WAIT, trust_env=False
        )
        return str(answer.raise_for_status().json()["client_id"])
    except (httpx.HTTPError, httpx.InvalidURL, ValueError, KeyError):
        raise Failed(
            f"the sandbox at {url} does not answer: it has ended", "start one: secret-bridge sandbox"
        ) from None


def _text(directory: Path) -> str:
    try:
        return (directory / CONFIG).read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        return ""


def _parsed(text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return {}


def _url(directory: Path, text: str) -> str:
    """Return the URL of the sandbox's Auth0."""
    try:
        url = str(_parsed(text)["tenants"]["sandbox"]["domain"])
    except (KeyError, TypeError):
        url = ""
    # The file may have been edited. A request must not leave this machine.
    if not is_loopback(url):
        raise Failed(
            f"{directory / CONFIG}: tenants.sandbox.domain: found no address of a sandbox on this machine",
            "the file was edited: start another sandbox, secret-bridge sandbox",
        )
    return url

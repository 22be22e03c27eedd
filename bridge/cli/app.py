"""The Typer application. `bridge.cli.commands` adds the commands to it."""

from __future__ import annotations

from typing import Annotated

import typer

from bridge import __version__
from bridge.cli.output.console import Colour, choose_colour, say
from bridge.cli.shown_help import Group

DOCUMENTATION = "Each command has an example in its --help. Everything else: docs/README.md in the source distribution."

app = typer.Typer(
    name="secret-bridge",
    help="Rotate an Auth0 application's client secret and publish it to Vault and AWS Secrets Manager, losing nothing.",
    epilog=DOCUMENTATION,
    cls=Group,
    no_args_is_help=True,
    pretty_exceptions_enable=False,  # Typer's tracebacks print local variables, which may hold secrets
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(*, wanted: bool) -> None:
    if wanted:
        say(f"secret-bridge {__version__}")
        raise typer.Exit


@app.callback()
def root(
    *,
    version: Annotated[  # noqa: ARG001  # its callback prints it
        bool, typer.Option("--version", help="Print the version.", callback=lambda v: _version(wanted=v), is_eager=True)
    ] = False,
    color: Annotated[
        Colour,
        typer.Option(
            "--color",
            metavar="WHEN",
            is_eager=True,
            show_default=False,
            help="auto (the default: on a terminal, unless NO_COLOR is set), always or never.",
        ),
    ] = Colour.AUTO,
) -> None:
    """Rotate an Auth0 application's client secret and publish it to Vault and AWS Secrets Manager, losing nothing.

    Exit status: 0 done · 1 failed, nothing changed · 2 usage · 3 incomplete: run resume · 4 refused · 5 attention.
    """
    choose_colour(color)

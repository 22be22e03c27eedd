"""The Typer application. The modules of `bridge.cli.commands` add their commands to it, when one of them is run."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from bridge import __version__
from bridge.cli.listed import LISTED
from bridge.cli.output.console import Colour, choose_colour, say
from bridge.cli.shown_help import Group

DOCUMENTATION = "Each command has an example in its --help. Everything else: docs/README.md in the source distribution."


class Unloaded(TyperCommand):
    """A command whose module is not loaded: enough for --help of the program, and for the completion of its name."""


class Root(Group):
    """The program. It loads the module of a command when that command is run: all of them take as long as Typer does.

    `commands` are those of the modules that are loaded already.
    """

    def __init__(self, *, commands: Mapping[str, Any], **more: Any) -> None:
        listed = {one.name: Unloaded(one.name, help=one.help, rich_help_panel=one.panel) for one in LISTED}
        super().__init__(commands={**listed, **commands}, **more)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Return a command by its name, as it is run."""
        name, found, rest = super().resolve_command(ctx, args)
        if name and isinstance(found, Unloaded):
            import_module(f"bridge.cli.commands.{next(one.module for one in LISTED if one.name == name)}")
            found = self.commands[name] = typer.main.get_command(app).commands[name]  # type: ignore[attr-defined]  # a group
        return name, found, rest


app = typer.Typer(
    name="secret-bridge",
    help="Rotate an Auth0 application's client secret and publish it to Vault and AWS Secrets Manager, losing nothing.",
    epilog=DOCUMENTATION,
    cls=Root,
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

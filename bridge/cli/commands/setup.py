"""The commands that set places up: adopt, forget, init."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated

import typer

from bridge.cli.app import app
from bridge.cli.changing import change, consent
from bridge.cli.options import (
    SET_UP,
    Config,
    DryRun,
    Everyone,
    Json,
    Key,
    Name,
    Names,
    Sinks,
    Takeover,
    Verbose,
    Yes,
    value_from_stdin,
)
from bridge.cli.output.console import say
from bridge.cli.runner import configure, one_client, usage_errors
from bridge.cli.select import Typed
from bridge.model.errors import Usage

if TYPE_CHECKING:
    from bridge.execution.session import Job
    from bridge.model.outcome import Outcome

UNMANAGED = "there is nothing to forget: it is not managed by secret-bridge"


@app.command(rich_help_panel=SET_UP)
def adopt(
    context: typer.Context,
    names: Names = None,
    *,
    sink: Sinks = None,
    key: Key = None,
    config: Config = None,
    everyone: Everyone = False,
    repair: Annotated[
        bool, typer.Option("--repair", help="After somebody wiped the tags or changed the value: set them right.")
    ] = False,
    fallback: Annotated[
        str,
        typer.Option("--fallback", metavar="VERSION", help="The version that is the fallback.", show_default=False),
    ] = "",
    add_key: Annotated[bool, typer.Option("--add-key", help="Write the key into documents that lack it.")] = False,
    secret_stdin: Annotated[
        bool, typer.Option("--secret-stdin", help="Read the live value from standard input, not from Auth0.")
    ] = False,
    keep_max_versions: Annotated[
        bool, typer.Option("--keep-max-versions", help="Do not raise the number of versions that Vault keeps to 20.")
    ] = False,
    takeover: Takeover = False,
    yes: Yes = False,
    dry_run: DryRun = False,
    json: Json = False,
    verbose: Verbose = False,
) -> None:
    """Take over existing places without changing the value that applications use."""
    from bridge.operations.adopt import AdoptOptions
    from bridge.operations.adopt import adopt as adopt_one

    configure(verbose=verbose)
    one_client("--fallback", fallback, names, json=json)
    brought = value_from_stdin("the live client secret", names, json=json) if secret_stdin else None

    def work(job: Job) -> Outcome:
        options = AdoptOptions(
            dry_run=dry_run,
            takeover=takeover,
            agree=consent(yes=yes, always=True),
            brought=brought,
            add_key=add_key,
            repair=repair,
            fallback=fallback,
            keep_limit=keep_max_versions,
        )
        return adopt_one(job, options)

    change(
        context,
        names or [],
        Typed(tuple(sink or ()), key, config),
        work,
        json=json,
        title="adopted",
        nothing="",
        everyone=everyone,
    )


@app.command(rich_help_panel=SET_UP)
def forget(
    context: typer.Context,
    name: Name,
    *,
    sink: Sinks = None,
    key: Key = None,
    config: Config = None,
    takeover: Takeover = False,
    dry_run: DryRun = False,
    json: Json = False,
    verbose: Verbose = False,
) -> None:
    """Give places back: remove the bridge's tags. Values and versions stay."""
    from bridge.operations.adopt import forget as forget_one
    from bridge.operations.start import Options

    configure(verbose=verbose)
    options = Options(dry_run=dry_run, takeover=takeover)
    typed = Typed(tuple(sink or ()), key, config)
    change(
        context, [name], typed, lambda job: forget_one(job, options), json=json, title="forgotten", nothing=UNMANAGED
    )


@app.command(rich_help_panel=SET_UP)
def init(
    client_id: Annotated[str | None, typer.Argument(metavar="CLIENT_ID", help="The application to begin with.")] = None,
    *,
    sink: Sinks = None,
    key: Key = None,
) -> None:
    """Print a bridge.toml made from the environment. It holds references, never a secret."""
    from bridge.config.initial import initial
    from sinks.errors import BadAddress

    with usage_errors():
        try:
            say(initial(os.environ, client_id, tuple(sink or ()), key), nl=False)
        except BadAddress as error:
            raise Usage(error.message, hint=error.hint) from None

"""The commands that set sinks up: adopt, forget, init."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated

import typer

from bridge.cli.changing import change
from bridge.cli.command import command
from bridge.cli.consent import Consent
from bridge.cli.listed import SET_UP
from bridge.cli.options import (
    ChangeMode,
    DryRun,
    Json,
    Key,
    LiveFromStdin,
    Sinks,
    Takeover,
    Together,
    one_client,
    value_from_stdin,
)
from bridge.cli.output.console import hand_over
from bridge.cli.select import ClientsToChange, OneClient
from bridge.model.errors import Usage

if TYPE_CHECKING:
    from bridge.execution.session import Session
    from bridge.model.outcome import Outcome

UNMANAGED = "there is nothing to forget: it is not managed by secret-bridge"


@command(SET_UP, example="adopt AbC123 --sink vault://secret/apps/billing --dry-run")
def adopt(
    context: typer.Context,
    clients: ClientsToChange,
    *,
    repair: Annotated[
        bool, typer.Option("--repair", help="After somebody wiped the tags or changed the value: set them right.")
    ] = False,
    fallback: Annotated[
        str,
        typer.Option("--fallback", metavar="VERSION", help="The version that is the fallback.", show_default=False),
    ] = "",
    add_key: Annotated[bool, typer.Option("--add-key", help="Write the key into documents that lack it.")] = False,
    secret_stdin: LiveFromStdin = False,
    keep_max_versions: Annotated[
        bool, typer.Option("--keep-max-versions", help="Do not raise the number of versions that Vault keeps to 20.")
    ] = False,
    together: Together,
    mode: ChangeMode,
) -> None:
    """Take over existing sinks without changing the value that applications use."""
    from bridge.operations.adopt import AdoptOptions
    from bridge.operations.adopt import adopt as adopt_one

    if fallback:
        one_client("--fallback", clients.named)
    brought = value_from_stdin("the live client secret", clients.named) if secret_stdin else None

    agree = Consent(mode.yes, always=True, deed="Sinks get the bridge's tags, and empty ones the live value.")

    def work(session: Session) -> Outcome:
        options = AdoptOptions(
            dry_run=mode.dry_run,
            takeover=mode.takeover,
            agree=agree,
            brought=brought,
            add_key=add_key,
            repair=repair,
            fallback=fallback,
            keep_limit=keep_max_versions,
        )
        return adopt_one(session, options)

    change(
        context, clients, work, json=mode.json, title="adopted", nothing="", everyone=clients.everyone,
        rule=clients.rule(), together=together, agree=agree,
    )  # fmt: skip


@command(SET_UP, example="forget billing --dry-run")
def forget(
    context: typer.Context,
    client: OneClient,
    *,
    takeover: Takeover = False,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Give sinks back: remove the bridge's tags. Values and versions stay."""
    from bridge.operations.adopt import forget as forget_one
    from bridge.operations.start import Options

    options = Options(dry_run=dry_run, takeover=takeover)
    change(
        context, client, lambda session: forget_one(session, options), json=json, title="forgotten", nothing=UNMANAGED
    )


@command(SET_UP, example="init AbC123 --sink vault://secret/apps/billing > bridge.toml", verbose=False)
def init(
    client_id: Annotated[str | None, typer.Argument(metavar="CLIENT_ID", help="The application to begin with.")] = None,
    *,
    sink: Sinks = None,
    key: Key = None,
) -> None:
    """Print a bridge.toml made from the environment. It holds references, never a secret."""
    from bridge.config.initial import initial
    from sinks.errors import BadAddress

    try:
        # On standard output and not into a file, which could overwrite a configuration.
        text = initial(os.environ, client_id, tuple(sink or ()), key)
        # Foreign text is in strings only, where TOML has this escape.
        hand_over("".join(each if each.isprintable() or each == "\n" else f"\\U{ord(each):08X}" for each in text))
    except BadAddress as error:
        raise Usage(error.message, hint=error.hint) from None

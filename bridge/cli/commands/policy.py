"""The command that prints the rights to grant: policy."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from bridge.cli.command import command
from bridge.cli.listed import SECURITY
from bridge.cli.output import json as as_json
from bridge.cli.output.console import Whole, say, say_all
from bridge.cli.select import Clients, chosen, settings_of
from bridge.model.errors import Usage
from bridge.policy.formats import AUTH0_CLI, formats
from sinks import kinds
from sinks.rights import Role

if TYPE_CHECKING:
    from sinks.rights import Block


@dataclass(frozen=True, kw_only=True)
class NewApplication:
    """What the commands of Auth0's CLI create."""

    without: Annotated[
        list[str] | None,
        typer.Option("--without", metavar="SCOPE", help=f"With {AUTH0_CLI}: leave out a scope that you do not need."),
    ] = None
    with_secret: Annotated[
        bool, typer.Option("--with-secret", help=f"With {AUTH0_CLI}: it gets a client secret, and not a key pair.")
    ] = False


@command(SECURITY, example="policy billing --role application --format hcl", verbose=False)
def policy(
    *,
    role: Annotated[Role, typer.Option("--role", metavar="ROLE", help="Who is to get the rights.")],
    language: Annotated[
        str | None,
        typer.Option(
            "--format", metavar="LANGUAGE", help=f"Only the policies in one language: {', '.join(formats())}."
        ),
    ] = None,
    mount: Annotated[
        list[str] | None,
        typer.Option("--mount", metavar="MOUNT", help="A mount that has a slash in its name."),
    ] = None,
    application: NewApplication,
    clients: Clients,
    json: Annotated[bool, typer.Option("--json", help="One JSON object per vault and tenant, and line.")] = False,
) -> None:
    """Print the rights that a role needs at Vault, AWS and Auth0, to paste: these, and no more.

    operator: every command. application: read, exec. auditor: status, report, history. It can read no value.

    security: the auditor's, verify, evidence, watch, retire. A leak is the operator's to answer: rotate --compromised
    sets a secret.

    Only the configuration is read. Without a NAME: for all of its clients.

    --format auth0-cli prints a script that creates the bridge's application at Auth0, and grants it these scopes.
    """
    if language not in (None, *formats()):
        raise Usage(f"--format: found {language}, expected one of {', '.join(formats())}")
    if language == AUTH0_CLI:
        found = _applications(clients, role, application)
    elif application.without or application.with_secret:
        raise Usage(f"--without and --with-secret: expected --format {AUTH0_CLI} beside them")
    else:
        from bridge.policy.blocks import blocks  # a tenth of the time of `--help`, and only this command uses it

        about = chosen(clients, everyone=clients.empty, tenant=False, environ=_environ())
        found = [b for b in blocks(about, role, mount or ()) if language in (None, b.language)]
    if not found:
        raise Usage(f"--format: found {language}, but none of these clients has a sink there")
    if json:
        say_all(as_json.line(_told(block, role)) for block in found)
    else:
        _show(found, alone=language is not None)


def _applications(clients: Clients, role: Role, application: NewApplication) -> Sequence[Block]:
    from bridge.policy.auth0_cli import scripts

    # This is the first step of all, so neither a file nor a client is needed: the environment may name the tenant.
    alone = clients.empty and not clients.filters and settings_of(clients.config) is None
    about = [] if alone else chosen(clients, everyone=clients.empty, tenant=False, environ=_environ())
    return scripts(about, role, os.environ, without=application.without or (), secret=application.with_secret)


def _environ() -> Mapping[str, str]:
    """Return the environment, with placeholders for addresses that it lacks.

    The rights do not depend on them, and a person who writes policies may have no access to the
    vaults.
    """
    placeholders = {k: v for name in kinds.names() for k, v in kinds.kind(name).unasked(os.environ).items()}
    return {**os.environ, **placeholders}


def _show(found: Sequence[Block], *, alone: bool) -> None:
    """Print the policies with their comments.

    Some languages have no comments, as IAM's JSON. If only such a one is printed (`alone`), they go to stderr, and
    stdout can be redirected to a file.
    """
    for number, block in enumerate(found):
        to_stderr = alone and not block.commentable
        if number:
            say("")
        # Whole, because what is wrapped cannot be pasted.
        say_all((Whole(f"# {comment}") for comment in block.comments), err=to_stderr)
        if block.text:
            say_all(map(Whole, block.text.split("\n")))


def _told(block: Block, role: Role) -> dict[str, object]:
    return {
        "role": role,
        "name": block.name,
        "format": block.language,
        "policy": block.data,
        "comments": list(block.comments),
    }

"""The command that prints the rights to grant: policy."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from bridge.cli.command import command
from bridge.cli.listed import SECURITY
from bridge.cli.output import json as as_json
from bridge.cli.output.console import Whole, say, say_all
from bridge.cli.select import Clients, chosen
from bridge.model.errors import Usage
from bridge.policy.formats import formats
from sinks import kinds
from sinks.rights import Role

if TYPE_CHECKING:
    from sinks.rights import Block


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
    clients: Clients,
    json: Annotated[bool, typer.Option("--json", help="One JSON object per vault and tenant, and line.")] = False,
) -> None:
    """Print the rights that a role needs at Vault, AWS and Auth0, to paste: these, and no more.

    operator: every command. application: read, exec. auditor: status, report, history. It can read no value.

    security: the auditor's, verify, evidence, retire. A leak is the operator's to answer: rotate --compromised sets a
    secret.

    Only the configuration is read. Without a NAME: for all of its clients.
    """
    if language not in (None, *formats()):
        raise Usage(f"--format: found {language}, expected one of {', '.join(formats())}")
    from bridge.policy.blocks import blocks  # a tenth of the time of `--help`, and only this command uses it

    about = chosen(clients, everyone=clients.empty, tenant=False, environ=_environ())
    found = [b for b in blocks(about, role, mount or ()) if language in (None, b.language)]
    if not found:
        raise Usage(f"--format: found {language}, but none of these clients has a sink there")
    if json:
        say_all(as_json.line(_told(block, role)) for block in found)
    else:
        _show(found, alone=language is not None)


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

"""The command that prints the rights to grant: policy."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from bridge.cli.app import app
from bridge.cli.options import SECURITY, Config, Key, Names, Sinks
from bridge.cli.output import json as as_json
from bridge.cli.output.console import say
from bridge.cli.runner import usage_errors
from bridge.cli.select import Typed, chosen
from bridge.model.errors import Usage
from bridge.policy import Language
from sinks.rights import Role

if TYPE_CHECKING:
    from bridge.policy import Block

NOWHERE = "https://VAULT_ADDR"
"""A placeholder for a Vault address that is not set. The rights do not depend on the address."""


@app.command(rich_help_panel=SECURITY)
def policy(
    names: Names = None,
    *,
    role: Annotated[Role, typer.Option("--role", help="Who is to get the rights.")],
    language: Annotated[
        Language | None, typer.Option("--format", help="Only these: Vault's HCL, AWS's IAM, or Auth0's scopes.")
    ] = None,
    mount: Annotated[
        list[str] | None,
        typer.Option("--mount", metavar="MOUNT", help="A mount of Vault that has a slash in its name."),
    ] = None,
    sink: Sinks = None,
    key: Key = None,
    config: Config = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON object per vault and tenant, and line.")] = False,
) -> None:
    """Print the rights that a role needs at Vault, AWS and Auth0, to paste: these, and no more.

    operator: every command. application: read, exec. auditor: status, report, history. It can read no value.

    security: the auditor's, verify, retire. A leak is the operator's to answer: rotate --compromised sets a secret.

    Only the configuration is read. Without a NAME: for all of its clients.
    """
    from bridge.policy.blocks import blocks

    typed = Typed(tuple(sink or ()), key, config, tenant=False, environ=_environ())
    with usage_errors(json=json):
        clients = chosen(names or [], typed, everyone=not names and not sink)
        found = [b for b in blocks(clients, role, mount or ()) if language in (None, b.language)]
        if not found:
            raise Usage(f"--format: found {language}, but none of these clients has a place there")
    for text in [as_json.line(_told(block, role)) for block in found] if json else ():
        say(text)
    if not json:
        _show(found, alone=language is not None)


def _environ() -> Mapping[str, str]:
    """Return the environment, with the placeholder if it has no address of Vault."""
    named = os.environ.get("VAULT_ADDR") or os.environ.get("BAO_ADDR")
    return os.environ if named else {**os.environ, "VAULT_ADDR": NOWHERE}


def _show(found: Sequence[Block], *, alone: bool) -> None:
    """Print the policies with their comments.

    JSON has no comments. So if only one language is printed (`alone`), those of an IAM policy go to stderr, and stdout
    can be redirected to a file.
    """
    for number, block in enumerate(found):
        aside = alone and block.language is Language.IAM
        if number:
            say("")
        for comment in block.comments:
            say(f"# {comment}", err=aside)
        if block.text:
            say(block.text)


def _told(block: Block, role: Role) -> dict[str, object]:
    return {
        "role": role,
        "name": block.name,
        "format": block.language,
        "policy": block.data,
        "comments": list(block.comments),
    }

"""The commands for the audit record: audit verify, audit show."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from functools import partial
from itertools import chain as one_after_the_other
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bridge.cli.app import app
from bridge.cli.command import command
from bridge.cli.listed import SECURITY
from bridge.cli.options import Config, Json
from bridge.cli.output import json as as_json
from bridge.cli.output.console import say_all
from bridge.cli.select import settings_of
from bridge.cli.shown_help import Group
from bridge.config.references import resolve
from bridge.model.errors import ATTENTION, Usage

if TYPE_CHECKING:
    from bridge.audit.chain import Chain, Head
    from bridge.audit.verify import Verified
    from bridge.config.settings import AuditSettings

Files = Annotated[
    list[Path] | None,
    typer.Argument(metavar="FILE", help="The record, its oldest file first (default: the configured one; - is stdin)."),
]
Anchors = Annotated[
    list[str] | None,
    typer.Option("--anchor", metavar="SEQ:MAC", help="A line that must be there: from an outcome, syslog or a sink."),
]
HELP = "Check or show the record of every attempt to change something."

audit = typer.Typer(name="audit", help=HELP, no_args_is_help=True, cls=Group)
app.add_typer(audit, rich_help_panel=SECURITY)


@command(group=audit, example="audit verify --anchor 8812:5e1f…", verbose=False)
def verify(files: Files = None, *, anchor: Anchors = None, config: Config = None, json: Json = False) -> None:
    """Look for edits, removals and another order. With anchors, also for a tail that was cut and for an older copy.

    Exits with 5 when something was found. The key is the configured one (or BRIDGE_AUDIT_KEY).
    """
    from bridge.audit.verify import verify as verify_lines

    settings = _settings(config)
    anchors = tuple(_anchor(text) for text in anchor or ())
    found = verify_lines(_lines(files, settings), _chain(settings), anchors)
    say_all([as_json.line(_as_object(found))] if json else _shown(found))
    raise typer.Exit(0 if found.good else ATTENTION)


@command(group=audit, example="audit show --client billing", verbose=False)
def show(
    files: Files = None,
    *,
    client: Annotated[
        str | None, typer.Option("--client", metavar="NAME", help="Only what is about this client, or client id.")
    ] = None,
    config: Config = None,
    json: Annotated[bool, typer.Option("--json", help="The lines themselves, one JSON object each.")] = False,
) -> None:
    """Show what was attempted, by whom, and what became of it. It checks nothing."""
    from bridge.audit.reading import about, attempts, summary

    told = about(_lines(files, _settings(config)), client)
    # A list, so that an error in the record comes before the first line.
    say_all([as_json.line(dict(each)) for each in told] if json else [summary(each) for each in attempts(told)])


def _settings(config: Path | None) -> AuditSettings | None:
    """Return the audit settings of the configuration file, or of the environment if there is no file.

    None means that no record is configured.

    Raises:
        Usage: the file or the environment has faults.
    """
    from bridge.config.audit import audit_from_environment

    settings = settings_of(config)
    if settings is not None:
        return settings.audit
    found, faults = audit_from_environment(os.environ)
    if faults:
        raise Usage(*faults)
    return found


def _lines(files: list[Path] | None, settings: AuditSettings | None) -> Iterator[bytes]:
    from bridge.audit.files import in_lines
    from bridge.audit.reading import lines_in
    from bridge.audit.recorder import path_of
    from bridge.config.audit import FILE

    if files:
        return one_after_the_other.from_iterable(
            in_lines(sys.stdin.buffer) if str(path) == "-" else lines_in(path) for path in files
        )
    # syslog and standard error cannot be read back from here.
    if settings is None or not settings.to.startswith(FILE):
        hint = "name one, or configure it: [audit] to = file:/PATH (BRIDGE_AUDIT)"
        raise Usage("no file is named, and none is configured", hint=hint)
    return lines_in(path_of(settings))


def _chain(settings: AuditSettings | None) -> Chain:
    """Return the chain with the configured key, or with that of the environment if nothing is configured.

    So a copy of the record can be verified on another machine, with `BRIDGE_AUDIT_KEY` only.
    """
    from bridge.audit.recorder import chain_of
    from bridge.config.audit import key_reference
    from bridge.config.settings import AuditSettings

    if settings is None:
        settings = AuditSettings("", key_reference(os.environ))
    return chain_of(settings, partial(resolve, environ=os.environ))


def _anchor(text: str) -> Head:
    from bridge.audit.chain import DIGITS, head_in

    if (head := head_in(text)) is None:
        # The text is cut in the message, because a wrong paste may be long.
        raise Usage(f"--anchor: found '{text[:80]}', expected SEQ:MAC, a number and {DIGITS} digits 0-9 a-f")
    return head


def _as_object(found: Verified) -> dict[str, object]:
    return {
        "good": found.good,
        "lines": found.lines,
        "first": found.first,
        "last": found.head.seq if found.head else None,
        "head": str(found.head) if found.head else None,
        "faults": list(found.faults),
        "notes": list(found.notes),
        "open": list(found.open),
    }


def _shown(found: Verified) -> Iterator[str]:
    yield from (f"FAULT {text}" for text in found.faults)
    yield from (f"  {text}" for text in found.notes)
    if found.head is None:
        yield "there is nothing in it"
        return
    what = "unbroken" if found.good else "NOT as it was written"
    yield f"{found.lines} lines, seq {found.first} to {found.head.seq}: {what}. Its anchor now: {found.head}"

"""The options that commands share, and the reading of a value that the user pipes in or types without an echo."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from bridge.cli.complete import client_names
from bridge.cli.output.console import is_terminal
from bridge.cli.picking import Order
from bridge.model.errors import Usage
from sinks import kinds
from sinks.files import LARGEST
from sinks.secret import Secret

JOBS, MOST_JOBS, FORCED_JOBS = 8, 16, 64
"""How many clients are worked on at a time: the default, the most, and the most that can be forced.

With more, leases starve on a busy machine.
"""
JOBS_VARIABLE, FORCE_VARIABLE = "BRIDGE_JOBS", "BRIDGE_MOST_JOBS"
MOST_RATE = 1000


def _possible_jobs(number: int) -> int:
    # Not by `min` and `max`, which would widen a column of --help by the range.
    if 1 <= number <= MOST_JOBS:
        return number
    forced = os.environ.get(FORCE_VARIABLE, "")
    if not forced:
        more = f", or {FORCE_VARIABLE}={number} beside it" if MOST_JOBS < number <= FORCED_JOBS else ""
        raise typer.BadParameter(f"found {number}, expected a number from 1 to {MOST_JOBS}{more}")
    if not forced.isdecimal() or not MOST_JOBS < int(forced) <= FORCED_JOBS:
        found = f"{FORCE_VARIABLE}: found '{forced}', expected a number from {MOST_JOBS + 1} to {FORCED_JOBS}"
        raise typer.BadParameter(found)
    if not 1 <= number <= int(forced):
        raise typer.BadParameter(f"found {number}, expected a number from 1 to {forced} ({FORCE_VARIABLE})")
    return number


def _possible_limit(number: int | None) -> int | None:
    if number is not None and number < 1:
        raise typer.BadParameter(f"found {number}, expected a number from 1 on")
    return number


def _possible_rate(number: float | None) -> float | None:
    if number is not None and not 0 < number <= MOST_RATE:
        raise typer.BadParameter(f"found {number}, expected a number above 0, at most {MOST_RATE}")
    return number


Names = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="NAME",
        help="A client's name in the configuration, or a client_id.",
        show_default=False,
        autocompletion=client_names,
    ),
]
Name = Annotated[
    str,
    typer.Argument(
        metavar="NAME", help="A client's name in the configuration, or a client_id.", autocompletion=client_names
    ),
]
Sinks = Annotated[
    list[str] | None,
    typer.Option("--sink", metavar="URI", help=f"A sink, without a configuration: {kinds.addresses()}"),
]
Key = Annotated[str | None, typer.Option("--key", metavar="KEY", help="The key in the stored document.")]
Config = Annotated[
    Path | None, typer.Option("--config", metavar="FILE", help="The configuration (default: ./bridge.toml).")
]
Json = Annotated[bool, typer.Option("--json", help="One JSON object per client and line.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Print the plan and change nothing.")]
NoWait = Annotated[bool, typer.Option("--no-wait", help="Do not wait until the change has spread.")]
Yes = Annotated[
    bool, typer.Option("--yes", "-y", help="Agree beforehand to what cannot be undone, and to new secrets.")
]
Notify = Annotated[
    bool, typer.Option("--notify", help="Send messages where the configuration says, if there is anything to tell.")
]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Log each call to stderr; never a secret.")]
Reason = Annotated[
    str,
    typer.Option("--reason", metavar="TEXT", help="Why; it is recorded.", show_default=False),
]
Ignore = Annotated[
    list[str] | None,
    typer.Option(
        "--ignore-source",
        metavar="SOURCE",
        help="An address or a network, and perhaps an agent, that you vouch for; needs --reason.",
    ),
]
Unproven = Annotated[
    str,
    typer.Option(
        "--unproven",
        metavar="VERSION",
        help="The version that was the fallback, where nothing proves it and you know it.",
        show_default=False,
    ),
]
Jobs = Annotated[
    int,
    typer.Option(
        "--jobs", "-j", metavar="NUMBER", envvar=JOBS_VARIABLE, show_envvar=False, callback=_possible_jobs,
        help=f"How many clients are worked on at a time: 1 to {MOST_JOBS}.",
    ),
]  # fmt: skip
OfTenant = Annotated[
    list[str] | None, typer.Option("--tenant", metavar="NAME", help="Only clients of this tenant.", show_default=False)
]
OfOwner = Annotated[
    list[str] | None, typer.Option("--owner", metavar="TEXT", help="Only clients of this owner.", show_default=False)
]
Matching = Annotated[
    list[str] | None,
    typer.Option("--match", metavar="GLOB", help="Only clients with such a name: 'web-*'.", show_default=False),
]
Sharded = Annotated[
    str,
    typer.Option("--shard", metavar="I/N", help="Only share I of N, by tenant: 1/4. For several machines.",
                 show_default=False),
]  # fmt: skip
Limit = Annotated[
    int | None,
    typer.Option(
        "--limit", metavar="NUMBER", callback=_possible_limit, help="No more clients than that.", show_default=False
    ),
]
InOrder = Annotated[
    Order, typer.Option("--order", metavar="BY", help="any, file (as it lists them), oldest, tenant or owner.")
]
Rate = Annotated[
    float | None,
    typer.Option(
        "--rate", metavar="NUMBER", show_default=False, callback=_possible_rate,
        help="Requests to Auth0's Management API per second and tenant (80 % of its limit).",
    ),
]  # fmt: skip
KeepGoing = Annotated[bool, typer.Option("--keep-going", help="Begin the rest also where many clients have failed.")]
LiveFromStdin = Annotated[
    bool, typer.Option("--secret-stdin", help="Read the live value from standard input, not from Auth0.")
]
Everyone = Annotated[bool, typer.Option("--all", help="Every client of the configuration.")]
Takeover = Annotated[
    bool, typer.Option("--takeover", help="Finish an operation that still counts as live; you know that it died.")
]


@dataclass(frozen=True, kw_only=True)
class Together:
    """How a command works on several clients, in the order of --help."""

    jobs: Jobs = JOBS
    rate: Rate = None
    keep_going: KeepGoing = False


@dataclass(frozen=True, kw_only=True)
class ChangeMode:
    """How a command changes something: the options that almost all of these commands have, in the order of --help."""

    takeover: Takeover = False
    yes: Yes = False
    dry_run: DryRun = False
    json: Json = False


def moment(option: str, text: str) -> datetime:
    """Return the time that an option names.

    Raises:
        Usage: it is no time with a zone.
    """
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        found = None
    # Without a zone it would mean another moment on each machine.
    if found is None or found.tzinfo is None:
        raise Usage(f"{option}: found {text!r}, expected a time with its zone", hint="for example 2026-11-29T10:00Z")
    return found


def one_client(option: str, names: Sequence[str], what: str = "version") -> None:
    """Check that one client is named, because the value or version that an option gives belongs to one client.

    Raises:
        Usage: no client is named, or several are.
    """
    # One value for several clients would give each of them the secret of another one.
    if len(names) != 1:
        raise Usage(f"{option}: found {len(names)} clients, expected one: a {what} is one client's")


def value_from_stdin(what: str, names: Sequence[str]) -> Secret:
    """Return the value that the user gives on standard input: its first line, without the line break.

    On a terminal the user is asked for it twice, because there is no echo. `what` names the value in the question.

    Raises:
        Usage: `names` does not hold one client, or standard input is empty, too long or not text.
    """
    # Before reading, so that a mistake does not cost the user the typing.
    one_client("--secret-stdin", names, "value")
    if is_terminal(sys.stdin):
        return Secret(typer.prompt(what.capitalize(), hide_input=True, confirmation_prompt=True, err=True))
    try:
        line = sys.stdin.readline(LARGEST + 1) if sys.stdin else ""
    except UnicodeDecodeError:
        raise Usage("--secret-stdin: found something that is not text in UTF-8", hint="pipe the value in") from None
    if len(line) > LARGEST:
        raise Usage("--secret-stdin: found a line of more than 1 MiB, expected the value", hint="pipe the value in")
    # The line break is not part of the value. Anything else is, also spaces, because a secret may hold them.
    text = line.removesuffix("\n").removesuffix("\r")
    if not text:
        raise Usage("--secret-stdin: standard input is empty", hint="pipe the value in")
    return Secret(text)

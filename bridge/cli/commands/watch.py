"""The command that follows the tenants' logs: watch."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

import typer

from bridge.cli.command import command
from bridge.cli.hooks.audit import asked_by
from bridge.cli.listed import SECURITY
from bridge.cli.options import JOBS, Jobs, Json
from bridge.cli.runner import worst
from bridge.cli.select import Clients, chosen
from bridge.cli.watching import Watching

SECONDS, LEAST_SECONDS, MOST_SECONDS = 10, 2, 3600
"""How often the log is read: the default, the least and the most."""
MINUTES, MOST_MINUTES = 60, 1440
"""How often every client is looked at: the default and the most."""


@command(SECURITY, example="watch --once")
def watch(
    context: typer.Context,
    clients: Clients,
    *,
    once: Annotated[bool, typer.Option("--once", help="Read to the end of the log, act, and end: for cron.")] = False,
    interval: Annotated[
        int,
        typer.Option(
            "--interval",
            metavar="SECONDS",
            min=LEAST_SECONDS,
            max=MOST_SECONDS,
            help="How often the log is read.",
        ),
    ] = SECONDS,
    every: Annotated[
        int,
        typer.Option(
            "--every",
            metavar="MINUTES",
            min=1,
            max=MOST_MINUTES,
            help="How often every client is looked at, whatever the log says.",
        ),
    ] = MINUTES,
    jobs: Jobs = JOBS,
    json: Json = False,
) -> None:
    """Follow the tenants' logs: tell or repair what was changed outside the bridge, and name who still fails."""
    watching = Watching(asked_by(context), jobs, json=json)
    found = chosen(clients, everyone=clients.empty)
    followers = watching.followers(found, timedelta(seconds=interval), timedelta(minutes=every))
    raise typer.Exit(worst(watching.follow(followers, once=once)))

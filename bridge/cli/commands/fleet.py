"""The commands for several machines: worker, and fleet with its own commands.

`worker` is long because of its signature, which holds each option with its help text.
"""

from __future__ import annotations

import os
import re
import socket
from datetime import UTC, datetime, timedelta
from importlib.util import find_spec
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bridge.cli.app import app
from bridge.cli.command import command
from bridge.cli.installed import to_install
from bridge.cli.listed import ROTATE, SECURITY
from bridge.cli.options import Config, Json, Rate
from bridge.cli.output import json as as_json
from bridge.cli.output.console import say, say_all
from bridge.cli.select import Filters, settings_of
from bridge.cli.shown_help import Group
from bridge.config.references import resolve
from bridge.fleet.rules import Verb
from bridge.model.errors import ATTENTION, Failed, Usage

if TYPE_CHECKING:
    from bridge.config.settings import Settings
    from bridge.fleet.database import Database
    from bridge.fleet.engine import Fleet

HELP = "See and steer what the workers of several machines do."
DEFAULT = "default"
"""The name of the workers that have no other one."""
NAME, TIME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}"), "%Y-%m-%d %H:%M:%SZ"
Pool = Annotated[str, typer.Option("--pool", metavar="NAME", help="The workers that share the work.")]
Limit = Annotated[int, typer.Option("--limit", metavar="NUMBER", min=1, max=1000, help="No more than that.")]

fleet = typer.Typer(name="fleet", help=HELP, no_args_is_help=True, cls=Group)
app.add_typer(fleet, rich_help_panel=SECURITY)


@command(ROTATE, example="worker --once")
def worker(
    filters: Filters,
    *,
    once: Annotated[
        bool, typer.Option("--once", help="Look once, do what is next, and end: for cron. Needs no database.")
    ] = False,
    only: Annotated[
        list[Verb] | None,
        typer.Option("--only", metavar="VERB", help="Only this: resume, sync, rotate or retire.", show_default=False),
    ] = None,
    pool: Pool = DEFAULT,
    name: Annotated[
        str,
        typer.Option("--name", metavar="NAME", help="This worker, the same after a restart (host name and pool).",
                     show_default=False),
    ] = "",
    tenants: Annotated[
        int, typer.Option("--tenants", metavar="NUMBER", min=1, max=64, help="How many tenants at a time.")
    ] = 4,
    jobs: Annotated[
        int, typer.Option("--jobs", metavar="NUMBER", min=1, max=16, help="How many clients of a tenant at a time.")
    ] = 8,
    rate: Rate = None,
    config: Config = None,
    listen: Annotated[
        str,
        typer.Option("--listen", metavar="HOST:PORT", help="Serve /healthz, /readyz and /metrics there.",
                     show_default=False),
    ] = "",
    json: Json = False,
) -> None:  # fmt: skip
    """Do what is next for every client, again and again: one of several machines. Without --once: extra 'fleet'.

    What was interrupted is resumed, what is due rotated, and a fallback retired that has served its time. Ends with
    SIGTERM, when what has begun is done.
    """
    from bridge.cli.working import Working

    working = Working(filters, config, frozenset(only or Verb), jobs, rate, json=json)
    if once:
        raise typer.Exit(working.once())
    _require()
    database = _database(config, pool)
    working.run(database, _name(name, pool), tenants, _address(listen))


@command(group=fleet, example="fleet status", verbose=False)
def status(*, pool: Pool = DEFAULT, config: Config = None, json: Json = False) -> None:
    """Show whether sweeps run, what the last one found, and which worker has which tenant. Exits with 5 if paused."""
    with _fleet(config, pool) as found:
        state = found.state()
    say_all([as_json.line(state)] if json else _state(state))
    raise typer.Exit(ATTENTION if state["paused"] else 0)


@command(group=fleet, example="fleet show --limit 5", verbose=False)
def show(*, limit: Limit = 20, pool: Pool = DEFAULT, config: Config = None, json: Json = False) -> None:
    """Show the latest pieces of work: a tenant, a worker, and what became of each client."""
    with _fleet(config, pool) as found:
        rows = found.work(limit)
    lines = [line for row in rows for line in _piece(row)] or ["no work yet"]
    say_all([as_json.line(row) for row in rows] if json else lines)


@command(group=fleet, example="fleet pause", verbose=False)
def pause(*, pool: Pool = DEFAULT, config: Config = None) -> None:
    """Let no further sweep run. Work that is under way or handed out goes on: see cancel."""
    with _fleet(config, pool) as found:
        found.pause()
    say(f"pool {pool}: paused")


@command(group=fleet, example="fleet resume", verbose=False)
def resume(*, pool: Pool = DEFAULT, config: Config = None) -> None:
    """Let sweeps run again, after a pause by hand or because too many clients failed."""
    with _fleet(config, pool) as found:
        found.resume()
    say(f"pool {pool}: sweeps run")


@command(group=fleet, example="fleet cancel --tenant prod", verbose=False)
def cancel(
    *,
    tenant: Annotated[
        str, typer.Option("--tenant", metavar="NAME", help="Only this tenant's.", show_default=False)
    ] = "",
    pool: Pool = DEFAULT,
    config: Config = None,
) -> None:
    """Take work back that was handed out. A client that has begun comes to its end. The next sweep finds the rest."""
    with _fleet(config, pool) as found:
        count = found.cancel(tenant or None)
    say(f"pool {pool}: {count} pieces of work cancelled")


@command(group=fleet, name="run-now", example="fleet run-now", verbose=False)
def run_now(*, pool: Pool = DEFAULT, config: Config = None) -> None:
    """Let a sweep run at once, also while they are paused."""
    with _fleet(config, pool) as found:
        found.run_now()
    say(f"pool {pool}: a sweep was asked for; see: secret-bridge fleet status")


@command(group=fleet, example="fleet purge --days 7", verbose=False)
def purge(
    *,
    days: Annotated[int, typer.Option("--days", metavar="NUMBER", min=0, help="What is older than that.")] = 30,
    pool: Pool = DEFAULT,
    config: Config = None,
) -> None:
    """Delete old reports from the engine's database. The audit record and the vaults keep theirs."""
    with _fleet(config, pool) as found:
        count = found.purge(datetime.now(UTC) - timedelta(days=days))
    say(f"{count} reports deleted")


def _require() -> None:
    if find_spec("dbos") is None:
        raise Failed("the extra 'fleet' is not installed (dbos missing)", to_install("fleet"))


def _settings(config: Any) -> Settings:
    found = settings_of(config)
    if found is None:
        raise Usage("there is no configuration", hint="name it: --config FILE (BRIDGE_CONFIG)")
    return found


def _database(config: Any, pool: str) -> Database:
    from bridge.fleet.database import database_of

    return database_of(_settings(config), pool, lambda each: resolve(each, os.environ))


def _fleet(config: Any, pool: str) -> Fleet:
    _require()
    database = _database(config, pool)
    from bridge.fleet.engine import Fleet

    return Fleet(database)


def _address(text: str) -> tuple[str, int] | None:
    """Return host and port.

    Raises:
        Usage: the text is something else.
    """
    if not text:
        return None
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 2**16:
        raise Usage(f'--listen: found "{text[:40]}", expected HOST:PORT, such as 127.0.0.1:9108')
    return host.strip("[]"), int(port)


def _name(text: str, pool: str) -> str:
    """Return the worker's name.

    Raises:
        Usage: the text cannot be one.
    """
    name = text or f"{socket.gethostname()}-{pool}"
    if NAME.fullmatch(name) is None:
        raise Usage(f'--name: found "{name[:110]}", expected up to 100 letters, digits, dots, underscores and hyphens')
    return name


def _state(state: dict[str, Any]) -> list[str]:
    lines = [f"pool {state['pool']}: {'paused' if state['paused'] else 'sweeps run'}"]
    sweep = state["sweep"]
    if sweep is None:
        lines.append("no sweep has ended yet")
    elif report := sweep["report"]:
        counts = {"next": sum(report["work"].values()), **report["counts"]}
        words = ", ".join(f"{number} {name}" for name, number in counts.items())
        lines.append(f"last sweep {sweep['at']:{TIME}} by {sweep['worker']}: {report['looked_at']} clients, {words}")
        for kind in ("attention", "unread"):
            lines += [f"  {kind}: {': '.join(str(each) for each in told if each)}" for told in report[kind]]
    for tenant, told in sorted(state["tenants"].items()):
        at = f"{told['worker']} works on it" if told["worker"] else "no worker yet"
        lines.append(f"{tenant}: {at}" + (f", {told['waiting']} pieces wait" if told["waiting"] else ""))
    return lines


def _piece(row: dict[str, Any]) -> list[str]:
    report = row["report"] or {}
    words = ", ".join(f"{number} {word}" for word, number in report.get("counts", {}).items())
    lines = [f"{row['at']:{TIME}} {row['tenant']} {row['status']} by {row['worker']}{f': {words}' if words else ''}"]
    for each in report.get("results", ()):
        told = f"  {each['client']}  {each['word']} {each['rotation']}".rstrip()
        lines.append(f"{told}: {each['message']}   -> {each['next']}" if each["exit"] else told)
    if why := report.get("paused"):
        lines.append(f"  no further sweep runs: {why}   -> secret-bridge fleet resume")
    return lines

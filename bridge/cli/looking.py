"""Commands that change nothing: status, verify, history, read."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from bridge.cli import as_json, show
from bridge.cli.app import app
from bridge.cli.opening import Typed, chosen, open_job, open_places, survey
from bridge.cli.options import SECURITY, USE, Config, Everyone, Json, Key, Name, Names, Sinks, Verbose
from bridge.cli.run import configure, each
from bridge.config.settings import ClientSettings, Settings
from bridge.errors import Refused
from bridge.job import translate
from bridge.status import Status
from bridge.timing import Timing
from bridge.verify import Verified
from bridge.verify import verify as verify_one
from sinks.port import SinkError, Stage
from sinks.secret import Secret


@app.command(rich_help_panel=SECURITY)
def status(
    names: Names = None,
    *,
    sink: Sinks = None,
    key: Key = None,
    config: Config = None,
    check: Annotated[bool, typer.Option("--check", help="Exit with 5 when a client needs attention.")] = False,
    json: Json = False,
    verbose: Verbose = False,
) -> None:
    """Show how clients stand: ages, fallbacks, what is interrupted or due. Reads metadata only, never a value."""
    configure(verbose=verbose)
    found: list[Status] = []
    typed = Typed(tuple(sink or ()), key, config, tenant=False)

    def present(_client: ClientSettings, seen: Status) -> int:
        found.append(seen)
        if json:
            typer.echo(as_json.line(as_json.status(seen)))
        return 5 if check and seen.attention else 0

    def finish() -> None:
        if found and not json:
            for text in show.statuses(found):
                typer.echo(text)

    each(lambda: chosen(names or [], typed, everyone=not names and not sink), survey, present, json=json, after=finish)


@app.command(rich_help_panel=SECURITY)
def verify(
    names: Names = None,
    *,
    sink: Sinks = None,
    key: Key = None,
    config: Config = None,
    everyone: Everyone = False,
    json: Json = False,
    verbose: Verbose = False,
) -> None:
    """Ask Auth0: is each place's current value accepted, is the fallback refused? Exits with 5 when not."""
    configure(verbose=verbose)
    typed = Typed(tuple(sink or ()), key, config)

    def present(client: ClientSettings, seen: tuple[Verified, ...]) -> int:
        lines = [as_json.line(as_json.verified(client.name, seen))] if json else show.verified(client.name, seen)
        for text in lines:
            typer.echo(text)
        return 0 if all(place.good for place in seen) else 5

    each(
        lambda: chosen(names or [], typed, everyone=everyone),
        lambda settings, client: verify_one(open_job(settings, client)),
        present,
        json=json,
    )


@app.command(rich_help_panel=SECURITY)
def history(
    name: Name,
    *,
    sink: Sinks = None,
    key: Key = None,
    config: Config = None,
    json: Json = False,
    verbose: Verbose = False,
) -> None:
    """Show who changed what when, and the versions there are; from the vaults' metadata."""
    configure(verbose=verbose)

    def present(client: ClientSettings, seen: Status) -> int:
        told = {"client": client.name, "places": [as_json.place(p) for p in seen.places]}
        for text in [as_json.line(told)] if json else show.history(client.name, seen.places):
            typer.echo(text)
        return 0

    typed = Typed(tuple(sink or ()), key, config, tenant=False)
    each(lambda: chosen([name], typed), survey, present, json=json)


@app.command(rich_help_panel=USE)
def read(
    name: Name,
    *,
    sink: Sinks = None,
    key: Key = None,
    config: Config = None,
    stage: Annotated[Stage, typer.Option(help="Which value: current, fallback or pending.")] = Stage.CURRENT,
    verbose: Verbose = False,
) -> None:
    """Print a stored value on standard output, for scripts; the first place that answers serves it."""
    configure(verbose=verbose)
    typed = Typed(tuple(sink or ()), key, config, tenant=False)

    def do(settings: Settings, client: ClientSettings) -> Secret:
        failure: SinkError | None = None
        for uri, place in open_places(settings, client, Timing()).items():
            try:
                value = place.read().value(stage)
            except SinkError as error:
                failure = error
                continue
            if value is None:
                raise Refused(f"there is no {stage} value in {uri}")
            return value
        raise translate(failure) if failure else Refused("no place is named")

    def present(_client: ClientSettings, value: Secret) -> int:
        sys.stdout.write(value.reveal() + ("\n" if sys.stdout.isatty() else ""))
        return 0

    each(lambda: chosen([name], typed), do, present, json=False)

"""The command evidence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from bridge.cli import as_json
from bridge.cli.app import app
from bridge.cli.notifying import Look
from bridge.cli.opening import Typed, chosen, open_job
from bridge.cli.options import SECURITY, Config, Everyone, Json, Key, Names, Notify, Sinks, Verbose
from bridge.cli.run import configure, each
from bridge.cli.say import say

if TYPE_CHECKING:
    from bridge.config.settings import ClientSettings, Settings
    from bridge.evidence.judge import Evidence


@app.command(rich_help_panel=SECURITY)
def evidence(
    names: Names = None,
    *,
    sink: Sinks = None,
    key: Key = None,
    config: Config = None,
    everyone: Everyone = False,
    record: Annotated[
        bool, typer.Option("--record", help="Keep what matters of the logs in the places' metadata, for later.")
    ] = False,
    notify: Notify = False,
    json: Json = False,
    verbose: Verbose = False,
) -> None:
    """Ask the tenant's logs who still fails with an old value. Exits with 5 when somebody does, or it is not known."""
    from bridge.evidence.judge import lines, minute
    from bridge.model.timing import span
    from bridge.operations.evidence import evidence_of

    configure(verbose=verbose)
    look = Look("evidence", wanted=notify)
    typed = Typed(tuple(sink or ()), key, config)

    def do(settings: Settings, client: ClientSettings) -> Evidence:
        return evidence_of(open_job(settings, client), record=record)

    def present(client: ClientSettings, found: Evidence) -> int:
        if json:
            say(as_json.line(as_json.evidence(client, found)))
            return 5 if found.stale or found.unknown else 0
        say(
            f"{client.name}  changed {minute(found.change)}; a consumer counts for {span(found.window)} after a failure"
        )
        rows = lines(found, most=50)
        width = max(len(name) for name, _ in rows)
        for name, text in rows:
            say(f"  {name:<{width}}  {text}")
        return 5 if found.stale or found.unknown else 0

    each(
        look.at(lambda: chosen(names or [], typed, everyone=everyone or (not names and not sink))),
        do,
        present,
        json=json,
        listener=look,
    )

"""Commands that rotate: rotate, resume."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from bridge.cli.app import app
from bridge.cli.change import change
from bridge.cli.opening import Typed
from bridge.cli.options import ROTATE, Config, DryRun, Everyone, Json, Key, Names, Sinks, Takeover, Verbose
from bridge.cli.run import configure

if TYPE_CHECKING:
    from bridge.job import Job
    from bridge.outcome import Outcome


@app.command(rich_help_panel=ROTATE)
def rotate(
    names: Names = None,
    *,
    sink: Sinks = None,
    key: Key = None,
    config: Config = None,
    everyone: Everyone = False,
    due: Annotated[bool, typer.Option("--due", help="Only those older than their max_age, or interrupted.")] = False,
    strategy: Annotated[
        Literal["staged", "auth0-generated"] | None,
        typer.Option(help="Who makes the value: the bridge (staged, the default) or Auth0."),
    ] = None,
    adopt: Annotated[bool, typer.Option("--adopt", help="Take over places that are not managed yet.")] = False,
    without_fallback: Annotated[
        bool, typer.Option("--without-fallback", help="Fill empty places without keeping the live value as fallback.")
    ] = False,
    no_wait: Annotated[bool, typer.Option("--no-wait", help="Do not wait until the change has spread.")] = False,
    allow_self: Annotated[bool, typer.Option("--allow-self", help="Also the application the bridge acts as.")] = False,
    accept_hs256: Annotated[
        bool, typer.Option("--accept-hs256", help="Also a client whose ID tokens are signed with its secret.")
    ] = False,
    takeover: Takeover = False,
    dry_run: DryRun = False,
    json: Json = False,
    verbose: Verbose = False,
) -> None:
    """Rotate and publish; finish an interrupted operation instead, if there is one."""
    from bridge.plan import Strategy
    from bridge.rotate import RotateOptions
    from bridge.rotate import rotate as rotate_one

    configure(verbose=verbose)
    consents = {word for word, said in (("self", allow_self), ("hs256", accept_hs256)) if said}

    def work(job: Job) -> Outcome:
        job.settings = replace(job.settings, accept=job.settings.accept | consents)
        options = RotateOptions(
            dry_run=dry_run,
            takeover=takeover,
            settle=not no_wait,
            strategy=Strategy(strategy or job.settings.strategy),
            adopt=adopt,
            without_fallback=without_fallback,
        )
        return rotate_one(job, options)

    typed = Typed(tuple(sink or ()), key, config)
    change(names or [], typed, work, json=json, title="rotated", nothing="", everyone=everyone, due=due)


@app.command(rich_help_panel=ROTATE)
def resume(
    names: Names = None,
    *,
    sink: Sinks = None,
    key: Key = None,
    config: Config = None,
    everyone: Everyone = False,
    takeover: Takeover = False,
    now: Annotated[bool, typer.Option("--now", help="Do not wait for consumers to refresh.")] = False,
    no_wait: Annotated[bool, typer.Option("--no-wait", help="Do not wait until the change has spread.")] = False,
    dry_run: DryRun = False,
    json: Json = False,
    verbose: Verbose = False,
) -> None:
    """Finish interrupted operations, from any machine; safe to repeat."""
    from bridge.begin import Options
    from bridge.rotate import resume as resume_one

    configure(verbose=verbose)
    options = Options(dry_run=dry_run, takeover=takeover, now=now, settle=not no_wait)
    typed = Typed(tuple(sink or ()), key, config)
    all_of_them = everyone or (not names and not sink)
    change(
        names or [],
        typed,
        lambda job: resume_one(job, options),
        json=json,
        title="resumed",
        nothing="nothing is interrupted",
        everyone=all_of_them,
    )

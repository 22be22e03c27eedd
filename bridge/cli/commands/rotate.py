"""The commands that publish a value: rotate, resume, rollback, sync.

The functions are long because of their signatures, which hold each option with its help text.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from bridge.cli.app import app
from bridge.cli.changing import change, consent, require_reason, rotatable
from bridge.cli.options import (
    ROTATE,
    Config,
    DryRun,
    Everyone,
    Json,
    Key,
    Name,
    Names,
    NoWait,
    Reason,
    Sinks,
    Takeover,
    Unproven,
    Verbose,
    Yes,
    value_from_stdin,
)
from bridge.cli.runner import configure, usage_errors
from bridge.cli.select import Typed
from bridge.model.errors import Usage

if TYPE_CHECKING:
    from bridge.execution.session import Job
    from bridge.model.outcome import Outcome

IN_SYNC = "every place holds the value that Auth0 holds"
STILL_LIVE = ", and nothing else is stored; if it is the LIVE value that leaked: rotate --compromised"


@app.command(rich_help_panel=ROTATE)
def rotate(
    context: typer.Context,
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
    no_wait: NoWait = False,
    allow_self: Annotated[bool, typer.Option("--allow-self", help="Also the application the bridge acts as.")] = False,
    accept_hs256: Annotated[
        bool, typer.Option("--accept-hs256", help="Also a client whose ID tokens are signed with its secret.")
    ] = False,
    secret_stdin: Annotated[
        bool, typer.Option("--secret-stdin", help="Read the new value from standard input; else one is generated.")
    ] = False,
    compromised: Annotated[
        bool, typer.Option("--compromised", help="The live value leaked: keep nothing of it. Needs --reason.")
    ] = False,
    reason: Reason = "",
    takeover: Takeover = False,
    yes: Yes = False,
    dry_run: DryRun = False,
    json: Json = False,
    verbose: Verbose = False,
) -> None:
    """Rotate and publish. What was interrupted is settled first. A rotation that was under way ends with that."""
    from bridge.model.operation import Strategy
    from bridge.operations.rotate import RotateOptions
    from bridge.operations.rotate import rotate as rotate_one

    configure(verbose=verbose)
    require_reason(compromised=compromised, reason=reason, json=json)
    brought = value_from_stdin("the new client secret", names, json=json) if secret_stdin else None
    consents = {word for word, said in (("self", allow_self), ("hs256", accept_hs256)) if said}

    def work(job: Job) -> Outcome:
        job.settings = replace(job.settings, accept=job.settings.accept | consents)
        options = RotateOptions(
            dry_run=dry_run,
            takeover=takeover,
            settle=not no_wait,
            agree=consent(yes=yes),
            brought=brought,
            compromised=compromised,
            reason=reason,
            strategy=Strategy(strategy or job.settings.strategy),
            adopt=adopt,
            without_fallback=without_fallback,
        )
        return rotate_one(job, options)

    typed = Typed(tuple(sink or ()), key, config)
    change(
        context,
        names or [],
        typed,
        work,
        json=json,
        title="rotated",
        nothing="",
        everyone=everyone,
        due=rotatable if due else None,
    )


@app.command(rich_help_panel=ROTATE)
def resume(
    context: typer.Context,
    names: Names = None,
    *,
    sink: Sinks = None,
    key: Key = None,
    config: Config = None,
    everyone: Everyone = False,
    takeover: Takeover = False,
    discard_foreign: Annotated[
        bool,
        typer.Option("--discard-foreign", help="Also where somebody else's text stands in the way; it stays readable."),
    ] = False,
    yes: Yes = False,
    no_wait: NoWait = False,
    dry_run: DryRun = False,
    json: Json = False,
    verbose: Verbose = False,
) -> None:
    """Settle what was interrupted: publish what Auth0 accepts, or give the places back. Safe to repeat, anywhere."""
    from bridge.operations.resume import resume as resume_one
    from bridge.operations.start import Options

    configure(verbose=verbose)
    options = Options(
        dry_run=dry_run,
        takeover=takeover,
        settle=not no_wait,
        agree=consent(yes=yes, always=discard_foreign),
        discard_foreign=discard_foreign,
    )
    typed = Typed(tuple(sink or ()), key, config)
    if discard_foreign and not names and not everyone:
        with usage_errors(json=json):
            raise Usage("--discard-foreign: found no NAME, expected which client it is about")
    all_of_them = everyone or (not names and not sink)
    change(
        context,
        names or [],
        typed,
        lambda job: resume_one(job, options),
        json=json,
        title="resumed",
        nothing="nothing is interrupted",
        everyone=all_of_them,
    )


@app.command(rich_help_panel=ROTATE)
def rollback(
    context: typer.Context,
    name: Name,
    *,
    sink: Sinks = None,
    key: Key = None,
    config: Config = None,
    discard: Annotated[
        bool, typer.Option("--discard", help="Retire the value that is current now, instead of keeping it as fallback.")
    ] = False,
    unproven: Unproven = "",
    no_wait: NoWait = False,
    takeover: Takeover = False,
    yes: Yes = False,
    dry_run: DryRun = False,
    json: Json = False,
    verbose: Verbose = False,
) -> None:
    """Make the fallback's value live at Auth0 again, and current everywhere."""
    from bridge.operations.rollback import RollbackOptions
    from bridge.operations.rollback import rollback as rollback_one

    configure(verbose=verbose)
    options = RollbackOptions(
        dry_run=dry_run,
        takeover=takeover,
        settle=not no_wait,
        agree=consent(yes=yes),
        discard=discard,
        unproven=unproven,
    )
    typed = Typed(tuple(sink or ()), key, config)
    change(context, [name], typed, lambda job: rollback_one(job, options), json=json, title="rolled-back", nothing="")


@app.command(rich_help_panel=ROTATE)
def sync(
    context: typer.Context,
    names: Names = None,
    *,
    sink: Sinks = None,
    key: Key = None,
    config: Config = None,
    everyone: Everyone = False,
    secret_stdin: Annotated[
        bool, typer.Option("--secret-stdin", help="Read the live value from standard input, not from Auth0.")
    ] = False,
    compromised: Annotated[
        bool, typer.Option("--compromised", help="Whatever else is stored leaked: keep nothing of it. Needs --reason.")
    ] = False,
    reason: Reason = "",
    takeover: Takeover = False,
    yes: Yes = False,
    dry_run: DryRun = False,
    json: Json = False,
    verbose: Verbose = False,
) -> None:
    """Publish the value that Auth0 holds: after a change in its dashboard, or when places came to differ."""
    from bridge.operations.sync import SyncOptions
    from bridge.operations.sync import sync as sync_one

    configure(verbose=verbose)
    require_reason(compromised=compromised, reason=reason, json=json)
    options = SyncOptions(
        dry_run=dry_run,
        takeover=takeover,
        agree=consent(yes=yes),
        brought=value_from_stdin("the live client secret", names, json=json) if secret_stdin else None,
        compromised=compromised,
        reason=reason,
    )
    change(
        context,
        names or [],
        Typed(tuple(sink or ()), key, config),
        lambda job: sync_one(job, options),
        json=json,
        title="synced",
        nothing=IN_SYNC + (STILL_LIVE if compromised else ""),
        everyone=everyone,
    )

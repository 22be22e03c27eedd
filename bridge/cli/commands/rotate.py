"""The commands that publish a value: rotate, resume, rollback, sync.

The functions are long because of their signatures, which hold each option with its help text.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from bridge.cli.changing import change, require_reason
from bridge.cli.command import command
from bridge.cli.consent import Consent
from bridge.cli.listed import ROTATE
from bridge.cli.options import (
    ChangeMode,
    DryRun,
    Json,
    LiveFromStdin,
    NoWait,
    Reason,
    Takeover,
    Together,
    Unproven,
    Yes,
    moment,
    value_from_stdin,
)
from bridge.cli.select import ClientsToChange, OneClient
from bridge.fleet.rules import Due, rotatable
from bridge.fleet.turns import LEAKED, PROBES
from bridge.model.errors import Usage

if TYPE_CHECKING:
    from bridge.execution.session import Session
    from bridge.model.outcome import Outcome, Unchanged

IN_SYNC = "every sink holds the value that Auth0 holds"
STILL_LIVE = ", and nothing else is stored; if it is the LIVE value that leaked: rotate --compromised"


@command(ROTATE, example="rotate billing --dry-run")
def rotate(
    context: typer.Context,
    clients: ClientsToChange,
    *,
    due: Annotated[
        bool, typer.Option("--due", help="Only what is due by its max_age, within its windows, or interrupted.")
    ] = False,
    strategy: Annotated[
        Literal["staged", "auth0-generated"] | None,
        typer.Option(metavar="HOW", help="staged (the default): the bridge makes the value; or auth0-generated."),
    ] = None,
    adopt: Annotated[bool, typer.Option("--adopt", help="Take over sinks that are not managed yet.")] = False,
    without_fallback: Annotated[
        bool, typer.Option("--without-fallback", help="Fill empty sinks without keeping the live value as fallback.")
    ] = False,
    not_since: Annotated[
        str,
        typer.Option(
            "--not-since",
            metavar="TIME",
            help="Not those that were rotated after TIME, as in 2026-11-29T10:00Z.",
            show_default=False,
        ),
    ] = "",
    no_wait: NoWait = False,
    again: Annotated[
        bool, typer.Option("--again", help="Also where it was rotated less than min_interval ago.")
    ] = False,
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
    together: Together,
    mode: ChangeMode,
) -> None:
    """Rotate and publish. What was interrupted is settled first. A rotation that was under way ends with that."""
    from bridge.model.operation import Strategy
    from bridge.operations.resume import resume as resume_one
    from bridge.operations.rotate import RotateOptions
    from bridge.operations.rotate import rotate as rotate_one

    require_reason(compromised=compromised, reason=reason)
    brought = value_from_stdin("the new client secret", clients.named) if secret_stdin else None
    consents = {word for word, said in (("self", allow_self), ("hs256", accept_hs256)) if said}
    agree = Consent(mode.yes, deed="Older values end in every sink, which cannot be undone." if compromised else "")
    selected, since = Due(rotatable, waits=not compromised), moment("--not-since", not_since) if not_since else None
    rule = clients.rule(selected if due else None, since, leaked=compromised)
    probes = LEAKED if compromised else 0 if no_wait else PROBES

    def work(session: Session) -> Outcome | Unchanged | None:
        session.settings = replace(session.settings, accept=session.settings.accept | consents)
        options = RotateOptions(
            dry_run=mode.dry_run,
            takeover=mode.takeover,
            settle=not no_wait,
            agree=agree,
            brought=brought,
            compromised=compromised,
            reason=reason,
            strategy=Strategy(strategy or session.settings.strategy),
            adopt=adopt,
            without_fallback=without_fallback,
            min_interval=timedelta(0) if again else session.settings.min_interval,
        )
        # What leaked has to go in any case.
        if session.settings.name in selected.only_settle | rule.untidy and not compromised:
            return resume_one(session, options)
        return rotate_one(session, options)

    change(
        context, clients, work, json=mode.json, title="rotated", nothing="nothing is left to tidy up", probes=probes,
        everyone=clients.everyone, rule=rule, together=together, agree=agree,
    )  # fmt: skip


@command(ROTATE, example="resume billing")
def resume(
    context: typer.Context,
    clients: ClientsToChange,
    *,
    takeover: Takeover = False,
    discard_foreign: Annotated[
        bool,
        typer.Option("--discard-foreign", help="Also where somebody else's text stands in the way; it stays readable."),
    ] = False,
    together: Together,
    yes: Yes = False,
    no_wait: NoWait = False,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Settle what was interrupted: publish what Auth0 accepts, or give the sinks back. Safe to repeat, anywhere."""
    from bridge.operations.resume import resume as resume_one
    from bridge.operations.start import Options

    replaced = "Somebody else's text no longer stands in the way; it stays readable."
    agree = Consent(yes, always=discard_foreign, deed=replaced if discard_foreign else "")
    options = Options(
        dry_run=dry_run,
        takeover=takeover,
        settle=not no_wait,
        agree=agree,
        discard_foreign=discard_foreign,
    )
    if discard_foreign and not clients.named and not clients.everyone:
        raise Usage("--discard-foreign: found no NAME, expected which client it is about")
    change(
        context,
        clients,
        lambda session: resume_one(session, options),
        json=json,
        title="resumed",
        nothing="nothing is interrupted",
        everyone=clients.everyone or clients.empty,
        rule=clients.rule(),
        together=together,
        agree=agree,
    )


@command(ROTATE, example="rollback billing --dry-run")
def rollback(
    context: typer.Context,
    client: OneClient,
    *,
    discard: Annotated[
        bool, typer.Option("--discard", help="Retire the value that is current now, instead of keeping it as fallback.")
    ] = False,
    unproven: Unproven = "",
    no_wait: NoWait = False,
    mode: ChangeMode,
) -> None:
    """Make the fallback's value live at Auth0 again, and current everywhere."""
    from bridge.operations.rollback import RollbackOptions
    from bridge.operations.rollback import rollback as rollback_one

    options = RollbackOptions(
        dry_run=mode.dry_run,
        takeover=mode.takeover,
        settle=not no_wait,
        agree=Consent(mode.yes),
        discard=discard,
        unproven=unproven,
    )
    change(
        context, client, lambda session: rollback_one(session, options), json=mode.json, title="rolled-back", nothing=""
    )


@command(ROTATE, example="sync billing")
def sync(
    context: typer.Context,
    clients: ClientsToChange,
    *,
    secret_stdin: LiveFromStdin = False,
    compromised: Annotated[
        bool, typer.Option("--compromised", help="Whatever else is stored leaked: keep nothing of it. Needs --reason.")
    ] = False,
    reason: Reason = "",
    together: Together,
    mode: ChangeMode,
) -> None:
    """Publish the value that Auth0 holds: after a change in its dashboard, or when sinks came to differ."""
    from bridge.operations.sync import SyncOptions
    from bridge.operations.sync import sync as sync_one

    require_reason(compromised=compromised, reason=reason)
    agree = Consent(mode.yes, deed="Older values end in every sink, which cannot be undone." if compromised else "")
    options = SyncOptions(
        dry_run=mode.dry_run,
        takeover=mode.takeover,
        agree=agree,
        brought=value_from_stdin("the live client secret", clients.named) if secret_stdin else None,
        compromised=compromised,
        reason=reason,
    )
    change(
        context,
        clients,
        lambda session: sync_one(session, options),
        json=mode.json,
        title="synced",
        nothing=IN_SYNC + (STILL_LIVE if compromised else ""),
        everyone=clients.everyone,
        rule=clients.rule(),
        together=together,
        agree=agree,
    )

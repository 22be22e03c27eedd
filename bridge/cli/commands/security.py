"""The commands that watch clients and retire fallbacks: status, verify, history, retire, evidence."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from bridge.cli.changing import change
from bridge.cli.command import command
from bridge.cli.consent import Consent
from bridge.cli.hooks.notify import Look
from bridge.cli.listed import SECURITY
from bridge.cli.options import JOBS, ChangeMode, Ignore, Jobs, Json, Notify, Reason, Together, Unproven, one_client
from bridge.cli.output import json as as_json
from bridge.cli.output import text as show
from bridge.cli.output.console import say, say_all, width
from bridge.cli.output.status_table import statuses
from bridge.cli.runner import each
from bridge.cli.select import Clients, ClientsOrAll, ClientsToChange, OneClient, chosen
from bridge.execution.open import Common, open_session, survey
from bridge.fleet.rules import Due, retirable
from bridge.fleet.slots import in_common, share
from bridge.model.errors import ATTENTION, Usage
from bridge.planning.status import Kind

if TYPE_CHECKING:
    from bridge.config.settings import ClientSettings, Settings
    from bridge.evidence.judge import Evidence, Ignored
    from bridge.execution.session import Session
    from bridge.model.outcome import Outcome
    from bridge.operations.verify import Verified
    from bridge.planning.status import Status

VERSIONS = 20
"""How many changes and versions of a sink `history` shows to people, unless they say otherwise."""


@command(SECURITY, example="status --check")
def status(
    clients: Clients,
    *,
    check: Annotated[bool, typer.Option("--check", help="Exit with 5 when a client needs attention.")] = False,
    attention: Annotated[bool, typer.Option("--attention", help="Only clients that need attention.")] = False,
    states: Annotated[
        list[Kind] | None,
        typer.Option("--state", metavar="STATE", help="Only clients in this state, as --json names it: due, drift, …"),
    ] = None,
    notify: Notify = False,
    jobs: Jobs = JOBS,
    json: Json = False,
) -> None:
    """Show how clients stand: ages, fallbacks, what is interrupted or due. Reads metadata only, never a value."""
    found: list[Status] = []
    others = 0
    look = Look("status", wanted=notify)

    def present(_client: ClientSettings, seen: Status) -> int:
        nonlocal others
        if (attention and not seen.attention) or (states and seen.kind not in states):
            others += 1
            return 0
        found.append(seen)
        if json:
            say(as_json.line(as_json.status(seen)))
        return ATTENTION if check and seen.attention else 0

    def finish() -> None:
        if (found or others) and not json:
            say_all(statuses(found, width(), others))

    checked = look.at(lambda: chosen(clients, everyone=clients.empty, tenant=False))
    common = Common()

    def choose() -> list[tuple[Settings, ClientSettings]]:
        wanted = checked()
        common.survey_together(wanted)
        return wanted

    each(
        choose,
        partial(survey, common=common),
        present,
        json=json,
        jobs=jobs,
        looking=True,
        after=finish,
        listener=look,
    )


@command(SECURITY, example="verify billing")
def verify(
    clients: ClientsOrAll,
    *,
    jobs: Jobs = JOBS,
    json: Json = False,
) -> None:
    """Ask Auth0: is each sink's current value accepted, is the fallback refused? Exits with 5 when not."""
    from bridge.operations.verify import verify as verify_one

    common = in_common(jobs)

    def present(client: ClientSettings, seen: tuple[Verified, ...]) -> int:
        say_all([as_json.line(as_json.verified(client, seen))] if json else show.verified(client.name, seen))
        # Not 1: the question was answered, and the answer needs attention.
        return 0 if all(one.good for one in seen) else ATTENTION

    each(
        lambda: common.of(share(common, chosen(clients, everyone=clients.everyone or clients.empty))),
        lambda settings, client: verify_one(open_session(settings, client, common=common)),
        present,
        json=json,
        jobs=jobs,
        looking=True,
    )


@command(SECURITY, example="history billing")
def history(
    client: OneClient,
    *,
    limit: Annotated[
        int | None,
        typer.Option(
            "--limit",
            metavar="NUMBER",
            min=1,
            help="How many changes and versions of each sink (20; --json: all).",
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Show who changed what when, and the versions there are, from the vaults' metadata."""

    def present(client: ClientSettings, seen: Status) -> int:
        sinks = [as_json.sink(p, limit) for p in seen.sinks]
        told = {"client": client.name, "client_id": client.client_id, "sinks": sinks}
        say_all([as_json.line(told)] if json else show.history(client.name, seen.sinks, limit or VERSIONS))
        return 0

    each(lambda: chosen(client, tenant=False), partial(survey, common=Common()), present, json=json, looking=True)


@command(SECURITY, example="retire --due --yes")
def retire(
    context: typer.Context,
    clients: ClientsToChange,
    *,
    due: Annotated[
        bool, typer.Option("--due", help="Only where a fallback may go by its age, within its windows.")
    ] = False,
    ignore_source: Ignore = None,
    force: Annotated[
        bool, typer.Option("--force", help="Whatever the tenant's logs tell or do not; needs --reason.")
    ] = False,
    soft: Annotated[
        bool, typer.Option("--soft", help="So that it can be undone, while the vaults still keep it.")
    ] = False,
    undo: Annotated[bool, typer.Option("--undo", help="Bring back what --soft retired.")] = False,
    unproven: Unproven = "",
    reason: Reason = "",
    together: Together,
    mode: ChangeMode,
) -> None:
    """Make the fallback's value unreadable everywhere, once nobody can need it."""
    from bridge.operations.resume import resume as resume_one
    from bridge.operations.retire import bring_back
    from bridge.operations.retire import retire as retire_one
    from bridge.operations.start import Options

    if undo and (soft or force or ignore_source or due):
        raise Usage("--undo: found with --soft, --force, --ignore-source or --due, expected on its own")
    if unproven:
        one_client("--unproven", clients.named)
    ignored = _vouched(ignore_source, force=force, reason=reason)
    agree = Consent(mode.yes, deed="" if soft or undo else "What is retired can never be read again.")
    options = Options(dry_run=mode.dry_run, takeover=mode.takeover, agree=agree, reason=reason)
    selected = Due(retirable)

    def work(session: Session) -> Outcome | None:
        if session.settings.name in selected.only_settle:
            return resume_one(session, options)
        if undo:
            return bring_back(session, options, vouched=unproven)
        return retire_one(session, options, ignored=ignored, force=force, softly=soft, vouched=unproven)

    change(
        context,
        clients,
        work,
        json=mode.json,
        title="brought-back" if undo else "retired-softly" if soft else "retired",
        nothing="nothing was retired softly" if undo else "there is no fallback to retire",
        everyone=clients.everyone,
        rule=clients.rule(selected if due else None),
        together=together,
        agree=agree,
    )


def _vouched(sources: list[str] | None, *, force: bool, reason: str) -> tuple[Ignored, ...]:
    """Return the sources that the user vouches for, and require --reason with --ignore-source or --force.

    These options overrule what the tenant's logs say, so the record has to name who answers for that, and why.

    Raises:
        Usage: a source cannot be understood, or the options do not go together.
    """
    from bridge.evidence.judge import Ignored

    if (force or sources) and not reason.strip():
        option = "--force" if force else "--ignore-source"
        raise Usage(f"{option}: found no --reason, expected one", hint='--reason "who says so, and why"')
    if reason and not force and not sources:
        raise Usage("--reason: found without --ignore-source or --force, expected it with one of them")
    return tuple(Ignored.parse(text) for text in sources or ())


@command(SECURITY, example="evidence billing")
def evidence(
    clients: ClientsOrAll,
    *,
    record: Annotated[
        bool, typer.Option("--record", help="Keep what matters of the logs in the sinks' metadata, for later.")
    ] = False,
    notify: Notify = False,
    jobs: Jobs = JOBS,
    json: Json = False,
) -> None:
    """Ask the tenant's logs who still fails with an old value. Exits with 5 when somebody does, or it is not known."""
    from bridge.operations.evidence import evidence_of

    look, common = Look("evidence", wanted=notify), in_common(jobs)

    def do(settings: Settings, client: ClientSettings) -> Evidence:
        return evidence_of(open_session(settings, client, common=common), record=record)

    def present(client: ClientSettings, found: Evidence) -> int:
        say_all([as_json.line(as_json.evidence(client, found))] if json else show.evidence(client.name, found))
        # What could not be checked counts as "no": silence must not look like the all-clear for a retirement.
        return ATTENTION if found.stale or found.unknown else 0

    each(
        look.at(lambda: common.of(share(common, chosen(clients, everyone=clients.everyone or clients.empty)))),
        do,
        present,
        json=json,
        jobs=jobs,
        listener=look,
    )

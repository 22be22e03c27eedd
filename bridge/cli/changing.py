"""Commands that change something: rotate, resume, adopt, forget, retire."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Annotated

import typer

from bridge.begin import Options
from bridge.cli import as_json, show
from bridge.cli.app import app
from bridge.cli.opening import Typed, chosen, open_job, survey
from bridge.cli.options import (
    ROTATE,
    SECURITY,
    SET_UP,
    Config,
    DryRun,
    Everyone,
    Json,
    Key,
    Name,
    Names,
    Sinks,
    Takeover,
    Verbose,
    Yes,
)  # fmt: skip
from bridge.cli.progress import Lines
from bridge.cli.run import configure, each, heeding
from bridge.config.settings import ClientSettings, Settings
from bridge.errors import Refused, Usage
from bridge.job import Job
from bridge.outcome import Outcome
from bridge.plan import Operation, Plan, Strategy
from bridge.watch import Stop
from sinks.secret import Secret

UNVERIFIED = "not verified yet: it may still be spreading; run: secret-bridge verify"


def _agree(*, yes: bool, always: bool = False) -> Callable[[Plan], bool]:
    """Return how consent is asked for: on a terminal by a question, elsewhere by --yes."""

    def ask(plan: Plan) -> bool:
        if yes or (plan.irreversible is None and not always) or plan.finishes:
            return True
        for text in show.plan(plan):
            typer.echo(text, err=True)
        if not sys.stdin.isatty():
            raise Refused("this asks for consent, and there is no terminal. Nothing was changed.", "add --yes")
        return typer.confirm("Go on?", err=True)

    return ask


def _change(
    names: list[str],
    typed: Typed,
    work: Callable[[Job], Outcome | None],
    *,
    json: bool,
    title: str,
    nothing: str,
    everyone: bool = False,
    due: bool = False,
) -> None:
    """Open each client, do the work, and show what became of it."""
    stop = Stop()

    def do(settings: Settings, client: ClientSettings) -> Outcome | None:
        job = open_job(settings, client, Lines(quiet=json), stop)
        with heeding(stop):
            done = work(job)
        return done and _completed(job, done)

    def present(client: ClientSettings, done: Outcome | None) -> int:
        if done is None:
            told = {"client": client.name, "result": "nothing to do", "exit": 0, "message": nothing}
            typer.echo(as_json.line(told) if json else f"{client.name}  {nothing}")
            return 0
        for text in [as_json.line(as_json.outcome(done))] if json else show.outcome(done):
            typer.echo(text)
        return done.exit_status

    def select() -> list[tuple[Settings, ClientSettings]]:
        found = chosen(names, typed, everyone=everyone or (due and not names))
        return [pair for pair in found if not due or _is_due(*pair)]

    each(select, do, present, json=json, title=title)


def _is_due(settings: Settings, client: ClientSettings) -> bool:
    age = survey(settings, client).age
    return age is not None and age > client.max_age


def _completed(job: Job, done: Outcome) -> Outcome:
    """Add to an outcome what follows from the settings: dates, the hook's failure, an unproven change."""
    if done.result == "planned" or done.operation is not Operation.ROTATE:
        return done
    notes, status = list(done.notes), 0
    if any(at.fallback for at in done.places.values()):
        now = job.clock.now()
        done = replace(
            done, retire_from=now + job.settings.fallback_min_age, retire_by=now + job.settings.fallback_max_age
        )
    if job.settings.after and done.hook is None:
        notes.append(f"after hook: {' '.join(job.settings.after)} … ok")
    elif done.hook:
        notes.append(f"after hook failed: {done.hook}; readers that only see the latest value need a restart")
        status = 5
    else:
        notes.append("readers that only see the latest value need a refresh or restart now")
    if done.settled is None or not done.settled.proven:
        notes.append(UNVERIFIED)
    if done.settled and not done.settled.proven and not job.stop.asked:
        status = 3
    return replace(done, notes=tuple(notes), exit_status=status)


@app.command(rich_help_panel=ROTATE)
def rotate(
    names: Names = None,
    *,
    sink: Sinks = None,
    key: Key = None,
    config: Config = None,
    everyone: Everyone = False,
    due: Annotated[bool, typer.Option("--due", help="Only clients whose secret is older than their max_age.")] = False,
    strategy: Annotated[
        Strategy | None, typer.Option(help="Who makes the value: the bridge (staged, the default) or Auth0.")
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
            strategy=strategy or Strategy(job.settings.strategy),
            adopt=adopt,
            without_fallback=without_fallback,
        )
        return rotate_one(job, options)

    typed = Typed(tuple(sink or ()), key, config)
    _change(names or [], typed, work, json=json, title="rotated", nothing="", everyone=everyone, due=due)


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
    from bridge.rotate import resume as resume_one

    configure(verbose=verbose)
    options = Options(dry_run=dry_run, takeover=takeover, now=now, settle=not no_wait)
    typed = Typed(tuple(sink or ()), key, config)
    all_of_them = everyone or (not names and not sink)
    _change(
        names or [],
        typed,
        lambda job: resume_one(job, options),
        json=json,
        title="resumed",
        nothing="nothing is interrupted",
        everyone=all_of_them,
    )


@app.command(rich_help_panel=SET_UP)
def adopt(
    name: Name,
    *,
    sink: Sinks = None,
    key: Key = None,
    config: Config = None,
    repair: Annotated[
        bool, typer.Option("--repair", help="After somebody wiped the tags or changed the value: set them right.")
    ] = False,
    add_key: Annotated[bool, typer.Option("--add-key", help="Write the key into documents that lack it.")] = False,
    secret_stdin: Annotated[
        bool, typer.Option("--secret-stdin", help="Read the live value from standard input, not from Auth0.")
    ] = False,
    keep_max_versions: Annotated[
        bool, typer.Option("--keep-max-versions", help="Do not raise the number of versions that Vault keeps to 20.")
    ] = False,
    yes: Yes = False,
    dry_run: DryRun = False,
    json: Json = False,
    verbose: Verbose = False,
) -> None:
    """Take over existing places without changing the value that applications use."""
    from bridge.adopt import AdoptOptions
    from bridge.adopt import adopt as adopt_one

    configure(verbose=verbose)

    def work(job: Job) -> Outcome:
        options = AdoptOptions(
            dry_run=dry_run,
            agree=_agree(yes=yes, always=True),
            brought=_from_stdin() if secret_stdin else None,
            add_key=add_key,
            repair=repair,
            keep_limit=keep_max_versions,
        )
        return adopt_one(job, options)

    _change([name], Typed(tuple(sink or ()), key, config), work, json=json, title="adopted", nothing="")


def _from_stdin() -> Secret:
    if sys.stdin.isatty():
        return Secret(typer.prompt("The live client secret", hide_input=True, err=True))
    text = sys.stdin.readline().removesuffix("\n").removesuffix("\r")
    if not text:
        raise Usage("--secret-stdin: standard input is empty", hint="pipe the value in")
    return Secret(text)


@app.command(rich_help_panel=SET_UP)
def forget(
    name: Name,
    *,
    sink: Sinks = None,
    key: Key = None,
    config: Config = None,
    dry_run: DryRun = False,
    json: Json = False,
    verbose: Verbose = False,
) -> None:
    """Give places back: remove the bridge's tags; values and versions stay."""
    from bridge.adopt import forget as forget_one

    configure(verbose=verbose)
    options = Options(dry_run=dry_run)
    typed = Typed(tuple(sink or ()), key, config)
    _change([name], typed, lambda job: forget_one(job, options), json=json, title="forgotten", nothing="")


@app.command(rich_help_panel=SECURITY)
def retire(
    names: Names = None,
    *,
    sink: Sinks = None,
    key: Key = None,
    config: Config = None,
    everyone: Everyone = False,
    takeover: Takeover = False,
    yes: Yes = False,
    dry_run: DryRun = False,
    json: Json = False,
    verbose: Verbose = False,
) -> None:
    """Make the fallback's value unreadable everywhere, once nobody can need it."""
    from bridge.retire import retire as retire_one

    configure(verbose=verbose)
    options = Options(dry_run=dry_run, takeover=takeover, agree=_agree(yes=yes))
    _change(
        names or [],
        Typed(tuple(sink or ()), key, config),
        lambda job: retire_one(job, options),
        json=json,
        title="retired",
        nothing="there is no fallback to retire",
        everyone=everyone,
    )

"""What commands that change something have in common: consent, signals, showing what became of it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import typer

from bridge.cli.hooks.audit import Asked, recorded
from bridge.cli.hooks.notify import News
from bridge.cli.output import json as as_json
from bridge.cli.output import text as show
from bridge.cli.output.console import is_terminal, say
from bridge.cli.output.progress import Lines
from bridge.cli.runner import each, heeding, usage_errors
from bridge.cli.select import Typed, chosen
from bridge.execution.open import open_job, survey
from bridge.model.errors import BridgeError, Failed, Refused, Usage
from bridge.model.progress import Stop

if TYPE_CHECKING:
    from bridge.config.settings import ClientSettings, Settings
    from bridge.execution.session import Job
    from bridge.model.outcome import Outcome
    from bridge.model.plan import Plan
    from bridge.planning.status import Status

UNVERIFIED = "not verified yet: it may still be spreading; run: "


def consent(*, yes: bool, always: bool = False) -> Callable[[Plan], bool]:
    """Return how consent is asked for: on a terminal by a question, elsewhere by --yes."""

    def ask(plan: Plan) -> bool:
        if yes or (plan.irreversible is None and not always):
            return True
        for text in show.plan(plan):
            say(text, err=True)
        if not is_terminal(sys.stdin):
            raise Refused("this asks for consent, and there is no terminal. Nothing was changed.", "add --yes")
        try:
            return typer.confirm("Go on?", err=True)
        except typer.Abort:  # Ctrl-D, Ctrl-C at the question
            return False

    return ask


def require_reason(*, compromised: bool, reason: str, json: bool) -> None:
    """Make sure that whoever says that a value leaked says why, and that only they do."""
    with usage_errors(json=json):
        if compromised and not reason.strip():
            raise Usage("--compromised: found no --reason, expected one", hint='--reason "where it was seen"')
        if reason and not compromised:
            raise Usage("--reason: found without --compromised, expected both or neither")


def change(
    context: typer.Context,
    names: list[str],
    typed: Typed,
    work: Callable[[Job], Outcome | None],
    *,
    json: bool,
    title: str,
    nothing: str,
    everyone: bool = False,
    due: Callable[[ClientSettings, Status], bool] | None = None,
) -> None:
    """Open each client, do the work, and show what became of it; with `due` only where that says so.

    What is attempted is recorded as `context` tells it, where the configuration says so.
    """
    stop = Stop()
    asked = Asked.of(context)
    news = News(asked.command, stop, off=asked.dry_run)
    unread: dict[str, BridgeError] = {}

    def do(settings: Settings, client: ClientSettings) -> Outcome | None:
        if client.name in unread:
            raise unread[client.name]
        if stop.asked:
            raise Failed("stopped as asked, before it was begun. Nothing was changed.", "run it again")
        job = open_job(settings, client, Lines(quiet=json), stop)

        def attempt() -> Outcome | None:
            done = work(job)
            if done and title == "rotated" and done.published:
                done = replace(done, notes=(*done.notes, "not rotating again: this was the rotation"))
            return done and _completed(job, done)

        with heeding(stop):
            return recorded(settings, job, asked, attempt, quiet=json)

    def present(client: ClientSettings, done: Outcome | None) -> tuple[int, str]:
        if done is None:
            say(as_json.line(as_json.nothing(client, nothing)) if json else f"{client.name}  {nothing}")
            return 0, "nothing"
        for text in [as_json.line(as_json.outcome(done))] if json else show.outcome(done):
            say(text)
        return done.exit_status, title if done.result == "done" else done.result

    def select() -> list[tuple[Settings, ClientSettings]]:
        found = chosen(names, typed, everyone=everyone or (due is not None and not names))
        news.check(found)
        return [pair for pair in found if due is None or _is_due(*pair, due, unread)]

    each(select, do, present, json=json, title=title, listener=news)


def _is_due(
    settings: Settings,
    client: ClientSettings,
    due: Callable[[ClientSettings, Status], bool],
    unread: dict[str, BridgeError],
) -> bool:
    """Tell whether a client is meant; one that cannot be read is, and why is noted: it costs no other."""
    try:
        return due(client, survey(settings, client))
    except BridgeError as error:
        unread[client.name] = error
        return True


def rotatable(_client: ClientSettings, seen: Status) -> bool:
    """Tell whether a client's secret is too old, or an operation on it was interrupted and has to be settled."""
    return _interrupted(seen) or seen.due


def retirable(_client: ClientSettings, seen: Status) -> bool:
    """Tell whether a client's fallback is old enough to go, or a retirement was interrupted and has to be settled."""
    from bridge.model.operation import RETIREMENTS

    if _interrupted(seen):
        return any(place.lock and place.lock.operation in RETIREMENTS for place in seen.places)
    since = seen.retire_from if seen.fallbacks else seen.retire_by  # what was retired softly may stay for a while
    return since is not None and max(place.at for place in seen.places) >= since


def _interrupted(seen: Status) -> bool:
    return seen.attention and any(place.lock or place.unsettled for place in seen.places)


def _completed(job: Job, done: Outcome) -> Outcome:
    """Add to an outcome what follows from the settings: dates, the hook's failure, an unproven change."""
    from bridge.model.operation import PUBLISHES, Operation

    if done.result == "planned" or not (done.operation in PUBLISHES or done.published):
        return done
    notes, status = list(done.notes), done.exit_status
    found = done.operation in (Operation.SYNC, Operation.SETTLE)  # a value that may be old, and that Auth0 accepts
    if any(at.fallback for at in done.places.values()) and not found:
        now = done.at or job.clock.now()
        done = replace(
            done, retire_from=now + job.settings.fallback_min_age, retire_by=now + job.settings.fallback_max_age
        )
    if job.settings.after and done.hook is None:
        notes.append(f"after hook: {' '.join(job.settings.after)} … ok")
    elif done.hook:
        notes.append(f"after hook failed: {done.hook}; readers that only see the latest value need a restart")
        status = status or 5
    else:
        notes.append("readers that only see the latest value need a refresh or restart now")
    if not found and (done.settled is None or not done.settled.proven):
        notes.append(UNVERIFIED + job.whose.command("verify"))
    if done.settled and not done.settled.proven and not job.stop.asked:
        status = 3
    return replace(done, notes=tuple(notes), exit_status=status)

"""The common part of all commands that change something: consent, signals, the record, and the output."""

from __future__ import annotations

import sys
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import typer

from bridge.cli.breaker import Breaker
from bridge.cli.hooks.audit import Asked, recorded
from bridge.cli.hooks.notify import News
from bridge.cli.options import Together
from bridge.cli.output import json as as_json
from bridge.cli.output import text as show
from bridge.cli.output.board import Board
from bridge.cli.output.console import is_terminal, say, say_all
from bridge.cli.output.progress import Lines
from bridge.cli.picking import Due, Picked, Rule, pick
from bridge.cli.runner import Chosen, NotBegun, each
from bridge.cli.select import Selection, chosen
from bridge.execution.open import open_session
from bridge.model.errors import ATTENTION, Refused, Usage
from bridge.model.outcome import Unchanged
from bridge.model.progress import Stop
from sinks.shared import Shared

if TYPE_CHECKING:
    from bridge.auth0.pace import Pacing
    from bridge.config.settings import ClientSettings, Settings
    from bridge.execution.session import Session
    from bridge.model.outcome import Outcome
    from bridge.model.plan import Plan

UNVERIFIED = "not verified yet: it may still be spreading; run: "


def consent(*, yes: bool, always: bool = False) -> Callable[[Plan], bool]:
    """Return the function that asks the user whether a plan may be executed.

    It asks only for plans that cannot be undone or that create a secret, or for every plan with `always`. On a
    terminal it asks a question. Elsewhere --yes (`yes`) is the only way to agree, and without it the function raises
    `Refused`.
    """

    def ask(plan: Plan) -> bool:
        if yes or not (plan.irreversible or plan.creates or always):
            return True
        say_all(show.plan(plan), err=True)
        # A scheduled job must not wait for an answer that never comes.
        if not is_terminal(sys.stdin):
            raise Refused("this asks for consent, and there is no terminal", "add --yes")
        # A question in the midst of other clients' lines would be answered for the wrong one.
        if threading.current_thread() is not threading.main_thread():
            raise Refused("this asks for consent, and several clients are worked on at a time", "--yes, or --jobs 1")
        try:
            return typer.confirm("Go on?", err=True)
        except typer.Abort:  # Ctrl-D, Ctrl-C at the question
            return False

    return ask


def at_a_time(together: Together, *, asks: bool, yes: bool) -> Together:
    """Return how to work on several clients: on one at a time, where a user at a terminal is asked about each."""
    return replace(together, jobs=1) if asks and not yes and is_terminal(sys.stdin) else together


def _pacing(together: Together, *, alone: bool) -> Pacing:
    """Return how the requests to a tenant are spread. `alone`: the command is about one client."""
    from bridge.auth0.pace import Pacing

    return Pacing(together.rate, bursts=alone)


def require_reason(*, compromised: bool, reason: str) -> None:
    """Require --reason with --compromised, and reject it without.

    Raises:
        Usage: one of them was given without the other.
    """
    # The reason is kept in the history of every sink and in the audit record. A later reader needs to know
    # why there is no fallback.
    if compromised and not reason.strip():
        raise Usage("--compromised: found no --reason, expected one", hint='--reason "where it was seen"')
    if reason and not compromised:
        raise Usage("--reason: found without --compromised, expected both or neither")


def change(
    context: typer.Context,
    selection: Selection,
    work: Callable[[Session], Outcome | Unchanged | None],
    *,
    json: bool,
    title: str,
    nothing: str,
    everyone: bool = False,
    rule: Rule = Rule(),  # noqa: B008  # it is frozen
    together: Together = Together(jobs=1),  # noqa: B008  # it is frozen
) -> None:
    """Run `work` for each client that the user selected, show the outcomes, and end the process with the exit status.

    `everyone` means all clients of the configuration. Of the selected clients, those are changed that `rule` picks.
    `title` is the word for success, `nothing` the text for a client for which `work` returns None. `Unchanged` has a
    text of its own.
    """
    run = _Run(Asked.of(context), work, title, nothing, json, together)
    found = partial(chosen, selection, everyone=everyone or (rule.due is not None and not selection.named))
    each(
        lambda: run.select(found(), rule), run.do, run.present, json=json, title=title, listener=run.news,
        jobs=together.jobs, stop=run.stop, closing=run.close,
    )  # fmt: skip


@dataclass
class _Run:
    """One command that changes something, and what its clients have in common."""

    asked: Asked
    work: Callable[[Session], Outcome | Unchanged | None]
    title: str
    nothing: str
    json: bool
    together: Together

    def __post_init__(self) -> None:
        self.stop = Stop()
        self.news = News(self.asked.command, self.stop, off=self.asked.dry_run)
        self._shared = Shared()
        self._breaker = Breaker(off=self.together.keep_going)
        self._picked = Picked()
        self._due: Due | None = None
        self._board = Board({})
        self._names: dict[str, str] = {}  # before each line of progress
        self._reasons: dict[str, str] = {}  # why nothing was done

    def select(self, found: list[Chosen], rule: Rule) -> list[Chosen]:
        """Return the clients that the rule picks, and say so if there are none or some are left out."""
        self.news.check(found)
        self._due = rule.due
        self._picked = pick(found, rule, jobs=self.together.jobs, shared=self._shared)
        clients = self._picked.clients
        if not clients and not (rule.due and rule.due.held):  # silence looks like a mistake
            say(f"nothing is due: {show.clients(len(found))} looked at", err=True)
        if self._picked.left:
            say(f"--limit leaves out {show.clients(self._picked.left)}", err=True)
        longest = max((len(client.name) for _, client in clients), default=0)
        # A line names its client only where there are several.
        self._names = {client.name: client.name.ljust(longest) * (len(clients) > 1) for _, client in clients}
        if len(clients) > 1:
            self._board = Board(Counter(client.tenant for _, client in clients))
            if not self.json and is_terminal(sys.stderr):
                self._board.show()
        return clients

    def do(self, settings: Settings, client: ClientSettings) -> Outcome | None:
        """Do the work for one client, within its audit record."""
        if client.name in self._picked.unread:
            raise self._picked.unread[client.name]
        if self.stop.asked:
            raise NotBegun("stopped as asked, before it was begun", "run it again")
        if self._due and (wait := self._due.turn(client)):
            self._reasons[client.name] = f"not begun: it waits for its window, {wait.words}"
            return None
        self._breaker.check(client.tenant)
        with self._breaker.counting(client.tenant), self._board.counting(client.tenant) as only_waiting:
            lines = Lines(self._names[client.name], quiet=self.json or self._board.shown, on_wait=only_waiting)
            pacing = _pacing(self.together, alone=len(self._names) == 1)
            session = open_session(settings, client, lines, self.stop, self._shared, pacing)
            self._board.rates[client.tenant] = lambda: session.auth0.rate
            return recorded(settings, session, self.asked, lambda: self._attempt(session), quiet=self.json)

    def _attempt(self, session: Session) -> Outcome | None:
        done = self.work(session)
        if isinstance(done, Unchanged):
            self._reasons[session.settings.name] = done.why
            return None
        return done and _completed(session, done, self.asked.command)

    def close(self, words: Mapping[str, int]) -> None:
        """Take the board away, and say how many clients ended in which way, where there were several."""
        self._board.hide()
        if held := self._due and self._due.held:
            say(as_json.line(as_json.held(held.values())) if self.json else show.held(held.values()), err=not self.json)
        if len(self._names) < 2:
            return
        if self.json:
            say(as_json.line(as_json.summary(words, self._board.seconds)))
        else:
            say(show.summary(words, self._board.seconds), err=True)

    def present(self, client: ClientSettings, done: Outcome | None) -> tuple[int, str]:
        """Show the outcome, and return the exit status and the word for it."""
        if done is None:
            why = self._reasons.get(client.name, self.nothing)
            say(as_json.line(as_json.nothing(client, why)) if self.json else f"{client.name}  {why}")
            return 0, "nothing"
        told = [as_json.line(as_json.outcome(done))] if self.json else [*show.outcome(done)]
        # Below many clients nobody looks for what is as it should be.
        say_all(told[:1] if self._board.shown and not done.exit_status else told)
        return done.exit_status, self.title if done.result == "done" else done.result


def _completed(session: Session, done: Outcome, command: str) -> Outcome:
    """Return an outcome with what follows from the settings: dates, the after hook's result, and an unproven change.

    Everything is published by now. So a failed hook is `attention`, and a change that is not proven is `incomplete`,
    but neither is a failure.
    """
    from bridge.model.operation import PUBLISHES, Operation

    if command == "rotate" and done.published:
        done = replace(done, notes=(*done.notes, "not rotating again: this was the rotation"))
    if done.result == "planned" or not (done.operation in PUBLISHES or done.published):
        return done
    notes, status = list(done.notes), done.exit_status
    # These publish a value that Auth0 accepts already, and that may be old, so the dates cannot count from now.
    found = done.operation in (Operation.SYNC, Operation.SETTLE)
    if any(at.fallback for at in done.sinks.values()) and not found:
        now = done.at or session.clock.now()
        done = replace(
            done, retire_from=now + session.settings.fallback_min_age, retire_by=now + session.settings.fallback_max_age
        )
    if session.settings.after and done.hook is None:
        notes.append(f"after hook: {' '.join(session.settings.after)} … ok")
    elif done.hook:
        notes.append(f"after hook failed: {done.hook}; readers that only see the latest value need a restart")
        status = status or ATTENTION
    else:
        notes.append("readers that only see the latest value need a refresh or restart now")
    if not found and (done.propagated is None or not done.propagated.proven):
        notes.append(UNVERIFIED + session.client_ref.command("verify"))
    # After a request to stop, the user knows that the wait was cut short.
    if done.propagated and not done.propagated.proven and not session.stop.asked:
        status = 3
    return replace(done, notes=tuple(notes), exit_status=status)

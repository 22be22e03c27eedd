"""The common part of all commands that change something: consent, signals, the record, and the output."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

import typer

from bridge.cli.consent import Consent
from bridge.cli.forecast import Share, ask, forecast, reading
from bridge.cli.hooks.audit import asked_by, recorded
from bridge.cli.hooks.notify import News
from bridge.cli.options import Together
from bridge.cli.output import json as as_json
from bridge.cli.output import text as show
from bridge.cli.output.board import Board
from bridge.cli.output.console import is_terminal, say, say_all
from bridge.cli.output.progress import Lines
from bridge.cli.picking import Order as InOrder
from bridge.cli.picking import Picked, Rule, pick
from bridge.cli.runner import Chosen, each, tenant_of
from bridge.cli.select import Selection, chosen
from bridge.execution.open import open_session
from bridge.fleet.act import completed
from bridge.fleet.breaker import Breaker
from bridge.fleet.errors import NotBegun
from bridge.fleet.jobs import Order
from bridge.fleet.recorded import Asked
from bridge.fleet.rules import Due
from bridge.fleet.slots import in_common, share
from bridge.fleet.turns import Turns
from bridge.model.errors import BridgeError, Usage
from bridge.model.outcome import Unchanged
from bridge.model.progress import Stop

if TYPE_CHECKING:
    from bridge.config.settings import ClientSettings, Settings
    from bridge.execution.session import Session
    from bridge.model.outcome import Outcome

MANY = 10
"""From so many clients on, a command says beforehand what it is about."""


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
    probes: int | None = None,
    everyone: bool = False,
    rule: Rule = Rule(),  # noqa: B008  # it is frozen
    together: Together = Together(jobs=1),  # noqa: B008  # it is frozen
    agree: Consent | None = None,
) -> None:
    """Run `work` for each client that the user selected, show the outcomes, and end the process with the exit status.

    `everyone` means all clients of the configuration. Of the selected clients, those are changed that `rule` picks.
    `title` is the word for success, `nothing` the text for a client for which `work` returns None. `Unchanged` has a
    text of its own. `probes` is how many of them prove each change at Auth0, 0 if none is waited for, and None where
    not every client is changed there. Where each client would be asked about, `agree` asks once for all of them.
    """
    run = _Run(asked_by(context), work, title, nothing, json, together, agree, probes)
    found = partial(chosen, selection, everyone=everyone or (rule.due is not None and not selection.named))
    each(
        lambda: run.select(found(), rule), run.do, run.present, json=json, title=title, listener=run.news,
        jobs=together.jobs, order=Order(tenant_of, run.turns.following, run.turns.room), stop=run.stop,
        closing=run.close,
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
    agree: Consent | None
    probes: int | None

    def __post_init__(self) -> None:
        self.stop = Stop()
        self.news = News(self.asked.command, self.stop, off=self.asked.dry_run)
        self._common = in_common(self.together.jobs, self.together.rate)
        self._breaker = Breaker(off=self.together.keep_going)
        self._picked = Picked()
        self._due: Due | None = None
        self._board = Board({})
        self._names: dict[str, str] = {}  # before each line of progress
        self._reasons: dict[str, str] = {}  # why nothing was done
        self.turns = Turns(self._common, self.together.jobs, self.stop)

    def select(self, found: list[Chosen], rule: Rule) -> list[Chosen]:
        """Return the clients that the rule picks, and say so if there are none or some are left out."""
        self.news.check(found)
        self.turns.ordered, self.turns.leaked = rule.order is not InOrder.ANY, rule.leaked
        self._due = rule.due
        if rule.looks and not self.json:
            say_all(reading(len(found)), err=True)
        self._picked = pick(share(self._common, found), rule, jobs=self.together.jobs, common=self._common)
        clients = self._common.of(self._picked.clients)
        if not clients and not (rule.due and rule.due.held):  # silence looks like a mistake
            say(f"{rule.emptiness}: {show.clients(len(found))} looked at", err=True)
        done = len(found) - len(clients) - self._picked.left
        if clients and done and rule.not_since and not rule.due:
            say(f"--not-since leaves out {show.clients(done)}", err=True)
        if self._picked.left:
            say(f"--limit leaves out {show.clients(self._picked.left)}", err=True)
        longest = max((len(client.name) for _, client in clients), default=0)
        # A line names its client only where there are several.
        self._names = {client.name: client.name.ljust(longest) * (len(clients) > 1) for _, client in clients}
        if len(clients) > 1:
            self._say_beforehand(clients)
            self._board = Board(self._common.clients)
            if not self.json and is_terminal(sys.stderr):
                self._board.show()
        return clients

    def _say_beforehand(self, clients: list[Chosen]) -> None:
        """Say what the run is about, where that is much, and ask for consent to all of it."""
        asks = self.agree and self.together.jobs > 1 and not self.asked.dry_run
        if not self.json and len(clients) >= MANY:
            say_all(self._forecast(clients), err=True)
        if self.agree and asks:
            self.agree.for_all(len(clients))

    def _forecast(self, clients: list[Chosen]) -> Iterator[str]:
        of_tenant = {client.tenant: settings for settings, client in clients}
        counts = self._common.clients
        if self.probes is None:
            return forecast({tenant: Share(counts[tenant], None) for tenant in of_tenant}, None, None)
        questions = {tenant: partial(self._rate, settings, tenant) for tenant, settings in of_tenant.items()}
        rates = ask(questions, self.together.rate)
        waits = [settings.tenants[tenant].propagation for tenant, settings in of_tenant.items() if self.probes]
        shares = {
            tenant: Share(counts[tenant], rates[tenant], self.probes, self._probing(settings, tenant))
            for tenant, settings in of_tenant.items()
        }
        return forecast(shares, max(waits, default=timedelta()), self.together.rate)

    def _probing(self, settings: Settings, tenant: str) -> float:
        """Return how many probes may be sent in a second: the request for the management token tells it."""
        try:
            pace = self._common.auth0(settings, tenant).token_pace
        except BridgeError:
            return math.inf
        return pace.rate if pace.told else math.inf

    def _rate(self, settings: Settings, tenant: str) -> float | None:
        """Return the rate at a tenant. Its first page of clients, which is needed soon in any case, tells it."""
        try:
            auth0 = self._common.auth0(settings, tenant)
        except BridgeError:
            return self.together.rate  # it is each client's own error
        listed = auth0.listing is not None and auth0.listing.begin()
        if self.together.rate or not listed:
            return self.together.rate
        return math.inf if auth0.pace.unlimited else auth0.pace.rate

    def do(self, settings: Settings, client: ClientSettings) -> Outcome | None:
        """Do the work for one client, within its audit record."""
        if client.name in self._picked.unread:
            raise self._picked.unread[client.name]
        if self.stop.asked:
            raise NotBegun("stopped as asked, before it was begun", "run it again")
        if self._due and (held := self._due.turn(client)):
            self._reasons[client.name] = f"not begun: it waits for its window, {held.words}"
            return None
        self._breaker.check(client.tenant)
        breaker, board = self._breaker.counting(client.tenant), self._board.counting(client.tenant)
        with breaker as ended, board as wait:
            lines = Lines(self._names[client.name], quiet=self.json or self._board.shown, on_wait=wait)
            session = open_session(settings, client, lines, self.stop, self._common)
            self.turns.sessions[client.tenant] = session
            self._board.paces[client.tenant] = session.auth0.pace
            done = recorded(
                settings, session, self.asked, partial(self._attempt, session), self._common.shared, quiet=self.json
            )
            ended(done.exit_status if done else 0)
            return done

    def _attempt(self, session: Session) -> Outcome | None:
        done = self.work(session)
        if isinstance(done, Unchanged):
            self._reasons[session.settings.name] = done.why
            return None
        return done and completed(session, done, self.asked.command)

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

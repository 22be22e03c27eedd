"""The common part of all commands that change something: consent, signals, the record, and the output."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import typer

from bridge.cli.breaker import Breaker
from bridge.cli.consent import Consent
from bridge.cli.forecast import Share, ask, forecast
from bridge.cli.hooks.audit import Asked, recorded
from bridge.cli.hooks.notify import News
from bridge.cli.jobs import MOST, Order
from bridge.cli.options import Together
from bridge.cli.output import json as as_json
from bridge.cli.output import text as show
from bridge.cli.output.board import Board
from bridge.cli.output.console import is_terminal, say, say_all
from bridge.cli.output.progress import Lines
from bridge.cli.picking import Due, Picked, Rule, pick
from bridge.cli.picking import Order as InOrder
from bridge.cli.runner import Chosen, NotBegun, each, tenant_of
from bridge.cli.select import Selection, chosen
from bridge.cli.slots import in_common, share
from bridge.execution.open import open_session
from bridge.model.errors import ATTENTION, BridgeError, Usage
from bridge.model.outcome import Unchanged
from bridge.model.progress import Stop

if TYPE_CHECKING:
    from bridge.config.settings import ClientSettings, Settings
    from bridge.execution.session import Session
    from bridge.model.outcome import Outcome

MANY = 10
"""From so many clients on, a command says beforehand what it is about."""
PROBES, LEAKED = 16, 30
"""How many probes prove a client's change, and after a leak, when all old values are probed too, if they are slow."""
UNVERIFIED = "not verified yet: it may still be spreading; run: "


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
    agree: Consent | None = None,
) -> None:
    """Run `work` for each client that the user selected, show the outcomes, and end the process with the exit status.

    `everyone` means all clients of the configuration. Of the selected clients, those are changed that `rule` picks.
    `title` is the word for success, `nothing` the text for a client for which `work` returns None. `Unchanged` has a
    text of its own. Where each client would be asked about, `agree` asks once for all of them.
    """
    run = _Run(Asked.of(context), work, title, nothing, json, together, agree)
    found = partial(chosen, selection, everyone=everyone or (rule.due is not None and not selection.named))
    each(
        lambda: run.select(found(), rule), run.do, run.present, json=json, title=title, listener=run.news,
        jobs=together.jobs, order=Order(tenant_of, run.following, run.room), stop=run.stop, closing=run.close,
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
        self._numbers: dict[str, dict[str, int]] = {}  # of each tenant, by client id
        self._sessions: dict[str, Session] = {}  # the latest of each tenant
        self._ordered = self._leaked = False

    def select(self, found: list[Chosen], rule: Rule) -> list[Chosen]:
        """Return the clients that the rule picks, and say so if there are none or some are left out."""
        self.news.check(found)
        self._ordered, self._leaked = rule.order is not InOrder.ANY, rule.leaked
        self._due = rule.due
        self._picked = pick(share(self._common, found), rule, jobs=self.together.jobs, common=self._common)
        clients = self._common.of(self._picked.clients)
        if not clients and not (rule.due and rule.due.held):  # silence looks like a mistake
            say(f"{rule.emptiness}: {show.clients(len(found))} looked at", err=True)
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
        if self.title != "rotated":
            return forecast({tenant: Share(counts[tenant], None) for tenant in of_tenant}, None, None)
        rates = ask({tenant: partial(self._rate, settings, tenant) for tenant, settings in of_tenant.items()})
        spreading = max(settings.tenants[tenant].propagation for tenant, settings in of_tenant.items())
        shares = {tenant: Share(counts[tenant], rates[tenant]) for tenant in of_tenant}
        return forecast(shares, spreading, self.together.rate)

    def _rate(self, settings: Settings, tenant: str) -> float | None:
        """Return the rate at a tenant. Its first page of clients, which is needed soon in any case, tells it."""
        if self.together.rate:
            return self.together.rate
        try:
            auth0 = self._common.auth0(settings, tenant)
        except BridgeError:
            return None  # it is each client's own error
        listed = auth0.listing is not None and auth0.listing.begin()
        if not listed:
            return None
        return math.inf if auth0.pace.unlimited else auth0.pace.rate

    def following(self, left: Mapping[int, Chosen]) -> int:
        """Return the number of the client to begin next, of those of one tenant that are left.

        Where the tenant's clients are read by the page, it is one of the page that was read.
        """
        first = min(left)
        settings, client = left[first]
        try:
            listing = None if self._ordered or self.stop.asked else self._common.auth0(settings, client.tenant).listing
        except BridgeError:
            return first  # it is each client's own error
        if listing is None:
            return first
        numbers = self._numbers.setdefault(client.tenant, {each.client_id: at for at, (_, each) in left.items()})
        found = listing.following(numbers)
        # Each is asked for once, so it is still there, unless it is named twice.
        return numbers.pop(found, first) if found and numbers[found] in left else first

    def room(self, tenant: str) -> int:
        """Return how many clients of a tenant may be under way, so that their probes come in time.

        Each waits until its change has spread, and is probed meanwhile, within the limit of the token endpoint. With
        too many of them a proof would not be complete before its patience ends.
        """
        session = self._sessions.get(tenant)
        if session is None:
            return self.together.jobs
        timing, pace = session.timing, session.auth0.token_pace
        if not pace.told:
            return MOST
        return int(pace.rate * timing.patience.total_seconds() / (LEAKED if self._leaked else PROBES))

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
            self._sessions[client.tenant] = session
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

"""Does many actions in one process: several at a time, within each tenant's limit, until too many fail."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from bridge.fleet.act import Around, Listener, Result, act, not_begun
from bridge.fleet.breaker import Breaker
from bridge.fleet.errors import NotBegun
from bridge.fleet.jobs import Crew, Order, let_another_begin
from bridge.fleet.slots import in_common, share
from bridge.fleet.sweep import JOBS, Action
from bridge.fleet.turns import Turns
from bridge.model.progress import Stop

if TYPE_CHECKING:
    from bridge.config.settings import ClientSettings, Settings

    Pair = tuple[Settings, ClientSettings]


@dataclass(frozen=True, kw_only=True)
class Means:
    """How a batch is done."""

    jobs: int = JOBS
    """How many clients are worked on at a time."""
    rate: float | None = None
    """Requests per second to each tenant, in place of 80 % of what Auth0's answers tell."""
    keep_going: bool = False
    """Whether to go on however many fail."""
    listener: Listener | None = None
    """Who learns of each outcome."""
    may_begin: Callable[[], bool] = lambda: True
    """Asked before each action. Where it says no, the rest is left to others."""


def do(settings: Settings, actions: Iterable[Action], means: Means, stop: Stop) -> list[Result]:
    """Do these actions, and return what became of each, in the order in which they ended.

    A change spreads while others begin. After a request to stop nothing more is begun. The configuration's clients of
    one tenant share one token, one list of its applications, and one pace.
    """
    actions = tuple(actions)
    known = {action.client: action for action in actions if action.client in settings.clients}
    lost = [act(settings, action) for action in actions if action.client not in settings.clients]
    common = in_common(means.jobs, means.rate)
    clients = common.of(share(common, [(settings, settings.clients[name]) for name in known]))
    turns, breaker = Turns(common, means.jobs, stop), Breaker(off=means.keep_going)

    def work(pair: Pair) -> Result:
        action, client = known[pair[1].name], pair[1]
        if not (stop.asked or means.may_begin()):
            return not_begun(
                action, NotBegun("this work was taken from this worker, or it ends", "the next sweep does it")
            )
        if stop.asked:
            return not_begun(action, NotBegun("stopped as asked, before it was begun", "the next sweep does it"))
        try:
            breaker.check(client.tenant)
        except NotBegun as error:
            return not_begun(action, error)
        with breaker.counting(client.tenant) as ended:
            around = Around(
                common=common, stop=stop, watcher=_Waiting(), listener=means.listener,
                opened=lambda session: turns.sessions.update({client.tenant: session}),
            )  # fmt: skip
            done = act(settings, action, around=around)
            ended(done.exit)
        return done

    crew: Crew[Pair] = Crew(work, means.jobs, Order(lambda pair: pair[1].tenant, turns.following, turns.room))
    try:
        return lost + [done.value() for done in crew.results(clients)]
    finally:
        with suppress(Exception):  # what was obtained ends by itself, too
            common.shared.give_back()


class _Waiting:
    """A watcher that lets another client begin while one waits."""

    def step(self, name: str, text: str) -> None:
        """Ignore the report."""

    def waiting(self, left: timedelta, total: timedelta, why: str) -> None:  # noqa: ARG002  # the protocol has them
        """Let another client begin."""
        let_another_begin()

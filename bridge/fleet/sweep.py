"""One look at every client: what is next for each of them, by the metadata in the vaults."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from bridge.execution.open import Common, survey
from bridge.fleet.jobs import Crew, Done, in_order
from bridge.fleet.rules import WAITING, Verb, following
from bridge.fleet.shard import Shard
from bridge.fleet.slots import lent
from bridge.model.errors import BridgeError, Usage
from bridge.planning.due import Held, held

if TYPE_CHECKING:
    from bridge.config.settings import ClientSettings, Settings
    from bridge.planning.status import Status

JOBS = 8
"""How many clients are looked at at a time."""
ALL = frozenset(Verb)


@dataclass(frozen=True)
class Action:
    """One thing to do for one client. It holds names only."""

    verb: Verb
    """What to do."""
    tenant: str
    """The tenant's name in the configuration."""
    client: str
    """The client's name in the configuration."""
    client_id: str
    """The client's id at Auth0, by which a client is recognised that has another name now."""

    def as_dict(self) -> dict[str, str]:
        """Return it as JSON has it."""
        return {"verb": str(self.verb), "tenant": self.tenant, "client": self.client, "client_id": self.client_id}

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> Action:
        """Return the action that JSON describes.

        Raises:
            Usage: it describes none.
        """
        texts = {name: told.get(name) for name in ("verb", "tenant", "client", "client_id")}
        wrong = [name for name, text in texts.items() if not isinstance(text, str) or not text]
        if wrong or texts["verb"] not in ALL:
            raise Usage(f"this is no action: {', '.join(wrong or ['verb'])}: expected what `sweep` returned")
        return cls(Verb(texts["verb"]), str(texts["tenant"]), str(texts["client"]), str(texts["client_id"]))

    def __str__(self) -> str:
        return f"{self.verb} {self.client}"


@dataclass(frozen=True)
class Sweep:
    """What a look at all clients has found."""

    actions: tuple[Action, ...] = ()
    """What is next, in the order of the configuration."""
    waiting: tuple[tuple[Action, Held], ...] = ()
    """What has to wait for its window."""
    attention: tuple[tuple[str, str, str | None], ...] = ()
    """The clients that need somebody: their names, states in words, and the commands for that."""
    unread: tuple[tuple[str, BridgeError], ...] = ()
    """The names of clients whose metadata cannot be read, and why. The next look tries it again."""
    looked_at: int = 0
    """How many clients were looked at."""


def sweep(
    settings: Settings,
    now: datetime | None = None,
    shard: Shard = Shard(),  # noqa: B008  # it is frozen
    *,
    verbs: Iterable[Verb] = ALL,
    fits: Callable[[ClientSettings], bool] = lambda _: True,
    jobs: int = JOBS,
    common: Common | None = None,
) -> Sweep:
    """Return what is next for each client of a configuration. Only metadata are read, and nothing is changed.

    `now` is the time to judge by. By default it is the vaults' own, because this machine's may be wrong. Only clients
    of the `shard` that `fits` accepts are looked at, `jobs` at a time, and only `verbs` are returned.

    An error is in the result. It costs the other clients nothing.
    """
    clients = [client for client in shard.pick(settings.clients).values() if fits(client)]
    with lent(settings, common, jobs) as common:
        return _seen(settings, now, clients, frozenset(verbs), jobs, common)


def _seen(
    settings: Settings, now: datetime | None, clients: list[ClientSettings], wanted: frozenset[Verb], jobs: int,
    common: Common,
) -> Sweep:  # fmt: skip
    common.survey_together((settings, client) for client in clients)
    found = _Found()
    crew = Crew(partial(judged, settings, now, common), min(jobs, len(clients) or 1))
    for done in in_order(crew.results(clients)):
        found.take(done, wanted)
    return Sweep(tuple(found.actions), tuple(found.waiting), tuple(found.attention), tuple(found.unread), len(clients))


@dataclass
class _Found:
    """What was found so far (`Sweep`)."""

    actions: list[Action] = field(default_factory=list)
    waiting: list[tuple[Action, Held]] = field(default_factory=list)
    attention: list[tuple[str, str, str | None]] = field(default_factory=list)
    unread: list[tuple[str, BridgeError]] = field(default_factory=list)

    def take(self, done: Done[ClientSettings], wanted: frozenset[Verb]) -> None:
        """Take what was found of one client."""
        client = done.item
        try:
            verb, wait, seen = done.value()
        except BridgeError as error:
            self.unread.append((client.name, error))
            return
        if verb is None and seen.attention:
            self.attention.append((client.name, seen.state, seen.next))
        if verb not in wanted:
            return
        action = Action(verb, client.tenant, client.name, client.client_id)
        if wait:
            self.waiting.append((action, wait))
        else:
            self.actions.append(action)


def judged(
    settings: Settings, now: datetime | None, common: Common, client: ClientSettings
) -> tuple[Verb | None, Held | None, Status]:
    """Return what is next for a client, what that has to wait for, and the client's status.

    Raises:
        BridgeError: the client's metadata cannot be read.
    """
    seen = survey(settings, client, common)
    if now is not None:
        seen = _at(seen, client, now)
    verb = following(client, seen)
    return verb, held(client, seen.at) if verb in WAITING else None, seen


def _at(seen: Status, client: ClientSettings, now: datetime) -> Status:
    """Return a client's status as it would be at another time."""
    from bridge.model.client_ref import ClientRef
    from bridge.planning.status import judge

    states = tuple(replace(state, at=now) for state in seen.sinks)
    return judge(client, ClientRef(client.client_id, "", client.name, client.sinks), states)

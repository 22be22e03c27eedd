"""Which of the clients that were named are worked on, and in which order: by their metadata in the vaults."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from bridge.cli.jobs import Crew, in_order
from bridge.execution.open import Common, survey
from bridge.model.errors import BridgeError

if TYPE_CHECKING:
    from bridge.config.settings import ClientSettings, Settings
    from bridge.planning.status import Status

    Pair = tuple[Settings, ClientSettings]


class Order(StrEnum):
    """In which order clients are worked on. With `ANY` it is the one that asks the servers least."""

    ANY = "any"
    FILE = "file"
    OLDEST = "oldest"
    TENANT = "tenant"
    OWNER = "owner"


@dataclass(frozen=True, kw_only=True)
class Rule:
    """How to pick. `due` says of a client's status whether it is picked; without it all are.

    With `not_since`, a client is left out whose current value was published everywhere after that time, and that no
    operation holds or has left something in. `limit` is the most clients to pick.
    """

    due: Callable[[ClientSettings, Status], bool] | None = None
    not_since: datetime | None = None
    order: Order = Order.ANY
    limit: int | None = None
    untidy: set[str] = field(default_factory=set)
    """Collects the names of clients that `not_since` leaves nothing to do for but to tidy up."""

    @property
    def looks(self) -> bool:
        """Whether the vaults have to be asked."""
        return self.due is not None or self.not_since is not None or self.order is Order.OLDEST


@dataclass
class Picked:
    """The clients that are worked on, and the errors of those among them whose metadata cannot be read.

    Such a client is picked. Its error is raised when its turn comes, so that the other clients go on.
    """

    clients: list[Pair] = field(default_factory=list)
    unread: dict[str, BridgeError] = field(default_factory=dict)
    left: int = 0
    """How many clients fit, and are left out because of the limit."""


def pick(found: list[Pair], rule: Rule, *, jobs: int, common: Common) -> Picked:
    """Return the clients among `found` that the rule picks, in its order. Several are looked at at a time."""
    picked = Picked()
    fitting = _looked(found, rule, picked, jobs, common) if rule.looks else [(pair, None) for pair in found]
    if rule.order not in (Order.ANY, Order.FILE):
        fitting.sort(key=lambda each: _key(rule.order, *each))  # stable: the file's order where nothing else decides
    chosen = [pair for pair, _ in fitting]
    picked.clients = chosen[: rule.limit]
    picked.left = len(chosen) - len(picked.clients)
    return picked


def _looked(
    found: list[Pair], rule: Rule, picked: Picked, jobs: int, common: Common
) -> list[tuple[Pair, Status | None]]:
    fitting: list[tuple[Pair, Status | None]] = []
    crew: Crew[Pair] = Crew(lambda pair: survey(*pair, common), min(jobs, len(found) or 1))
    for done in in_order(crew.results(found)):
        try:
            seen: Status = done.value()
        except BridgeError as error:
            picked.unread[done.item[1].name] = error
            fitting.append((done.item, None))
            continue
        if _fits(rule, done.item[1], seen):
            fitting.append((done.item, seen))
    return fitting


def _fits(rule: Rule, client: ClientSettings, seen: Status) -> bool:
    if rule.not_since is not None and seen.promoted is not None and seen.promoted > rule.not_since:
        # A lock that counts as live may be that of a process that has just died, so it is no reason to leave this out.
        if not _touched(seen):
            return False
        if not any(state.lock for state in seen.sinks):
            rule.untidy.add(client.name)
    return rule.due is None or rule.due(client, seen)


def _key(order: Order, pair: Pair, seen: Status | None) -> tuple[bool, float | str]:
    _, client = pair
    if order is Order.OLDEST:
        # What cannot be read, or has no age, comes first: nobody knows how old it is.
        known = seen is not None and seen.promoted is not None
        return known, seen.promoted.timestamp() if seen and seen.promoted else 0.0
    word = client.tenant if order is Order.TENANT else client.owner
    return word is None, word or ""


class Rotatable:
    """The rule of `rotate --due`. It collects the names of clients that have only to be tidied up.

    A rotation does not tidy up. So each run would select such a client again, and rotate it every time.
    """

    def __init__(self) -> None:
        self.untidy: set[str] = set()

    def __call__(self, client: ClientSettings, seen: Status) -> bool:
        """Return whether a client's secret is older than its `max_age`, or something interrupted has to be settled."""
        if interrupted(seen) and not seen.due and not any(state.lock for state in seen.sinks):
            self.untidy.add(client.name)
        return interrupted(seen) or seen.due


def retirable(_client: ClientSettings, seen: Status) -> bool:
    """Return whether a client's fallback is old enough to be retired, or an interrupted retirement has to be settled.

    This is the rule of `retire --due`. It leaves other interrupted operations alone.
    """
    from bridge.model.operation import RETIREMENTS

    if interrupted(seen):
        # A scheduled retirement must not finish another operation. That is the decision of `rotate` and `resume`.
        return any(state.lock and state.lock.operation in RETIREMENTS for state in seen.sinks)
    since = seen.retire_from if seen.fallbacks else seen.retire_by  # what was retired softly is ended at `retire_by`
    # The vaults' own clock, because this machine's may be wrong.
    return since is not None and max(state.at for state in seen.sinks) >= since


def interrupted(seen: Status) -> bool:
    """Return whether an operation that was interrupted has left something to settle."""
    return seen.attention and _touched(seen)


def _touched(seen: Status) -> bool:
    return any(state.lock or state.unsettled for state in seen.sinks)

"""Which of the clients that were named are worked on, and in which order: by their metadata in the vaults."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from bridge.execution.open import Common, survey
from bridge.fleet.jobs import Crew, in_order
from bridge.fleet.rules import Due, touched
from bridge.model.errors import BridgeError
from bridge.model.operation import Operation
from sinks.record import stamp

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
    """How to pick. `due` is the rule of `--due`, which says whether a client is picked; without it all are.

    With `not_since`, a client is left out whose current value a rotation has made after that time, in every sink, and
    that no operation holds or has left something in. With `leaked` too, only an answer to a leak leaves a client out,
    because any other operation leaves the value that leaked readable. `limit` is the most clients to pick.
    """

    due: Due | None = None
    not_since: datetime | None = None
    leaked: bool = False
    order: Order = Order.ANY
    limit: int | None = None
    untidy: set[str] = field(default_factory=set)
    """Collects the names of clients that `not_since` leaves nothing to do for but to tidy up."""

    @property
    def leaves_out(self) -> bool:
        """Whether some clients may be left out because of their state."""
        return self.due is not None or self.not_since is not None

    @property
    def emptiness(self) -> str:
        """What to say where no client is picked."""
        if self.due or self.not_since is None:
            return "nothing is due"
        return f"nothing is left to do, all were rotated after {stamp(self.not_since)}"

    @property
    def looks(self) -> bool:
        """Whether the vaults have to be asked."""
        return self.leaves_out or self.order is Order.OLDEST


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
    common.survey_together(found)

    def look(pair: Pair) -> tuple[Status, float] | None:
        # A brief survey is enough to leave a client out: by the whole one it is never older. It picks none.
        if rule.leaves_out and not _fits(rule, pair[1], survey(*pair, common, briefly=True), common.read_at(*pair)):
            return None
        return survey(*pair, common), common.read_at(*pair)

    crew: Crew[Pair] = Crew(look, min(jobs, len(found) or 1))
    for done in in_order(crew.results(found)):
        try:
            looked: tuple[Status, float] | None = done.value()
        except BridgeError as error:
            picked.unread[done.item[1].name] = error
            fitting.append((done.item, None))
            continue
        if looked and _fits(rule, done.item[1], *looked):
            fitting.append((done.item, looked[0]))
    return fitting


def _fits(rule: Rule, client: ClientSettings, seen: Status, at: float) -> bool:
    rotated = rule.not_since is not None and rotated_since(seen, rule.not_since)
    if rotated and (not rule.leaked or answered(seen)):
        # A lock that counts as live may be that of a process that has just died, so it is no reason to leave this out.
        if not touched(seen):
            return False
        if not any(state.lock for state in seen.sinks):
            rule.untidy.add(client.name)
    return rule.due is None or rule.due(client, seen, at)


def answered(seen: Status) -> bool:
    """Return whether the latest operation on every sink was an answer to a leak that came to its end, by its tags.

    One that still counts as live may have died. The answer to a leak waits for none, so it is given again.
    """
    free = [state.record for state in seen.sinks if state.record and not (state.lock or state.unsettled)]
    latest = [record.log[0].split() for record in free if record.log]
    return len(latest) == len(seen.sinks) and all(words[2:3] == [Operation.COMPROMISED] for words in latest)


def _key(order: Order, pair: Pair, seen: Status | None) -> tuple[bool, float | str]:
    _, client = pair
    if order is Order.OLDEST:
        # What cannot be read, or has no age, comes first: nobody knows how old it is.
        known = seen is not None and seen.promoted is not None
        return known, seen.promoted.timestamp() if seen and seen.promoted else 0.0
    word = client.tenant if order is Order.TENANT else client.owner
    return word is None, word or ""


def rotated_since(seen: Status, moment: datetime) -> bool:
    """Return whether a rotation after `moment` has made the current value of every sink.

    Other operations date a value as well: a rollback, for example, makes one current that is older.
    """
    from bridge.model.operation import Operation

    records = [state.record for state in seen.sinks if state.record]
    if seen.promoted is None or seen.promoted <= moment or len(records) < len(seen.sinks):
        return False
    entries = [[*line.split(" ", 3), "", "", ""] for record in records for line in record.log]
    ways = (Operation.ROTATE, Operation.COMPROMISED, Operation.SETTLE)

    def rotated(at: str) -> bool:
        return any(
            way in ways and (when == at or (way == Operation.SETTLE and when > at and _settles(more, ways)))
            for _, when, way, more, *_ in entries
        )

    # Without a log, the date is all that is known.
    return all(not r.age_is_minimum and (not r.log or rotated(stamp(r.promoted_at))) for r in records)


def _settles(told: str, ways: tuple[str, ...]) -> bool:
    """Return whether an entry of the log is about the settlement of one of these operations.

    It stands in place of that operation's own entry. A value that was published by then keeps its date.
    """
    return told.partition(": ")[2].startswith(tuple(f"{way} by " for way in ways))

"""Which clients are to be looked at, and when. Pure: the time is an argument, in monotonic seconds."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bridge.auth0.logs import Exchange
from bridge.watch.entries import Position, Seen

SECOND = 1.0
FIRST_WAIT, LONGEST_WAIT = 15.0, 300.0
"""Seconds until a client is looked at again where that failed. They double with each failure."""
JUDGED = 60.0
"""Seconds between two judgements of a client's failures: strangers may fail many times a second."""
MOST_EXCHANGES = 1000
"""How many failures of a client are kept for one judgement."""
LONGEST_HOLD = timedelta(hours=1)
"""How long an entry that nothing could be done about keeps the checkpoint back. After that it waits for the next
look at all clients."""


@dataclass
class Case:
    """A client to look at."""

    due: float
    """When."""
    holds: bool = False
    """Whether an entry of the log is the reason, which must not be forgotten."""
    before: Position | None = None
    """The place in the log before that entry. None: its beginning."""
    given: datetime | None = None
    """When the client was given another secret last, by the log."""
    failures: int = 0
    """How often the look has failed."""


@dataclass
class Cases:
    """The clients of one tenant that are to be looked at."""

    open: dict[str, Case] = field(default_factory=dict)
    """Those with a reason."""
    exchanges: dict[str, list[Exchange]] = field(default_factory=dict)
    """The failed exchanges that are not judged yet, by client."""
    judged: dict[str, float] = field(default_factory=dict)
    """When a client's failures were judged last."""
    round: deque[str] = field(default_factory=deque)
    """Those that are left of the round over all clients."""

    def changed(self, entry: Seen, due: float, before: Position | None) -> None:
        """Note that an entry says that a client was changed. It is looked at when the change has spread."""
        case = self.open.setdefault(entry.changed, Case(due))
        # A later change spreads later. The first entry holds the checkpoint.
        case.due = max(case.due, due)
        if not case.holds:
            case.holds, case.before = True, before
        if entry.given:
            case.given = max(case.given or entry.position.at, entry.position.at)

    def spoken_of(self, client_id: str, due: float) -> None:
        """Note that a log stream says that a client was changed. It delays no look that is due anyway."""
        self.open.setdefault(client_id, Case(due))

    def failed(self, client_id: str, exchange: Exchange) -> None:
        """Note that a consumer of a client failed."""
        found = self.exchanges.setdefault(client_id, [])
        found.append(exchange)
        del found[:-MOST_EXCHANGES]

    def begin_round(self, client_ids: Iterable[str]) -> None:
        """Have every client looked at."""
        self.round = deque(client_ids)

    def ready(self, now: float, most: int) -> dict[str, bool]:
        """Return the clients that have their turn now: those with a reason, and `most` of the round.

        The value says whether to look at the client, and not only to judge its failures. While a change spreads, a
        look waits.
        """
        judging = dict.fromkeys((c for c in self.exchanges if self._judged_at(c) <= now), False)
        with_reason = dict.fromkeys((client_id for client_id, case in self.open.items() if case.due <= now), True)
        of_round = [self.round.popleft() for _ in range(min(most, len(self.round)))]
        return judging | with_reason | dict.fromkeys((c for c in of_round if c not in self.open), True)

    def _judged_at(self, client_id: str) -> float:
        return self.judged.get(client_id, float("-inf")) + JUDGED

    def take(self, client_id: str, now: float) -> list[Exchange]:
        """Return the failures of a client that are to be judged now."""
        if client_id not in self.exchanges or self._judged_at(client_id) > now:
            return []
        self.judged[client_id] = now
        return self.exchanges.pop(client_id)

    def give_back(self, client_id: str, exchanges: Iterable[Exchange], now: float) -> None:
        """Note that failures could not be judged yet. They soon are."""
        for exchange in exchanges:
            self.failed(client_id, exchange)
            self.judged[client_id] = now - JUDGED + FIRST_WAIT

    def given(self, client_id: str) -> datetime | None:
        """Return when a client was given another secret last, by the entries that made its case."""
        return case.given if (case := self.open.get(client_id)) else None

    def done(self, client_id: str) -> None:
        """Note that a client was looked at."""
        self.open.pop(client_id, None)

    def later(self, client_id: str, due: float, *, look_too: bool) -> None:
        """Note that a client cannot be looked at yet."""
        if look_too:
            self.open.setdefault(client_id, Case(due)).due = due

    def again(self, client_id: str, now: float) -> None:
        """Note that a look has failed."""
        case = self.open.setdefault(client_id, Case(now))
        case.due = now + min(FIRST_WAIT * 2**case.failures, LONGEST_WAIT)
        case.failures += 1

    def next_due(self, now: float) -> float:
        """Return when there is something to do."""
        if self.round:
            return now
        judging = map(self._judged_at, self.exchanges)
        return min((*(case.due for case in self.open.values()), *judging), default=float("inf"))

    def place(self, oldest: Position | None, newest: Position | None) -> Position | None:
        """Return the place for the checkpoint: what comes after it is read again. None: there is none yet.

        `oldest` and `newest` are the last minutes that were read.
        """
        holding = [case.before for case in self.open.values() if case.holds]
        if oldest is None or newest is None or None in holding:
            return None
        recent = [place for place in holding if place and place.at >= newest.at - LONGEST_HOLD]
        return min((oldest, *recent), key=lambda place: place.at)

"""What the clients of one command ask a tenant's log together, instead of each for itself.

Whatever cannot be answered together is not answered here, and the client asks for itself. So the evidence of a client
never depends on the others. Only the number of requests does.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bridge.auth0.errors import Auth0Error
from bridge.auth0.logs import FAILED, PAGE, SUCCEEDED, Found, begins
from bridge.auth0.management import Management
from bridge.auth0.scan import ADDRESSES, CLIENTS, Scan
from bridge.evidence.asking import LogAccess, Mark, Question, leave_mark
from sinks.clock import Clock

FRESH = timedelta(minutes=1)
"""How long an answer of the log serves other clients."""
ENOUGH = 2
"""After so many marks or searches in a row that failed, each client asks for itself."""
FEW_PAGES = 3
"""How many pages of successes are read together. A busy consumer has more, and is asked for by itself then."""
SLEEP = 0.05  # seconds after which a thread looks again whether it is its turn


@dataclass
class Round:
    """One mark, and the searches that were begun after the log had shown it."""

    mark: Mark
    scans: list[Scan] = field(default_factory=list)

    def ends(self, question: Question) -> datetime:
        """Return until when the evidence of this round is complete, by the vaults' time. Never later than `at`."""
        # The mark proves what the log shows up to its own time, and of every client: the log is one for the tenant.
        # What happened between the mark and the question may be missing, so the evidence does not claim it.
        return question.at - timedelta(seconds=max(0.0, question.read - self.mark.sent))

    def serves(self, question: Question, since: datetime) -> bool:
        """Return whether it is recent enough for a question about failures from `since` on."""
        # Without an allowance, only a mark that was sent after the vaults were read is as strong as one of its own.
        return question.read - self.mark.sent < question.may_be_old.total_seconds() and since < self.ends(question)

    def scan(self, client_id: str, types: tuple[str, ...], address: str = "") -> Scan | None:
        """Return the search that asks about this client, and about this address only if one is given."""
        fitting = (s for s in self.scans if s.types == types and s.asks_about(client_id))
        return next((s for s in fitting if (address in s.addresses if address else not s.addresses)), None)

    def shows_mark(self, scan: Scan) -> bool:
        """Return whether a search for failures shows the mark, as it has to if Auth0 understood the question."""
        return any(self.mark.word in exchange.agent for exchange in scan.read().get(self.mark.client_id, ()))


class SharedLog:
    """A tenant's log, for the clients of one command. Every method may be called from any thread."""

    def __init__(self, auth0: Management, clock: Clock, client_ids: Sequence[str]) -> None:
        self._auth0 = auth0
        self._clock = clock
        self._client_ids = tuple(dict.fromkeys(client_ids))
        self._marking, self._reading = threading.Lock(), threading.Lock()
        self._begins: tuple[float, datetime] | None = None
        self._round: Round | None = None
        self._asked: set[tuple[tuple[str, ...], str]] = set()
        self._loud: set[tuple[tuple[str, ...], str]] = set()
        self._failures = 0

    def begins(self) -> datetime | None:
        """Return since when the log has every entry, or None if it is empty. It is asked at most once a minute.

        Raises:
            Auth0Error: the log cannot be read.
        """
        with self._turn():
            now = self._clock.monotonic()
            if self._begins is None or now - self._begins[0] >= FRESH.total_seconds():
                first = begins(self._auth0)
                self._begins = (now, first) if first else None
            if self._begins is None:
                return None
            # The log forgets while time passes, and may have forgotten as much since it was asked.
            return self._begins[1] + timedelta(seconds=now - self._begins[0])

    def round(self, logs: LogAccess, question: Question) -> Round | None:
        """Return a round that serves this question, or begin one, or return None if the client has to ask by itself.

        A new round waits until the log shows its mark, as long as the question's patience allows. Clients that ask
        meanwhile wait for it.

        Raises:
            Auth0Error: the log cannot be read.
        """
        since = question.change + logs.propagation
        while not self._marking.acquire(blocking=False):
            # Whoever waits is served by the mark that others wait for, if it was sent late enough.
            if (last := self._round) and last.serves(question, since):
                return last
            self._clock.sleep(SLEEP)
        try:
            if self._round and self._round.serves(question, since):
                return self._round
            return self._begun(logs, question)
        finally:
            self._marking.release()

    def _begun(self, logs: LogAccess, question: Question) -> Round | None:
        # A question without patience does not find out how late the log is. While it is late, each client waits for a
        # mark of its own, all at the same time, because here one would wait after the other.
        loud = (FAILED, question.client.client_id) in self._loud
        if not question.patience or self._failures >= ENOUGH or loud:
            return None
        self._failures += 1
        begun = Round(leave_mark(logs, question))
        if not begun.mark.unknown:
            self._round, self._failures = begun, 0
        return begun

    def latest(self, question: Question) -> Round | None:
        """Return the last round, if it is recent enough for this question."""
        last = self._round
        return last if last and last.serves(question, question.change) else None

    def found(
        self, served: Round, client_id: str, types: tuple[str, ...], since: datetime, until: datetime | None = None
    ) -> Found | None:
        """Return a client's exchanges of one kind (`FAILED`, `SUCCEEDED`), or None if it has to ask by itself."""
        with self._turn():
            try:
                return self._found(served, client_id, types, since, until)
            except Auth0Error:
                # Perhaps it does not like this search. The client's own search has its own error.
                self._failures += 1
                return None

    def _found(
        self, served: Round, client_id: str, types: tuple[str, ...], since: datetime, until: datetime | None
    ) -> Found | None:
        while not served.mark.unknown and self._failures < ENOUGH:
            group = self._group(served, client_id, types)
            if self._loud & {(types, named) for named in (group[0], group[-1])}:
                return None
            scan = served.scan(client_id, types)
            if scan is None:
                scan = Scan(self._auth0, group, types)
                served.scans.append(scan)
            self._asked.add((types, client_id))
            found = scan.of(client_id, since, until)
            if found and (types != FAILED or served.shows_mark(scan)):
                return found
            if found or scan.strange:  # Auth0 did not answer what was asked
                self._failures += 1
                return None
            if not self._silence(served, scan):
                return None
        return None

    def _group(self, served: Round, client_id: str, types: tuple[str, ...]) -> list[str]:
        """Return the clients of a search: this one, those that have not asked yet, and for failures that of the mark.

        The mark's client is the last one, so that an answer with the mark is one to the whole search.
        """
        last = [served.mark.client_id] if types == FAILED else []
        left = (c for c in self._client_ids if not {(types, c)} & (self._asked | self._loud))
        others = [c for c in dict.fromkeys((client_id, *left)) if c not in last]
        return [*others[: CLIENTS - len(last)], *last]

    def _silence(self, served: Round, scan: Scan) -> bool:
        """Take out the clients that fill a search. Return whether there are any, so that another one is worth while."""
        loud = {(scan.types, c) for c, found in scan.read().items() if len(found) >= PAGE} - self._loud
        self._loud |= loud
        if loud:
            served.scans.remove(scan)
        if (FAILED, served.mark.client_id) in self._loud and served is self._round:
            self._round = None  # every search of this round would name that one
        return bool(loud)

    def succeeded(
        self,
        served: Round,
        client_id: str,
        address: str,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> Found | None:
        """Return a client's successes from one address, or None if it has to ask by itself."""
        with self._turn():
            failures = served.scan(client_id, FAILED)
            if failures is None or self._failures >= ENOUGH or not _failing(failures, client_id, address):
                return None
            scan = served.scan(client_id, SUCCEEDED, address)
            try:
                if scan is None:
                    scan = self._successes(failures, client_id, address)
                    served.scans.append(scan)
                return scan.of(client_id, since, until, address)
            except Auth0Error:
                self._failures += 1
                return None

    def _successes(self, failures: Scan, client_id: str, address: str) -> Scan:
        """Return a search for the successes of all sources that failed, as far as the failures were read."""
        sources = {c: [e.address for e in found if e.refused and not e.ours] for c, found in failures.read().items()}
        first = [address, *sources.pop(client_id)]
        others = [each for of_one in sources.values() for each in of_one]
        addresses = [a for a in dict.fromkeys((*first, *others)) if a][:ADDRESSES]
        clients = [client_id, *(c for c, of_one in sources.items() if of_one)]
        return Scan(self._auth0, clients[:CLIENTS], SUCCEEDED, addresses, most=FEW_PAGES)

    @contextmanager
    def _turn(self) -> Iterator[None]:
        # Not by waiting at the lock: a thread that sleeps by the clock lets another one work, and the thread that has
        # the lock may need that to go on.
        while not self._reading.acquire(blocking=False):
            self._clock.sleep(SLEEP)
        try:
            yield
        finally:
            self._reading.release()


def _failing(failures: Scan, client_id: str, address: str) -> bool:
    return bool(address) and any(exchange.address == address for exchange in failures.read()[client_id])

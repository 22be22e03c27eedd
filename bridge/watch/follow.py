"""Follows one tenant's log, looks at the clients that it speaks of, and at all of them from time to time.

Whatever the log says, what is so decides: an entry that is missing only costs time. It keeps nothing on this machine.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bridge.auth0.errors import Forbidden
from bridge.auth0.logs import Exchange
from bridge.config.settings import ClientSettings
from bridge.execution.session import Session
from bridge.execution.snapshot import translate
from bridge.model.errors import ATTENTION, BridgeError, Usage
from bridge.model.progress import Silent, pause
from bridge.watch.bell import Bell
from bridge.watch.cases import SECOND, Cases
from bridge.watch.decide import Decision, Found, Kind, Tell, decide, repaired
from bridge.watch.log import Log
from bridge.watch.look import Known, Later, Sight, judge, look, see
from bridge.watch.means import Means
from bridge.watch.notes import CHECKPOINT, KEEPERS, Checkpoint, Note, digest, latest
from bridge.watch.telling import tell
from bridge.watch.window import Window
from sinks.errors import SinkError

KEPT = timedelta(minutes=5)
"""How far the log was read on until the checkpoint is written again. Each is a write to two sinks."""
BATCH = 16
"""How many clients of a round are looked at before the log is read again."""
TROUBLE, LONGEST_TROUBLE = 15.0, 300.0
"""Seconds until the log is tried again that could not be read. They double with each failure."""
SOON = 2.0
"""The fewest seconds between two readings of the log, however often its stream sends something."""


@dataclass
class Follower:
    """One tenant that is watched, and its clients by their ids."""

    log: Log
    clients: Mapping[str, ClientSettings]
    means: Means
    interval: timedelta
    """How often the log is read."""
    every: timedelta
    """How often every client is looked at."""
    propagation: timedelta
    """How long a change takes to spread."""

    def __post_init__(self) -> None:
        self.clock, self.stop = self.log.clock, self.log.stop
        self.bell = Bell(self.clients)
        """What the tenant's log stream has sent."""
        self.statuses: set[int] = set()
        """The exit statuses of what was found."""
        self._cases = Cases()
        self._window: Window | None = None
        self._kept: Checkpoint | None = None
        self._began: datetime | None = None  # the vaults' time at the begin of a round over all clients
        self._looked: datetime | None = None  # that of the last one that is complete
        self._next_round = 0.0
        self._at: datetime | None = None  # the vaults' latest time
        self._wrong: dict[str, str] = {}  # by client, the failure that was told
        self._unwritten: dict[str, Note] = {}
        self._keepers: list[ClientSettings] = []  # whose first sinks have the checkpoint
        self.lasting: set[str] = set()
        """The names of clients that need attention, of which nothing new was told."""
        self._known: Known = {}

    def once(self) -> None:
        """Read to the end of the log, and look at what it speaks of.

        Raises:
            BridgeError: the log cannot be read.
        """
        window, more = self._start(), True
        while more and not self.stop.asked:
            more = self._read(window)
            self._act()
        # A change that spreads is over in half a minute. An operation may take longer, and is left to the next time.
        patient = self.clock.monotonic() + self.propagation.total_seconds() + 5 * SECOND
        while not self.stop.asked and (due := self._cases.next_due(self.clock.monotonic())) <= patient:
            self._wait(due)
            self._act()
        self._keep(end=True)

    def run(self) -> None:
        """Follow the log until the request to stop. What goes wrong is told, and tried again.

        Raises:
            BridgeError: the log may not be read, or the settings are not valid.
        """
        failures, following, read = 0, 0.0, float("-inf")
        while not self.stop.asked:
            now = self.clock.monotonic()
            if self._heard(now) and not failures:
                following = min(following, read + SOON)
            if now >= following:
                read = now
                try:
                    more = self._read(self._start())
                    failures, following = 0, now if more else now + self.interval.total_seconds()
                    self._wrong.pop("", None)
                except BridgeError as error:
                    # Without a right, or with settings that are not valid, waiting does not help.
                    if self._window is None and isinstance(error, Usage | Forbidden):
                        raise
                    self._failed("", error)
                    following = now + min(TROUBLE * 2**failures, LONGEST_TROUBLE)
                    failures += 1
            self._act()
            self._wait(min(following, self._cases.next_due(self.clock.monotonic())))
        self._keep(end=True)

    def _heard(self, now: float) -> bool:
        """Make the clients due of which the log stream speaks, and return whether it sent anything."""
        if not self.bell.rang:
            return False
        # The log itself will say more, soon. It also keeps the checkpoint back, and knows the time of the change.
        for client_id in self.bell.take():
            self._cases.spoken_of(client_id, now + self.propagation.total_seconds() + SECOND)
        return True

    def _start(self) -> Window:
        """Find out where to read on, once."""
        if self._window is not None:
            return self._window
        self.log.require()
        kept = self._checkpoint()
        known = kept is not None and self.log.knows(kept.position)
        self._window = Window(kept.position if kept and known else self.log.now())
        if kept and known and kept.clients == self._digest:
            self._kept, self._looked = kept, kept.looked
        self._next_round = self._round_due()
        return self._window

    @property
    def _digest(self) -> str:
        return digest(*sorted(self.clients))

    def _checkpoint(self) -> Checkpoint | None:
        found = []
        self._keepers.clear()  # of a start that failed later
        for client_id in sorted(self.clients):
            try:
                state = next(iter(self.means.open(self.clients[client_id]).sinks.values())).survey()
            except SinkError:
                continue  # without it, more is read again, and the client's own look says what is wrong
            self._at = max(self._at or state.at, state.at)
            if state.record:  # where nothing is managed, nothing is written
                self._keepers.append(self.clients[client_id])
                found.append(state.noted)
            if len(found) == KEEPERS:
                break
        return latest(found, self._at) if self._at else None

    def _round_due(self) -> float:
        """Return when all clients are to be looked at."""
        passed = self._at - self._looked if self._at and self._looked else self.every
        return self.clock.monotonic() + max(timedelta(), self.every - passed).total_seconds()

    def _read(self, window: Window) -> bool:
        """Read what is new in the log, and return whether there is more of it."""
        fresh, more = self.log.news(window)
        now, newest = self.clock.monotonic(), window.newest
        for entry, before in fresh:
            if entry.changed and newest:
                # By the log's own times, because this machine's clock may be wrong.
                left = self.propagation + timedelta(seconds=SECOND) - (newest.at - entry.position.at)
                due = now + max(left, timedelta()).total_seconds()
                self._cases.changed(entry, due, before)
            if entry.failed and entry.exchange:
                self._cases.failed(entry.failed, entry.exchange)
        return more

    def _act(self) -> None:
        """Look at the clients that are due, and at some of a round over all of them."""
        now = self.clock.monotonic()
        if self._window and now >= self._next_round:
            self._cases.begin_round(self.clients)
            self._began, self._next_round = self._at, float("inf")
            self._known.clear()
        self.means.each(self._look_at, tuple(self._cases.ready(now, BATCH).items()))
        if self._next_round == float("inf") and not self._cases.round and not self.stop.asked:
            self._looked, self._began = self._began or self._at, None
            self._next_round = self.clock.monotonic() + self.every.total_seconds()
        self._keep()

    def _wait(self, until: float) -> None:
        left = timedelta(seconds=min(max(until - self.clock.monotonic(), 0.0), self.interval.total_seconds()))
        pause(left, "watching", clock=self.clock, watcher=Silent(),
              stop=lambda: self.stop.asked or self.bell.rang)  # fmt: skip

    def _look_at(self, turn: tuple[str, bool]) -> None:
        client_id, look_too = turn
        if self.stop.asked:
            return
        exchanges = self._cases.take(client_id, self.clock.monotonic())
        try:
            self._looked_at(self.clients[client_id], exchanges, look_too=look_too)
            self._wrong.pop(client_id, None)
            return
        except Later as later:
            self._cases.later(client_id, self.clock.monotonic() + later.wait.total_seconds(), look_too=look_too)
        except BridgeError as error:
            self._cases.again(client_id, self.clock.monotonic())
            self._failed(client_id, error)
        self._cases.give_back(client_id, exchanges, self.clock.monotonic())

    def _looked_at(self, client: ClientSettings, exchanges: Sequence[Exchange], *, look_too: bool) -> None:
        session = self.means.open(client)
        sight = see(session)
        self._at = max(self._at or sight.at, sight.at)
        if note := self._unwritten.get(client.client_id):
            sight = replace(sight, note=note)
        if sight.managed and (exchanges or sight.note.failing):
            decision = judge(session, sight, exchanges, self._known)
            self._tell(session, sight, decision)
            if decision.note != sight.note:
                sight = replace(sight, note=decision.note, read=decision.note.done())
        if sight.note.failing:
            self.statuses.add(ATTENTION)
            self.lasting.add(client.name)
        if not look_too:
            return
        if sight.managed:
            # Its first sink would get the checkpoint, so that one has to be managed.
            if sight.place == 0 and len(self._keepers) < KEEPERS and client not in self._keepers:
                self._keepers.append(client)
            self._compare(session, sight)
        self._cases.done(client.client_id)

    def _compare(self, session: Session, sight: Sight) -> None:
        found = replace(look(session, sight, self.means.verify), given=self._cases.given(session.settings.client_id))
        wrong = found.drift or (found.ours and found.interrupted)
        if wrong and session.settings.on_drift == "sync":
            sight, found = self._repaired(session, sight, found, wrong)
        if found.drift or found.deleted or found.interrupted:
            self.statuses.add(ATTENTION)
            self.lasting.add(session.settings.name)
        self._tell(session, sight, decide(sight.note, found))

    def _repaired(self, session: Session, sight: Sight, found: Found, wrong: Tell) -> tuple[Sight, Found]:
        """Publish the new value, or finish what a watcher that died had begun. Return what is left to tell."""
        try:
            text = self.means.repair(session.settings)
        except BridgeError as error:
            see(session)  # another one may be at it
            told = replace(wrong, text=f"{wrong.text}; it could not be published: {error.message}", next=error.hint)
            return sight, replace(found, drift=found.drift and told, interrupted=found.interrupted and told)
        if text:
            self._announce(session.settings, Tell(Kind.REPAIRED, text), sight.at)
        return replace(sight, note=repaired(sight.note)), replace(found, drift=None, interrupted=None)

    def _tell(self, session: Session, sight: Sight, decision: Decision) -> None:
        client = session.settings
        try:
            tell(session, sight, decision, lambda told: self._announce(client, told, sight.at))
        except SinkError as error:
            self._unwritten[client.client_id] = decision.note
            raise translate(error) from None
        self._unwritten.pop(client.client_id, None)

    def _announce(self, client: ClientSettings, told: Tell, at: datetime) -> None:
        if told.kind.attention:
            self.statuses.add(ATTENTION)
        self.lasting.discard(client.name)
        self.means.announce(client, told, at)

    def _failed(self, client_id: str, error: BridgeError) -> None:
        """Tell that something could not be looked at, once for each reason."""
        self.statuses.add(error.exit_status)
        if self._wrong.get(client_id) != error.message:
            self._wrong[client_id] = error.message
            told = Tell(Kind.NOT_LOOKED_AT, error.message.replace("\n", "; "), error.hint)
            self.means.announce(self.clients.get(client_id), told, self._at or self.clock.now())

    def _keep(self, *, end: bool = False) -> None:
        """Write the checkpoint, if it says enough that is new."""
        place = self._cases.place(self._window.oldest, self._window.newest) if self._window else None
        if place is None or self._looked is None:
            return
        kept, before = Checkpoint(place, self._looked, self._digest), self._kept
        enough = timedelta(minutes=1) if end else KEPT
        if before and before.looked == kept.looked and place.at - before.position.at < enough:
            return
        for client in self._keepers:
            try:
                next(iter(self.means.open(client).sinks.values())).note({CHECKPOINT: kept.text()})
            except SinkError as error:
                self._failed(client.client_id, translate(error))
        self._kept = kept

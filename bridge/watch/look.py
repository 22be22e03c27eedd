"""Looks at one client: what is so, by its sinks and by Auth0, whatever the log says. Nothing is changed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from bridge.auth0.client import Client
from bridge.auth0.errors import NotFound
from bridge.auth0.logs import FAILED, SUCCEEDED, Exchange, search
from bridge.auth0.probe import Verdict
from bridge.evidence.asking import OF_ONE
from bridge.evidence.checkpoint import digest_of, latest
from bridge.evidence.judge import Key, Source, Tally
from bridge.execution.session import Session
from bridge.execution.snapshot import survey
from bridge.model.errors import Failed
from bridge.model.operation import Operation
from bridge.planning import status
from bridge.watch.decide import Decision, Found, Kind, Tell, failures, in_question
from bridge.watch.notes import Note
from sinks.port import SinkState

BUSY = timedelta(seconds=15)
"""After this time a client is looked at again that an operation holds, or that another watcher tells of."""
SECOND = timedelta(seconds=1)
ADDRESSES = 10
"""For how many addresses of a client the logs are asked at a time whether they had succeeded before."""


class Probed(Protocol):
    """Auth0's verdict about one sink, as `verify` returns it."""

    @property
    def uri(self) -> str:
        """The sink's URI."""
        ...

    @property
    def current_verdict(self) -> Verdict:
        """Auth0's answer on its current value."""
        ...


Verify = Callable[[Session], Sequence[Probed]]
Known = MutableMapping[tuple[str, datetime, str], Mapping[Key, datetime]]
"""Who had succeeded before a change, by client, change and address: it is asked once."""


class Later(Exception):
    """A client cannot be judged yet. `wait` says when to look again."""

    def __init__(self, wait: timedelta) -> None:
        self.wait = wait
        super().__init__(wait)


@dataclass(frozen=True)
class Sight:
    """A client's sinks, and what was told about it."""

    states: tuple[SinkState, ...]
    at: datetime
    note: Note
    """What was told about it."""
    read: Note
    """The same as `place` has it."""
    state: status.Status
    place: int
    """Which of its sinks keeps the note: the first that is managed."""

    @property
    def managed(self) -> bool:
        """Whether the bridge manages any of its sinks."""
        return any(state.record for state in self.states)


def see(session: Session) -> Sight:
    """Read the metadata of a client's sinks.

    Raises:
        Later: an operation holds them, or another watcher is about to tell something.
        BridgeError: a sink cannot be read.
    """
    states = survey(session)
    at = max(state.at for state in states)
    seen = status.judge(session.settings, session.client_ref, states)
    place = next((number for number, state in enumerate(states) if state.record), 0)
    note = Note.of(states[place].noted, at)
    if seen.kind is status.Kind.IN_PROGRESS or note.is_claimed(at):
        raise Later(BUSY)
    return Sight(states, at, note, note, seen, place)


def look(session: Session, sight: Sight, verify: Verify) -> Found:
    """Ask Auth0 about a client and what its sinks hold.

    Raises:
        Later: a change by the bridge may still be spreading, or one was made meanwhile.
        BridgeError: a sink or the application cannot be read, or Auth0 gave no clear answer.
    """
    if sight.state.kind is status.Kind.INTERRUPTED:
        return _interrupted(session, sight)
    _await_spreading(session, sight.states)
    try:
        client = session.auth0.get_client(session.settings.client_id)
    except NotFound as error:
        return Found(sight.at, deleted=Tell(Kind.DELETED, f"it was deleted: {error.message}"))
    method, grants = _method(client), ", ".join(sorted(client.grant_types or ())) or "not listed"
    if client.auth_method == "none" or client.uses_private_key_jwt:
        return Found(sight.at, method=method, grants=grants)
    verdicts = verify(session)
    refused = [one.uri for one in verdicts if one.current_verdict is Verdict.REFUSED]
    unclear = [one.uri for one in verdicts if one.current_verdict is Verdict.UNKNOWN]
    if refused or unclear:
        _same(sight.states, survey(session))
    if unclear:
        uris = ", ".join(unclear)
        raise Failed(f"Auth0 did not say whether it accepts what {uris} holds", session.client_ref.command("verify"))
    text = f"changed outside the bridge: Auth0 refuses the current value of {', '.join(refused)}"
    drift = Tell(Kind.DRIFT, text, session.client_ref.command("sync")) if refused else None
    promoted = max((state.record.promoted_at for state in sight.states if state.record), default=None)
    return Found(sight.at, drift, method=method, grants=grants, compared=True, promoted=promoted)


def _interrupted(session: Session, sight: Sight) -> Found:
    locks = [state.lock for state in sight.states if state.lock]
    released = [state.released for state in sight.states if state.released]
    # A release takes several steps. Between them it looks as if it had been interrupted.
    if not locks and any(sight.at - at < session.timing.margin for at in released):
        raise Later(BUSY)
    ours = not any(state.foreign for state in sight.states) and all(lock.operation == Operation.SYNC for lock in locks)
    return Found(sight.at, interrupted=Tell(Kind.INTERRUPTED, sight.state.state, sight.state.next), ours=ours)


def _method(client: Client) -> str:
    return ", ".join(client.authentication_methods) or client.auth_method


def _await_spreading(session: Session, states: Iterable[SinkState]) -> None:
    # Until a change of the bridge's own has spread, Auth0 may refuse the value that is right.
    for state in states:
        changes = (state.record.promoted_at if state.record else None, state.released)
        for left in (session.timing.propagation + SECOND - (state.at - at) for at in changes if at):
            if left > timedelta():
                raise Later(left)


def _same(before: Sequence[SinkState], after: Sequence[SinkState]) -> None:
    # An operation that began meanwhile has perhaps changed the value that was asked about.
    for old, new in zip(before, after, strict=True):
        if new.lock or (old.record, old.released) != (new.record, new.released):
            raise Later(BUSY)


def judge(session: Session, sight: Sight, exchanges: Iterable[Exchange], known: Known) -> Decision:
    """Return what failed exchanges of a client mean: who of them is a consumer with an old value.

    Raises:
        Auth0Error: the log cannot be searched.
    """
    client_id = session.settings.client_id
    change = max(state.record.promoted_at for state in sight.states if state.record)
    since = change + session.timing.propagation
    tally = Tally.of(exchange for exchange in exchanges if exchange.at >= since)
    addresses = dict.fromkeys(source.address for source in tally.latest_first())
    # Strangers come from many addresses. Those that were asked about cost nothing the next time.
    new = [each for each in addresses if (client_id, change, each) not in known][:ADDRESSES]
    for address in new:
        known[client_id, change, address] = _succeeded(session, change, address)
    for address in addresses:
        tally.known(known.get((client_id, change, address), {}))
    _remembered(session, sight, tally, change)
    sources = (source for source in tally.latest_first() if source.known)
    return failures(sight.note, client_id, sources, sight.at, _history(session, sight))


def _succeeded(session: Session, change: datetime, address: str) -> dict[Key, datetime]:
    """Return when each agent at an address succeeded last before the change."""
    found = search(session.auth0, session.settings.client_id, SUCCEEDED, until=change, address=address, most=OF_ONE)
    return {(each.address, each.agent): each.at for each in reversed(found.exchanges)}


def _remembered(session: Session, sight: Sight, tally: Tally, change: datetime) -> None:
    """Add what `evidence --record` knows of sources, where the log has forgotten their successes."""
    if checkpoint := latest(state.noted for state in sight.states):
        for key in tuple(tally.sources):
            told = checkpoint.sources.get(digest_of(key, session.settings.client_id))
            if told and told.first and told.first <= change:
                tally.known({key: min(told.last or told.first, change)})


def _history(session: Session, sight: Sight) -> dict[str, Source]:
    """Return what the log knows of the sources in question, by their digests. A note does not have their names."""
    since = in_question(sight.note, sight.at)
    if since is None:
        return {}
    client_id = session.settings.client_id
    tally = Tally.of(search(session.auth0, client_id, FAILED, since=since).exchanges)
    return {digest_of(key, client_id): source for key, source in tally.sources.items()}

"""Reads a client before anything is changed, and translates the errors of that.

These reads are what claims are compared with. Whatever changes between a read and its claim makes the claim fail.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from bridge.execution.session import Session
from bridge.model.errors import BridgeError, Failed, Refused, Usage
from bridge.model.operation import Operation
from bridge.model.plan import Plan
from bridge.planning.rights import asked
from sinks.port import BadAddress, Busy, Lock, SinkError, SinkState, Stage, Unavailable
from sinks.port import Refused as SinkRefused
from sinks.record import stamp
from sinks.secret import unlike

if TYPE_CHECKING:
    from bridge.auth0.client import Client
    from sinks.secret import Secret


@dataclass(frozen=True)
class Snapshot:
    """The client and its sinks, as they were read before an operation.

    `read` is the monotonic time at which the vaults' clocks showed `at`. `notes` are what the user should know.
    """

    client: Client
    sinks: tuple[SinkState, ...]
    at: datetime
    read: float
    notes: tuple[str, ...] = ()

    def server_time(self, monotonic: float) -> datetime:
        """Return the vaults' time at a later monotonic moment.

        This machine's clock may be wrong. Only the time that has passed is taken from it.
        """
        return self.at + timedelta(seconds=monotonic - self.read)


def survey(session: Session) -> tuple[SinkState, ...]:
    """Read the metadata of every sink, but no values.

    Raises:
        BridgeError: a sink cannot be read.
    """
    try:
        return tuple(sink.survey() for sink in session.sinks.values())
    except SinkError as error:
        raise translate(error) from None


def read(session: Session) -> Snapshot:
    """Read both ends: the client at Auth0, and every sink with its values.

    Raises:
        BridgeError: something cannot be read, or is unfit. Nothing was changed.
    """
    client = session.auth0.get_client(session.settings.client_id)
    try:
        sinks = tuple(sink.read() for sink in session.sinks.values())
    except SinkError as error:
        raise translate(error) from None
    notes = tuple(note for state in sinks for note in state.notes)
    return Snapshot(client, sinks, max(p.at for p in sinks), session.clock.monotonic(), notes)


def read_what_can_be(session: Session) -> tuple[Snapshot, dict[str, SinkError]]:
    """Read both ends as `read` does, but leave out the sinks that do not answer.

    The errors of those sinks are returned by URI.

    Raises:
        BridgeError: nothing can be read, or a sink is unfit. Nothing was changed.
    """
    client = session.auth0.get_client(session.settings.client_id)
    sinks, away = list[SinkState](), dict[str, SinkError]()
    for uri, sink in session.sinks.items():
        try:
            sinks.append(sink.read())
        # Only a server that does not answer is left out. A wrong address or a missing right is a mistake to mend.
        except Unavailable as error:
            away[uri] = error
        except SinkError as error:
            raise translate(error) from None
    if not sinks:
        raise translate(next(iter(away.values())))
    notes = tuple(note for state in sinks for note in state.notes)
    return Snapshot(client, tuple(sinks), max(p.at for p in sinks), session.clock.monotonic(), notes), away


def staged(sinks: Iterable[SinkState]) -> tuple[Secret, ...]:
    """Return the different values at any stage of any sink, current ones first.

    The order matters for probing: the current value is the likeliest one.
    """
    stages, found = (Stage.CURRENT, Stage.PENDING, Stage.FALLBACK), tuple(sinks)
    return unlike((), [value for stage in stages for state in found if (value := state.value(stage))])


def recall(session: Session, fingerprint: str, *uris: str, endable: bool = False) -> Secret | None:
    """Return a value that is at no stage any more, from any of the sinks that still holds it.

    `fingerprint` names the value. With `endable`, it is returned only where retiring it would change something.

    Raises:
        BridgeError: a sink cannot be read.
    """
    try:
        # Lazily, because the first sink that has it suffices and each further one costs requests.
        found = (session.sinks[uri].recall(fingerprint, session.settings.client_id, endable=endable) for uri in uris)
        return next((value for value in found if value), None)
    except SinkError as error:
        raise translate(error) from None


def check(session: Session, sinks: tuple[SinkState, ...], plan: Plan, lock: Lock) -> tuple[str, ...]:
    """Make sure that a plan may be carried out in every sink.

    Returns, as sentences, what cannot be known beforehand.

    Raises:
        BridgeError: a permission is missing. Nothing was changed.
    """
    try:
        wanted = ((state, asked(plan, state, lock.sibling_keys)) for state in sinks)
        return tuple(note for state, deeds in wanted if deeds for note in session.sinks[state.uri].check(state, deeds))
    except SinkRefused as error:
        if plan.operation in (Operation.COMPROMISED, Operation.SETTLE):
            return (error.message,)  # what readers need must not wait for room among tags
        raise translate(error) from None
    except SinkError as error:
        raise translate(error) from None


def translate(error: SinkError) -> BridgeError:
    """Return a sink's error as one with an exit status, for the time when nothing was changed yet.

    An error that came from a call which may have changed something must not be translated here.
    """
    if isinstance(error, BadAddress):
        return Usage(error.message, hint=error.hint)
    if isinstance(error, Busy):
        who = f": {told(error.lock)}" if error.lock else ""
        return Refused(f"{error.message}{who}", error.hint or "wait for it, then run this again")
    if isinstance(error, SinkRefused):
        return Refused(error.message, error.hint)
    return Failed(error.message, error.hint)


def told(lock: Lock) -> str:
    """Return who holds a sink, since when and until when, as the end of a sentence."""
    return (
        f"{lock.operation} {lock.id} by {lock.actor}, begun {stamp(lock.started)}, "
        f"counts as live until {stamp(lock.expected_end)}"
    )

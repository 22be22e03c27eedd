"""Reads a client before anything is changed, and translates the errors of that."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from bridge.execution.session import Job
from bridge.model.errors import BridgeError, Failed, Refused, Usage
from bridge.model.operation import Operation
from bridge.model.plan import Plan
from bridge.planning.rights import asked
from sinks.port import BadAddress, Busy, Lock, Place, SinkError, Stage, Unavailable
from sinks.port import Refused as SinkRefused
from sinks.record import stamp
from sinks.secret import unlike

if TYPE_CHECKING:
    from bridge.auth0.client import Client
    from sinks.secret import Secret


@dataclass(frozen=True)
class Seen:
    """The client and its places, as they were read before an operation.

    `read` is the monotonic time at which the vaults' clocks showed `at`. `notes` are what the user should know.
    """

    client: Client
    places: tuple[Place, ...]
    at: datetime
    read: float
    notes: tuple[str, ...] = ()

    def server_time(self, monotonic: float) -> datetime:
        """Return the vaults' time at a later monotonic moment."""
        return self.at + timedelta(seconds=monotonic - self.read)


def survey(job: Job) -> tuple[Place, ...]:
    """Read the metadata of every place, but no values.

    Raises:
        BridgeError: a place cannot be read.
    """
    try:
        return tuple(sink.survey() for sink in job.sinks.values())
    except SinkError as error:
        raise translate(error) from None


def read(job: Job) -> Seen:
    """Read both ends: the client at Auth0, and every place with its values.

    Raises:
        BridgeError: something cannot be read, or is unfit. Nothing was changed.
    """
    client = job.auth0.get_client(job.settings.client_id)
    try:
        places = tuple(sink.read() for sink in job.sinks.values())
    except SinkError as error:
        raise translate(error) from None
    notes = tuple(note for place in places for note in place.notes)
    return Seen(client, places, max(p.at for p in places), job.clock.monotonic(), notes)


def read_what_can_be(job: Job) -> tuple[Seen, dict[str, SinkError]]:
    """Read both ends as `read` does, but leave out the places that do not answer.

    The errors of those places are returned by URI.

    Raises:
        BridgeError: nothing can be read, or a place is unfit. Nothing was changed.
    """
    client = job.auth0.get_client(job.settings.client_id)
    places, away = list[Place](), dict[str, SinkError]()
    for uri, sink in job.sinks.items():
        try:
            places.append(sink.read())
        except Unavailable as error:
            away[uri] = error
        except SinkError as error:
            raise translate(error) from None
    if not places:
        raise translate(next(iter(away.values())))
    notes = tuple(note for place in places for note in place.notes)
    return Seen(client, tuple(places), max(p.at for p in places), job.clock.monotonic(), notes), away


def staged(places: Iterable[Place]) -> tuple[Secret, ...]:
    """Return the different values at any stage of any place, current ones first."""
    stages, found = (Stage.CURRENT, Stage.PENDING, Stage.FALLBACK), tuple(places)
    return unlike((), [value for stage in stages for place in found if (value := place.value(stage))])


def recall(job: Job, fingerprint: str, *uris: str, endable: bool = False) -> Secret | None:
    """Return a value that is at no stage any more, from any of the places that still holds it.

    `fingerprint` names the value. With `endable`, it is returned only where retiring it would change something.

    Raises:
        BridgeError: a place cannot be read.
    """
    try:
        found = (job.sinks[uri].recall(fingerprint, job.settings.client_id, endable=endable) for uri in uris)
        return next((value for value in found if value), None)
    except SinkError as error:
        raise translate(error) from None


def check(job: Job, places: tuple[Place, ...], plan: Plan, lock: Lock) -> tuple[str, ...]:
    """Make sure that a plan may be carried out in every place.

    Returns, as sentences, what cannot be known beforehand.

    Raises:
        BridgeError: a permission is missing. Nothing was changed.
    """
    try:
        wanted = ((place, asked(plan, place, lock.companions)) for place in places)
        return tuple(note for place, deeds in wanted if deeds for note in job.sinks[place.uri].check(place, deeds))
    except SinkRefused as error:
        if plan.operation in (Operation.COMPROMISED, Operation.SETTLE):
            return (error.message,)  # what readers need must not wait for room among tags
        raise translate(error) from None
    except SinkError as error:
        raise translate(error) from None


def translate(error: SinkError) -> BridgeError:
    """Return a sink's error as one with an exit status, for the time when nothing was changed yet."""
    if isinstance(error, BadAddress):
        return Usage(error.message, hint=error.hint)
    if isinstance(error, Busy):
        who = f": {told(error.lock)}" if error.lock else ""
        return Refused(f"{error.message}{who}", error.hint or "wait for it, then run this again")
    if isinstance(error, SinkRefused):
        return Refused(error.message, error.hint)
    return Failed(error.message, error.hint)


def told(lock: Lock) -> str:
    """Return who holds a place, since when and until when, as the end of a sentence."""
    return (
        f"{lock.operation} {lock.id} by {lock.actor}, begun {stamp(lock.started)}, "
        f"counts as live until {stamp(lock.expected_end)}"
    )

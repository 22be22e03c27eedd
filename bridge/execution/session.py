"""One client with everything that an operation on it needs."""

from __future__ import annotations

import getpass
import os
import secrets
import socket
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from bridge.model.client_ref import Whose
from bridge.model.errors import BridgeError, Failed, Refused, Usage
from bridge.model.operation import CHANGES, Operation
from bridge.model.plan import Plan
from bridge.model.progress import Silent, Stop, Watcher
from bridge.model.timing import Timing
from bridge.model.trail import Trail
from bridge.planning.rights import asked
from sinks.clock import Clock
from sinks.companions import Companions
from sinks.port import BadAddress, Busy, Lock, Place, Sink, SinkError, Stage, Unavailable
from sinks.port import Refused as SinkRefused
from sinks.record import stamp, tag_text
from sinks.secret import unlike

if TYPE_CHECKING:
    from bridge.auth0.api import Auth0
    from bridge.auth0.client import Client
    from bridge.config.settings import ClientSettings
    from sinks.secret import Secret


@dataclass
class Job:
    """One client, its tenant and its places, sorted by URI.

    `credentials` names the environment variables by which the configuration refers to the bridge's own secrets.
    `trail` is noted for the audit record, if there is one.
    """

    settings: ClientSettings
    auth0: Auth0
    sinks: dict[str, Sink]
    clock: Clock
    timing: Timing
    actor: str
    watcher: Watcher = field(default_factory=Silent)
    stop: Stop = field(default_factory=Stop)
    credentials: frozenset[str] = frozenset()
    trail: Trail = field(default_factory=Trail)

    @property
    def uris(self) -> tuple[str, ...]:
        """The places' names, sorted: the order in which they are claimed."""
        return tuple(self.sinks)

    @property
    def whose(self) -> Whose:
        """Who the places belong to."""
        return Whose(self.settings.client_id, self.auth0.name, self.settings.name, self.settings.sinks)


@dataclass(frozen=True)
class Seen:
    """What was read before an operation. `read` is the monotonic time at which the places' clocks said `at`."""

    client: Client
    places: tuple[Place, ...]
    at: datetime
    read: float
    notes: tuple[str, ...] = ()

    def server_time(self, monotonic: float) -> datetime:
        """Return the vaults' time at a later moment."""
        return self.at + timedelta(seconds=monotonic - self.read)


def survey(job: Job) -> tuple[Place, ...]:
    """Read the metadata of every place.

    Raises:
        BridgeError: one cannot be read.
    """
    try:
        return tuple(sink.survey() for sink in job.sinks.values())
    except SinkError as error:
        raise translate(error) from None


def read(job: Job) -> Seen:
    """Read both ends: the client and every place, with values.

    Raises:
        BridgeError: something cannot be read, or is unfit; nothing was changed.
    """
    client = job.auth0.get_client(job.settings.client_id)
    try:
        places = tuple(sink.read() for sink in job.sinks.values())
    except SinkError as error:
        raise translate(error) from None
    notes = tuple(note for place in places for note in place.notes)
    return Seen(client, places, max(p.at for p in places), job.clock.monotonic(), notes)


def read_what_can_be(job: Job) -> tuple[Seen, dict[str, SinkError]]:
    """Read both ends as `read` does, without the places that do not answer; return why, by their names.

    Raises:
        BridgeError: nothing can be read, or a place is unfit; nothing was changed.
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
    """Return the different values at any stage of any place: current ones first."""
    stages, found = (Stage.CURRENT, Stage.PENDING, Stage.FALLBACK), tuple(places)
    return unlike((), [value for stage in stages for place in found if (value := place.value(stage))])


def recall(job: Job, fingerprint: str, *uris: str, endable: bool = False) -> Secret | None:
    """Return a value that is at no stage any more, from whichever of the places still holds it.

    `endable`: only where retiring it would change something.

    Raises:
        BridgeError: a place cannot be read.
    """
    try:
        found = (job.sinks[uri].recall(fingerprint, job.settings.client_id, endable=endable) for uri in uris)
        return next((value for value in found if value), None)
    except SinkError as error:
        raise translate(error) from None


def key_of(uri: str, job: Job) -> str | None:
    """Return the key that a place's value stands at; None when the value is the whole text."""
    for said in job.settings.sinks:
        place, _, rest = said.partition("#")
        if place == uri:
            return rest or "client_secret"
        if place.partition("?")[0] == uri:
            return None
    return "client_secret"


SWITCHES = CHANGES | {Operation.ADOPT, Operation.SYNC, Operation.SETTLE}
"""The operations that write the record anew, by which documents get companions or lose them."""


def companions(job: Job, places: tuple[Place, ...], operation: str) -> Companions:
    """Return what an operation does about the companions in the documents.

    By what is there; where the settings say anything else, the operations that may switch do so.
    """
    there, wanted = {place.companions for place in places}, job.settings.companions
    known = next((each for each in (Companions.KEEP, Companions.WERE) if each in there), Companions.NONE)
    if operation == Operation.FORGET:
        return Companions.NONE
    if wanted is None or operation not in SWITCHES:
        return known
    if wanted:
        return Companions.KEEP
    return Companions.END if known is Companions.KEEP else known


def check(job: Job, places: tuple[Place, ...], plan: Plan, lock: Lock) -> tuple[str, ...]:
    """Make sure that a plan may be carried out in every place; return what cannot be known beforehand.

    Raises:
        BridgeError: a permission is missing; nothing was changed.
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
    """Turn a sink's error into one with an exit status, when nothing was changed yet."""
    if isinstance(error, BadAddress):
        return Usage(error.message, hint=error.hint)
    if isinstance(error, Busy):
        who = f": {told(error.lock)}" if error.lock else ""
        return Refused(f"{error.message}{who}. Nothing was changed.", error.hint or "wait for it, then run this again")
    if isinstance(error, SinkRefused):
        return Refused(error.message, error.hint)
    return Failed(f"{error.message}. Nothing was changed.", error.hint)


def told(lock: Lock) -> str:
    """Return who holds a place, since when and until when, as the end of a sentence."""
    return (
        f"{lock.operation} {lock.id} by {lock.actor}, begun {stamp(lock.started)}, "
        f"counts as live until {stamp(lock.expected_end)}"
    )


def new_id() -> str:
    """Return a new rotation's id."""
    return f"r-{secrets.token_hex(4)}"


def ci_run(environ: Mapping[str, str]) -> str | None:
    """Return the CI run that this process says it is part of; None where it says nothing."""
    if environ.get("GITHUB_ACTIONS"):
        return tag_text(f"github:{environ.get('GITHUB_REPOSITORY', '?')}/runs/{environ.get('GITHUB_RUN_ID', '?')}")
    if environ.get("GITLAB_CI"):
        return tag_text(f"gitlab:{environ.get('CI_PROJECT_PATH', '?')}/jobs/{environ.get('CI_JOB_ID', '?')}")
    return None


def claimed_actor(environ: Mapping[str, str]) -> str:
    """Return who this process says it is: a CI run where there is one, else user and host."""
    if run := ci_run(environ):
        return run
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = str(os.getuid())
    return tag_text(f"{user}@{socket.gethostname()}".replace(" ", "_"))

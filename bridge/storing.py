"""Storing a value that Auth0 accepts, or is about to, in every place that is held."""

from __future__ import annotations

from bridge.job import Job
from sinks.port import Held, SinkError, Unavailable
from sinks.secret import Secret

TRIES = 5


def store_everywhere(job: Job, held: dict[str, Held], value: Secret) -> None:
    """Store `value` as pending in every place; one that fails does not keep the others from having it.

    Raises:
        SinkError: the first failure, after all others were tried.
    """
    failure: SinkError | None = None
    for uri, mine in held.items():
        try:
            held[uri] = _stored(job, mine, value)
        except SinkError as error:
            failure = failure or error
    if failure is not None:
        raise failure


def _stored(job: Job, held: Held, value: Secret) -> Held:
    for _ in range(TRIES - 1):
        try:
            return job.sinks[held.uri].store(held, value)
        except Unavailable:  # it is a compare-and-set: trying again does no harm
            job.clock.sleep(job.timing.lease.total_seconds() / 10)
    return job.sinks[held.uri].store(held, value)

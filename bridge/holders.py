"""Which operation holds the places, also where it died before it could write its name."""

from __future__ import annotations

from dataclasses import replace

from bridge.guards import holder
from bridge.job import Job, Seen, companions
from bridge.plan import Operation
from sinks.port import Lock


def interrupted(job: Job, seen: Seen) -> tuple[Seen, Lock | None]:
    """Return the operation that holds the places, naming the one whose name was not written yet.

    Raises:
        Refused: different operations hold them.
    """
    places = tuple(
        replace(p, lock=_named(job, seen, p.unnamed)) if p.unnamed and p.lock is None else p for p in seen.places
    )
    return replace(seen, places=places), holder(places)


def _named(job: Job, seen: Seen, lock: Lock) -> Lock:
    """Complete the lock of an operation that died before it wrote its name, or whose tags somebody replaced."""
    known = next((p.lock for p in seen.places if p.lock and p.lock.id == lock.id), None)
    if known is not None:
        return replace(known, operation=lock.operation, base=lock.base, ends=lock.ends, holder=lock.holder)
    fenced, refresh = lock.started + job.timing.fence, job.settings.consumer_refresh
    return replace(
        lock,
        expected_end=lock.started + job.timing.margin,
        fenced=fenced,
        client_id=job.settings.client_id,
        tenant=job.auth0.name,
        places=job.uris,
        companions=companions(job, seen.places, lock.operation),
        not_before=fenced + refresh if refresh and lock.operation == Operation.ROTATE else None,
    )

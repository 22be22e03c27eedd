"""Before a retirement, under the lock: proof that what goes is dead, and what stays is alive."""

from __future__ import annotations

from collections.abc import Iterable

from bridge.auth0.client import Client
from bridge.auth0.probe import Verdict
from bridge.errors import Failed, Refused
from bridge.job import Job
from sinks.port import Stage


def prove(job: Job, client: Client, uris: Iterable[str]) -> None:
    """Read each place again and make sure that Auth0 accepts current and refuses the fallback.

    Raises:
        Refused: it does not.
        Failed: it could not be told.
    """
    for uri in uris:
        place = job.sinks[uri].read()
        current, fallback = place.value(Stage.CURRENT), place.value(Stage.FALLBACK)
        of_current = job.auth0.probe(client, current) if current else Verdict.REFUSED
        of_fallback = job.auth0.probe(client, fallback) if fallback else Verdict.REFUSED
        if Verdict.UNKNOWN in (of_current, of_fallback):
            raise Failed("Auth0 did not say which of the values it accepts", "try again")
        if of_current is Verdict.REFUSED:
            raise Refused(f"Auth0 does not accept the current value in {uri}", "run verify")
        if of_fallback is Verdict.ACCEPTED:
            raise Refused(f"Auth0 still accepts the fallback's value in {uri}", "try again when it has spread")

"""Asking both ends again under the lock, before something is done that cannot be undone."""

from __future__ import annotations

from collections.abc import Iterable

from bridge.auth0.client import Client
from bridge.auth0.probe import Verdict
from bridge.execution.propagation import settle
from bridge.execution.session import Job
from bridge.model.errors import Failed, Incomplete, Refused
from bridge.model.outcome import Settled
from bridge.model.progress import pause
from sinks.port import Stage
from sinks.secret import Secret


class Changed(Incomplete):
    """Auth0's value was changed by somebody else while it was being published."""


def prove(job: Job, client: Client, uris: Iterable[str]) -> None:
    """Before a retirement: make sure that Auth0 accepts current and refuses the fallback, as each place has them now.

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


def confirm(job: Job, client: Client, value: Secret) -> None:
    """Make sure that Auth0 still holds a value: by reading it where that is allowed, else by probing.

    Raises:
        Changed: it does not.
        Failed: it could not be told.
    """
    live = job.auth0.live_secret(client.client_id)
    if live == value:
        return
    verdict = Verdict.REFUSED if live else job.auth0.probe(client, value)
    if live is None and verdict is Verdict.REFUSED:  # one refused probe proves nothing while a change spreads
        why = "an earlier change may still be spreading at Auth0"
        pause(job.timing.propagation, why, clock=job.clock, watcher=job.watcher, stop=lambda: job.stop.asked)
        verdict = job.auth0.probe(client, value)
    if verdict is Verdict.UNKNOWN:
        raise Failed("Auth0 did not say whether it accepts the value", "try again")
    if verdict is Verdict.REFUSED:
        raise Changed("somebody changed the value at Auth0 meanwhile", f"{job.whose.command('sync')}")


def await_refusal(job: Job, client: Client, alive: Secret, ending: tuple[Secret, ...], *, since: float) -> Settled:
    """Probe until Auth0 accepts one value, and refuses all others that end, throughout the proof.

    `since` is the monotonic time of the change.

    Raises:
        Failed: that took too long, or somebody asked to stop.
    """
    settled = settle(job, client, alive, ending[0] if ending else None, since=since, ending=ending)
    if settled.proven:
        return settled
    if job.stop.asked:
        raise Failed("stopped as asked, before it was proven that Auth0 refuses what ends")
    raise Failed("it could not be proven that Auth0 refuses what ends, and accepts what was set", "try again")

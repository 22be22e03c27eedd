"""Asks both ends again under the lock, before a step that cannot be undone.

What was read before the lock may be stale, because another operation may have ended in between and Auth0's dashboard
takes no lock.
"""

from __future__ import annotations

from collections.abc import Iterable

from bridge.auth0.client import Client
from bridge.auth0.probe import Verdict
from bridge.execution.propagation import await_propagation
from bridge.execution.session import Session
from bridge.model.errors import Failed, Incomplete, Refused
from bridge.model.outcome import Propagated
from bridge.model.progress import pause
from sinks.port import Stage
from sinks.secret import Secret


class Changed(Incomplete):
    """The value at Auth0 was changed elsewhere while it was being published.

    `sync` gives its sinks back after this error and begins anew.
    """


def prove(session: Session, client: Client, uris: Iterable[str]) -> None:
    """Make sure, before a retirement, that Auth0 accepts the current value and refuses the fallback's.

    Each sink is read again, because it may have changed since the check before the lock.

    Raises:
        Refused: Auth0 does not accept the current value, or still accepts the fallback's.
        Failed: Auth0 gave no answer.
    """
    for uri in uris:
        state = session.sinks[uri].read()
        current, fallback = state.value(Stage.CURRENT), state.value(Stage.FALLBACK)
        # A missing value counts as refused: without a current value a retirement would take the last copy.
        of_current = session.auth0.probe(client, current) if current else Verdict.REFUSED
        of_fallback = session.auth0.probe(client, fallback) if fallback else Verdict.REFUSED
        if Verdict.UNKNOWN in (of_current, of_fallback):
            raise Failed("Auth0 did not say which of the values it accepts", "try again")
        if of_current is Verdict.REFUSED:
            raise Refused(f"Auth0 does not accept the current value in {uri}", "run verify")
        if of_fallback is Verdict.ACCEPTED:
            raise Refused(f"Auth0 still accepts the fallback's value in {uri}", "try again when it has spread")


def confirm(session: Session, client: Client, value: Secret) -> None:
    """Make sure that Auth0 still holds a value.

    The value is read from Auth0 where that is allowed, and probed otherwise.

    Raises:
        Changed: Auth0 does not hold it any more.
        Failed: Auth0 gave no answer.
    """
    live = session.auth0.live_secret(client.client_id)
    if live == value:
        return
    # A value that was read decides without a probe. Where reading is not allowed, only a probe can tell.
    verdict = Verdict.REFUSED if live else session.auth0.probe(client, value)
    if live is None and verdict is Verdict.REFUSED:  # one refused probe proves nothing while a change spreads
        why = "an earlier change may still be spreading at Auth0"
        pause(
            session.timing.propagation,
            why,
            clock=session.clock,
            watcher=session.watcher,
            stop=lambda: session.stop.asked,
        )
        verdict = session.auth0.probe(client, value)
    if verdict is Verdict.UNKNOWN:
        raise Failed("Auth0 did not say whether it accepts the value", "try again")
    if verdict is Verdict.REFUSED:
        raise Changed("somebody changed the value at Auth0 meanwhile", f"{session.client_ref.command('sync')}")


def await_refusal(
    session: Session, client: Client, alive: Secret, ending: tuple[Secret, ...], *, since: float
) -> Propagated:
    """Probe until Auth0 accepts `alive` and refuses all of `ending`, throughout the proof.

    `since` is the monotonic time of the change.

    Raises:
        Failed: the proof took too long, or a stop was requested.
    """
    settled = await_propagation(session, client, alive, ending[0] if ending else None, since=since, ending=ending)
    if settled.proven:
        return settled
    if session.stop.asked:
        raise Failed("stopped as asked, before it was proven that Auth0 refuses what ends")
    raise Failed("it could not be proven that Auth0 refuses what ends, and accepts what was set", "try again")

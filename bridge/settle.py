"""After a change at Auth0: probing until it has spread."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Protocol

from bridge.auth0.client import Client
from bridge.auth0.probe import Verdict
from bridge.outcome import Settled
from bridge.timing import Timing
from bridge.watch import Watcher, pause
from sinks.clock import Clock
from sinks.secret import Secret

PROBES = 12
OLD_PROBES = 6


class Prober(Protocol):
    """Whoever can ask Auth0 about a value."""

    def probe(self, client: Client, secret: Secret) -> Verdict:
        """Ask once whether it is accepted."""
        ...


def settle(
    prober: Prober,
    client: Client,
    new: Secret,
    old: Secret | None,
    *,
    since: float,
    timing: Timing,
    clock: Clock,
    watcher: Watcher,
    stop: Callable[[], bool],
) -> Settled:
    """Probe until `new` was accepted throughout `timing.proof` and the propagation time has passed since the change.

    `since` is the change's monotonic time. A refused probe only begins the proof anew: within the propagation time one
    answer proves nothing. At most 12 probes of the new value; gives up after `timing.patience`, unproven.
    """
    propagation, proof = timing.propagation.total_seconds(), timing.proof.total_seconds()
    accepted = asked = 0
    good_since: float | None = None
    while not stop():
        now = clock.monotonic()
        spent = now - since
        verdict = prober.probe(client, new)
        asked += 1
        accepted += verdict is Verdict.ACCEPTED
        good_since = (good_since if good_since is not None else now) if verdict is Verdict.ACCEPTED else None
        if spent >= propagation and good_since is not None and now - good_since >= proof:
            refused = _refusals(prober, client, old)
            return Settled(
                proven=True,
                accepted=accepted,
                asked=asked,
                refused=refused,
                asked_old=OLD_PROBES if old else 0,
                seconds=clock.monotonic() - since,
            )
        left = timing.patience.total_seconds() - spent
        if left <= 0:
            break
        every = _interval(spent, asked, propagation, proof, left)
        why = "the change spreads at Auth0; everything is stored, Ctrl-C is safe"
        pause(timedelta(seconds=min(every, left)), why, clock=clock, watcher=watcher, stop=stop)
    return Settled(proven=False, accepted=accepted, asked=asked, seconds=clock.monotonic() - since)


def _interval(spent: float, asked: int, propagation: float, proof: float, left: float) -> float:
    """Return the seconds to the next probe: seldom while either value may be met, often when it should be over.

    Few probes, also when Auth0 is slow to agree: they count towards the tenant's rate limit and stand in its logs.
    """
    if spent < propagation - proof:
        return min(propagation / 3, propagation - proof - spent + 0.001)
    return proof / 4 if asked < PROBES else max(proof / 4, left / 2)


def _refusals(prober: Prober, client: Client, old: Secret | None) -> int:
    if old is None:
        return 0
    return sum(prober.probe(client, old) is Verdict.REFUSED for _ in range(OLD_PROBES))

"""Probes after a change at Auth0 until it has spread.

Reading the value back would prove that it is stored, and not that all of Auth0 knows it (ADR 15). The wait comes after
the promotion and outside of the lock, so it may be cut short (ADR 8).
"""

from __future__ import annotations

from datetime import timedelta

from bridge.auth0.client import Client
from bridge.auth0.probe import Verdict
from bridge.execution.session import Session
from bridge.model.outcome import Propagated
from bridge.model.progress import pause
from bridge.model.timing import Timing
from sinks.secret import Secret

PROBES = 12
"""After so many probes of the new value the intervals between them grow."""
OLD_PROBES = 6
"""How often the old value is probed once the new one is proven."""
WHY = "spreading at Auth0; all is stored, Ctrl-C is safe"


def await_propagation(
    session: Session, client: Client, new: Secret, old: Secret | None, *, since: float, ending: tuple[Secret, ...] = ()
) -> Propagated:
    """Probe until `new` was accepted throughout `timing.proof`, and the change has had its propagation time.

    `since` is the monotonic time of the change. A refused probe only begins the proof anew, because one answer proves
    nothing within the propagation time. `ending` are values that have to be refused all that time. `old` must not be
    accepted afterwards.

    It takes about 12 probes of each value. After `timing.patience`, or when it is asked to stop, it returns an unproven
    result.
    """
    timing, clock = session.timing, session.clock
    accepted = asked = 0
    good_since: float | None = None
    while not session.stop.asked:
        at = clock.monotonic()
        good = session.auth0.probe(client, new) is Verdict.ACCEPTED
        # `all` ends at the first value that is not refused, because the proof begins anew then in any case.
        gone = all(session.auth0.probe(client, value) is Verdict.REFUSED for value in ending)
        asked, accepted = asked + 1, accepted + good
        good_since = (at if good_since is None else good_since) if good and gone else None
        proven = good_since is not None and at - good_since >= timing.proof.total_seconds()
        if proven and at - since >= timing.propagation.total_seconds():
            of_old = [session.auth0.probe(client, old) for _ in range(OLD_PROBES)] if old else []
            if Verdict.ACCEPTED not in of_old:
                refused = of_old.count(Verdict.REFUSED)
                spent = clock.monotonic() - since
                return Propagated(True, accepted, asked, refused, len(of_old), spent)  # noqa: FBT003  # proven
            # The old value is still accepted somewhere, so the proof begins anew.
            good_since = None
        left = timing.patience.total_seconds() - (at - since)
        if left <= 0:
            break
        seconds = min(left, _interval(timing, at - since, asked, left))
        pause(timedelta(seconds=seconds), WHY, clock=clock, watcher=session.watcher, stop=lambda: session.stop.asked)
    return Propagated(False, accepted, asked, seconds=clock.monotonic() - since)  # noqa: FBT003  # not proven


def _interval(timing: Timing, spent: float, asked: int, left: float) -> float:
    """Return the seconds to the next probe.

    Probes are rare while either value may be accepted, and frequent when the change should have spread. There are few
    of them even if Auth0 is slow, because they count towards the tenant's rate limit and appear in its logs.
    """
    propagation, proof = timing.propagation.total_seconds(), timing.proof.total_seconds()
    if spent < propagation - proof:
        # A millisecond more, so that the probe falls into the time of the proof and not just before it.
        return min(propagation / 3, propagation - proof - spent + 0.001)
    return proof / 4 if asked < PROBES else max(proof / 4, left / 2)

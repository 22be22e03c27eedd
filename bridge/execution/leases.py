"""The sinks that an operation holds, and the leases within which it may make calls."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import TypeVar

from bridge.execution.session import Session
from sinks.port import Expired, Lease, Lockable, SinkError, Unavailable
from sinks.secret import Secret

T = TypeVar("T")
TRIES = 5
"""How often a call is tried."""


class Leases:
    """The sinks that an operation holds, by URI, in the order in which they were taken.

    A look reads the locks again and makes sure that they are still ours. It begins a lease. A call without
    compare-and-set has to end within that lease.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._held: dict[str, Lease] = {}

    def __getitem__(self, uri: str) -> Lease:
        return self._held[uri]

    @property
    def uris(self) -> tuple[str, ...]:
        """The URIs of the held sinks.

        They come in the order in which the sinks were taken.
        """
        return tuple(self._held)

    def add(self, lease: Lease) -> None:
        """Add a sink that was taken, or replace a held one by its new lease."""
        self._held[lease.uri] = lease

    def release(self, uri: str, outcome: str, ended: tuple[Secret, ...] = ()) -> None:
        """Release one sink. `ended` are values that are not needed there any more.

        Their copies under the lock go with it, because Auth0 refuses them or never had them. If the release fails, the
        sink stays held here.

        Raises:
            SinkError: the sink was not released, or that is unknown.
        """
        self._sink(uri).release(self._held[uri], outcome, ended=ended)
        # Only now: a release that failed leaves the sink locked, and the report has to say so.
        del self._held[uri]

    def give_back(self, ended: tuple[Secret, ...] = ()) -> bool:
        """Release all sinks as far as possible, the last one first.

        Returns whether no sink is held any more.
        """
        for uri in reversed(self.uris):
            # One sink that fails must not keep the others locked until their locks count as dead.
            with suppress(SinkError):
                self.release(uri, "given up", ended)
        return not self._held

    def based_on(self, fingerprint: str) -> None:
        """Note which value was current before, where that is found out under the lock only.

        Only the leases in memory change. The next write of a lock carries it into the sinks.
        """
        self._held = {
            uri: replace(lease, lock=replace(lease.lock, base=fingerprint)) for uri, lease in self._held.items()
        }

    def forget_looks(self) -> None:
        """Invalidate all looks, so that the next call begins with a look of its own.

        This sends no request.
        """
        self._held = {uri: replace(lease, renewed=-math.inf) for uri, lease in self._held.items()}

    def within_lease(self, call: Callable[[float], T], *, claimed: bool = False) -> T:
        """Look at all sinks, and call `call` with the monotonic end of the lease.

        A call that was certainly not sent in time is tried again after another look. With `claimed` the answers to the
        claims count as the first look, if at least half of their lease is left.

        Raises:
            Lost: a sink is not held by this operation any more.
            Unavailable: the looks take too long.
        """
        seconds, why = self._session.timing.lease.total_seconds(), ""
        for number in range(TRIES):
            # The oldest look counts, because every sink has to be ours when the call is made.
            spent = self._session.clock.monotonic() - min(lease.renewed for lease in self._held.values())
            if number or not claimed or spent >= seconds / 2:
                self._held = {uri: self._sink(uri).renew(lease) for uri, lease in self._held.items()}
            try:
                return call(min(lease.renewed for lease in self._held.values()) + seconds)
            # `Expired` proves that nothing was sent, so another try cannot act twice.
            except Expired as error:
                why = error.message
        raise Unavailable(f"{why} ({TRIES} times; a lease is {seconds:.0f} s)")

    def store_everywhere(self, value: Secret) -> None:
        """Store `value` as pending in every held sink.

        If one sink fails, the others still get the value.

        Raises:
            SinkError: the first failure, after all other sinks were tried.
        """
        failure: SinkError | None = None
        for uri in self.uris:
            try:
                self._store(uri, value)
            except SinkError as error:
                # Auth0 may accept this value already. Each sink that holds it serves its readers.
                failure = failure or error
        if failure is not None:
            raise failure

    def _store(self, uri: str, value: Secret) -> None:
        for _ in range(TRIES - 1):
            try:
                return self.add(self._sink(uri).store(self._held[uri], value))
            except Unavailable:  # a compare-and-set: a retry does no harm
                self._session.clock.sleep(self._session.timing.lease.total_seconds() / 10)
        return self.add(self._sink(uri).store(self._held[uri], value))

    def _sink(self, uri: str) -> Lockable:
        return self._session.sinks[uri]

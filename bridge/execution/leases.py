"""The places that an operation holds: looking at all of them, and calling within the lease that a look begins."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import TypeVar

from bridge.execution.session import Job
from sinks.port import Expired, Held, Sink, SinkError, Unavailable
from sinks.secret import Secret

T = TypeVar("T")
TRIES = 5


class Hold:
    """What is held, by the places' names, in the order in which it was taken."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._held: dict[str, Held] = {}

    def __getitem__(self, uri: str) -> Held:
        return self._held[uri]

    @property
    def uris(self) -> tuple[str, ...]:
        """The places that are held."""
        return tuple(self._held)

    def add(self, held: Held) -> None:
        """Take note of a place that was taken, or of a new lease on it."""
        self._held[held.uri] = held

    def release(self, uri: str, outcome: str, ended: tuple[Secret, ...] = ()) -> None:
        """Give one place back. `ended` are values that nobody needs there any more."""
        self._sink(uri).release(self._held[uri], outcome, ended=ended)
        del self._held[uri]

    def give_back(self, ended: tuple[Secret, ...] = ()) -> bool:
        """Give back all of them, the last first, as far as possible; tell whether nothing is held any more."""
        for uri in reversed(self.uris):
            with suppress(SinkError):
                self.release(uri, "given up", ended)
        return not self._held

    def based_on(self, fingerprint: str) -> None:
        """Take note of which value was current before, where that is found out under the lock."""
        self._held = {uri: replace(held, lock=replace(held.lock, base=fingerprint)) for uri, held in self._held.items()}

    def forget_looks(self) -> None:
        """Let whatever comes next begin with a look of its own: what stood before is none any more."""
        self._held = {uri: replace(held, looked=-math.inf) for uri, held in self._held.items()}

    def within_lease(self, call: Callable[[float], T], *, claimed: bool = False) -> T:
        """Look, then call; what was certainly not sent in time is asked for again, after another look.

        `claimed`: the claims' own answers are the first look, if at least half of their lease is left.

        Raises:
            Lost: a place is not ours any more.
            Unavailable: looking takes too long.
        """
        lease, why = self._job.timing.lease.total_seconds(), ""
        for number in range(TRIES):
            spent = self._job.clock.monotonic() - min(held.looked for held in self._held.values())
            if number or not claimed or spent >= lease / 2:
                self._held = {uri: self._sink(uri).look(held) for uri, held in self._held.items()}
            try:
                return call(min(held.looked for held in self._held.values()) + lease)
            except Expired as error:
                why = error.message
        raise Unavailable(f"{why} ({TRIES} times; a lease is {lease:.0f} s)")

    def store_everywhere(self, value: Secret) -> None:
        """Store `value` as pending in every place; one that fails does not keep the others from having it.

        Raises:
            SinkError: the first failure, after all others were tried.
        """
        failure: SinkError | None = None
        for uri in self.uris:
            try:
                self._store(uri, value)
            except SinkError as error:
                failure = failure or error
        if failure is not None:
            raise failure

    def _store(self, uri: str, value: Secret) -> None:
        for _ in range(TRIES - 1):
            try:
                return self.add(self._sink(uri).store(self._held[uri], value))
            except Unavailable:  # it is a compare-and-set: trying again does no harm
                self._job.clock.sleep(self._job.timing.lease.total_seconds() / 10)
        return self.add(self._sink(uri).store(self._held[uri], value))

    def _sink(self, uri: str) -> Sink:
        return self._job.sinks[uri]

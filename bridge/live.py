"""Changing the value that Auth0 accepts, from under the lock."""

from __future__ import annotations

from collections.abc import Callable

from bridge.auth0.client import Client
from bridge.auth0.errors import Unreachable
from bridge.auth0.values import generate
from bridge.facts import Facts
from bridge.hold import TRIES, Hold
from bridge.job import Job
from bridge.standing import Phase


class LiveValue:
    """One client's value at Auth0. `since` is the monotonic time of its last change from here.

    `reach` is told how far the operation came; `notes` are what its user should know.
    """

    def __init__(self, job: Job, client: Client, facts: Facts, hold: Hold, reach: Callable[[Phase], None]) -> None:
        self._job = job
        self._client = client
        self._facts = facts
        self._hold = hold
        self._reach = reach
        self.since = job.clock.monotonic()
        self.notes: list[str] = []

    def set(self) -> None:
        """PATCH; after an answer that was lost, look again and repeat: twice is once."""
        auth0, value = self._job.auth0, self._facts.required
        for left in reversed(range(TRIES)):
            try:
                self._hold.within_lease(lambda before: auth0.set_secret(self._client.client_id, value, before=before))
                break
            except KeyboardInterrupt:
                self._reach(Phase.SETTING)
                raise
            except Unreachable as error:
                if error.maybe_done:
                    self._reach(Phase.SETTING)
                if not left:
                    raise
        self._changed("Auth0 answered 200")

    def generate(self) -> None:
        """Have Auth0 generate a value, once, and store it as pending before anything else."""
        auth0, client_id = self._job.auth0, self._client.client_id
        try:
            self._facts.value = self._hold.within_lease(lambda before: auth0.rotate_secret(client_id, before=before))
        except KeyboardInterrupt:
            self._reach(Phase.GENERATING)
            raise
        except Unreachable as error:
            if error.maybe_done:
                self._reach(Phase.GENERATING)
            raise
        self._reach(Phase.GENERATED)
        self._hold.store_everywhere(self._facts.required)
        self._changed("Auth0 generated a value")

    def recover(self) -> None:
        """Read back what became of a generation whose answer was lost; replace what cannot be read."""
        live = self._job.auth0.live_secret(self._client.client_id)
        if live is not None and live != self._facts.base:
            self._facts.value = live
            self._hold.store_everywhere(live)
            self._changed("the value that Auth0 had generated was read back")
            return
        if live is None:
            self.notes.append("a value that Auth0 may have generated could not be read back; it was replaced")
        self._facts.value = generate(self._client)
        self._hold.store_everywhere(self._facts.required)
        self.set()

    def _changed(self, text: str) -> None:
        self._reach(Phase.SET)
        self.since = self._job.clock.monotonic()
        self._job.watcher.step("set", text)
        self._hold.forget_looks()

"""Changing the value that Auth0 accepts, from under the lock."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from bridge.auth0.client import Client
from bridge.auth0.errors import Unreachable
from bridge.execution.leases import TRIES, Hold
from bridge.execution.session import Job
from bridge.model.operation_values import Facts
from bridge.planning.interruption import Phase

if TYPE_CHECKING:
    from bridge.auth0.api import Auth0
    from bridge.model.origin import Settable
    from sinks.secret import Secret


class LiveValue:
    """One client's value at Auth0. `since` is the monotonic time of its last change from here, `until` its lease's end.

    `reach` is told how far the operation came; `notes` are what its user should know. `urgent`: the claim's answer is
    as good as a look while its lease lasts.
    """

    def __init__(
        self, job: Job, client: Client, facts: Facts, hold: Hold, reach: Callable[[Phase], None], *, urgent: bool
    ) -> None:
        self._urgent = urgent
        self.until = job.clock.monotonic()
        self._job = job
        self._client = client
        self._facts = facts
        self._hold = hold
        self._reach = reach
        self.since = job.clock.monotonic()
        self.notes: list[str] = []

    def set(self) -> None:
        """PATCH; after an answer that was lost, look again and repeat: twice is once."""
        auth0, value = self._job.auth0, self._facts.settable
        for left in reversed(range(TRIES)):
            try:
                self._hold.within_lease(lambda before: self._set(auth0, value, before), claimed=self._urgent)
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
            self._facts.value = self._hold.within_lease(
                lambda before: self._generated(auth0, client_id, before), claimed=self._urgent
            )
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

    def _generated(self, auth0: Auth0, client_id: str, before: float) -> Secret:
        self.until = before
        return auth0.rotate_secret(client_id, before=before)

    def _set(self, auth0: Auth0, value: Settable, before: float) -> None:
        self.until = before
        auth0.set_secret(self._client.client_id, value, before=before)

    def _changed(self, text: str) -> None:
        self._reach(Phase.SET)
        self.since = self._job.clock.monotonic()
        self._job.watcher.step("set", text)
        self._hold.forget_looks()

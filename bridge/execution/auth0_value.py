"""Changes the value that Auth0 accepts, while the operation holds its sinks.

Auth0 has no compare-and-set. Each call therefore has to end within the lease of a look at the locks, so that it cannot
strike after another operation has begun (ADR 5).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from bridge.auth0.client import Client
from bridge.auth0.errors import Unreachable
from bridge.execution.leases import TRIES, Leases
from bridge.execution.session import Session
from bridge.model.operation_values import OperationValues
from bridge.planning.interruption import Phase

if TYPE_CHECKING:
    from bridge.auth0.api import Auth0
    from bridge.model.origin import Settable
    from sinks.secret import Secret


class LiveValue:
    """One client's value at Auth0.

    `since` is the monotonic time of the last change by this process. `until` is the end of the lease of that call.
    `reach` is called with each phase that the operation reaches. `notes` are what the user should know. With `urgent`
    the answer to the claim replaces the look, while enough of its lease is left.
    """

    def __init__(
        self,
        session: Session,
        client: Client,
        values: OperationValues,
        leases: Leases,
        reach: Callable[[Phase], None],
        *,
        urgent: bool,
    ) -> None:
        self._urgent = urgent
        self.until = session.clock.monotonic()
        self._session = session
        self._client = client
        self._values = values
        self._leases = leases
        self._reach = reach
        self.since = session.clock.monotonic()
        self.notes: list[str] = []

    def set(self) -> None:
        """Set the value at Auth0 with a PATCH.

        After a lost answer the look and the PATCH are repeated. That is safe, because setting the same value is
        idempotent.

        Raises:
            Unreachable: Auth0 has not answered at the last try either.
        """
        auth0, value = self._session.auth0, self._values.settable
        for left in reversed(range(TRIES)):
            try:
                self._leases.within_lease(lambda before: self._set(auth0, value, before), claimed=self._urgent)
                break
            # Whether Auth0 carried the request out is unknown, and the report must not call the old value live.
            except KeyboardInterrupt:
                self._reach(Phase.SETTING)
                raise
            except Unreachable as error:
                # Noted at once: no later try can undo what this one may have done.
                if error.maybe_done:
                    self._reach(Phase.SETTING)
                if not left:
                    raise
        self._changed("Auth0 answered 200")

    def generate(self) -> None:
        """Have Auth0 generate a value, and store it as pending in every sink before anything else.

        The request is sent once and never repeated, because each repetition would generate another value (ADR 11).
        """
        auth0, client_id = self._session.auth0, self._client.client_id
        try:
            # `Expired` proves that nothing was sent, so only such a try is repeated.
            self._values.value = self._leases.within_lease(
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
        # Stored before anything else: until then no sink holds the value that Auth0 accepts (ADR 11).
        self._leases.store_everywhere(self._values.required)
        self._changed("Auth0 generated a value")

    def _generated(self, auth0: Auth0, client_id: str, before: float) -> Secret:
        self.until = before
        return auth0.rotate_secret(client_id, before=before)

    def _set(self, auth0: Auth0, value: Settable, before: float) -> None:
        self.until = before
        auth0.set_secret(self._client.client_id, value, before=before)

    def _changed(self, text: str) -> None:
        self._reach(Phase.SET)
        self.since = self._session.clock.monotonic()
        self._session.watcher.step("set", text)
        # These looks are from before the change. Each promotion has to find out whether the lock is still ours.
        self._leases.forget_looks()

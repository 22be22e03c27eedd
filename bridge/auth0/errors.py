"""What can go wrong at Auth0. Every exception that leaves `bridge.auth0` is one of these, `Usage` or `Expired`."""

from __future__ import annotations

from bridge.model.errors import BridgeError


class Auth0Error(BridgeError):
    """Something about a tenant. Whoever had written before must not pass it on as "nothing was changed"."""


class Unreachable(Auth0Error):
    """No usable answer. `maybe_done`: the request may have been carried out nevertheless."""

    def __init__(self, message: str, hint: str | None = None, *, maybe_done: bool = True) -> None:
        super().__init__(message, hint)
        self.maybe_done = maybe_done


class Limited(Auth0Error):
    """Too many requests (429): not carried out. `wait` is what Auth0 asked for, in seconds, where it said so."""

    def __init__(self, message: str, hint: str | None = None, *, wait: float | None = None) -> None:
        super().__init__(message, hint)
        self.wait = wait


class Forbidden(Auth0Error):
    """The management token may not do this. `scopes` names those of which one would do, where Auth0 said so."""

    def __init__(self, message: str, hint: str | None = None, *, scopes: tuple[str, ...] = ()) -> None:
        super().__init__(message, hint)
        self.scopes = scopes


class NotFound(Auth0Error):
    """There is no such application in the tenant."""


class Rejected(Auth0Error):
    """Auth0 does not take the request as it is, or somebody who is not Auth0 answered; not carried out."""


class Unauthorised(Auth0Error):
    """The bridge's own credentials, or its management token, are not accepted."""

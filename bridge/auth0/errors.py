"""The errors of Auth0. Every exception that leaves `bridge.auth0` is one of these, `Usage` or `Expired`."""

from __future__ import annotations

from bridge.model.errors import BridgeError


class Auth0Error(BridgeError):
    """The base of all errors about a tenant.

    A caller that has already written something must not pass it on as it is, because its exit status means "nothing
    was changed".
    """


class Unreachable(Auth0Error):
    """Auth0 gave no usable answer.

    `maybe_done` is True if Auth0 may have carried the request out nevertheless. `wait` is the number of seconds that
    the answer asked to wait, or None if it did not say.
    """

    def __init__(
        self, message: str, hint: str | None = None, *, maybe_done: bool = True, wait: float | None = None
    ) -> None:
        super().__init__(message, hint)
        self.maybe_done = maybe_done
        self.wait = wait


class Limited(Auth0Error):
    """Auth0 refused the request by its rate limit (429), and did not carry it out.

    `wait` is the number of seconds that Auth0 asked to wait, or None if it did not say.
    """

    def __init__(self, message: str, hint: str | None = None, *, wait: float | None = None) -> None:
        super().__init__(message, hint)
        self.wait = wait


class Forbidden(Auth0Error):
    """The management token lacks the right to do this.

    Any one of `scopes` would be enough. It is empty if Auth0 did not name them.
    """

    def __init__(self, message: str, hint: str | None = None, *, scopes: tuple[str, ...] = ()) -> None:
        super().__init__(message, hint)
        self.scopes = scopes


class NotFound(Auth0Error):
    """The tenant does not have what was asked for, usually an application.

    A mistyped tenant looks the same, so the hint names both.
    """


class Rejected(Auth0Error):
    """Auth0 does not accept the request as it is, or another server answered. It was not carried out.

    Sending the same request again would be rejected again.
    """


class Unauthorised(Auth0Error):
    """Auth0 does not accept the bridge's own credentials, or its management token.

    Unless it is ready-made, an expired token is renewed and the request sent once more before this is raised.
    """

"""The errors that an application has to expect. No message holds a secret value."""

from __future__ import annotations


class ConsumerError(Exception):
    """Base class of the errors that reading a secret or obtaining a token raises.

    `message` says what happened, in this package's own words. `hint` says what to do about it, if anything can be said.
    """

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(f"{message}; {hint}" if hint else message)
        self.message = message
        self.hint = hint


class SecretUnavailable(ConsumerError):
    """No value could be read, and no cached value is recent enough.

    The cause is the vault or the way to it: credentials, network, address. `hint` says what to check, if that is
    known.
    """


class AllRefused(ConsumerError):
    """Auth0 answered 401 to every value that can be read, for as long as a retry made sense.

    Retrying at once does not help. The sink is stale, or the secret was changed in Auth0's dashboard.
    """


class TokenError(ConsumerError):
    """The token endpoint gave no token, for another reason than the secret.

    `status` is the HTTP status, or 0 if there was no answer. `error` is the endpoint's error code, such as
    "access_denied". `retry_after` is the number of seconds after which to retry, if the endpoint stated it.
    """

    def __init__(self, message: str, status: int, error: str = "", retry_after: float | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.error = error
        self.retry_after = retry_after

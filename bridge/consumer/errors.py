"""What an application has to expect. No message holds a value."""

from __future__ import annotations


class ConsumerError(Exception):
    """The base of what leaves `bridge.consumer`. `message` is in our own words; `hint` says what to do."""

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(f"{message}; {hint}" if hint else message)
        self.message = message
        self.hint = hint


class SecretUnavailable(ConsumerError):
    """No value could be read, or none lately enough."""


class AllRefused(ConsumerError):
    """Auth0 answered 401 to every value that can be read, for as long as it made sense to try."""


class TokenError(ConsumerError):
    """The token endpoint gave no token, for another reason than the secret. `status` is 0 where it sent no answer.

    `error` is its short word for it ("access_denied"); `retry_after` the seconds after which to try again, if it said.
    """

    def __init__(self, message: str, status: int, error: str = "", retry_after: float | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.error = error
        self.retry_after = retry_after

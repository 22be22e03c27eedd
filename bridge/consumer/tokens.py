"""An access token, and how it is read from the answer of a token endpoint."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bridge.consumer.errors import TokenError

if TYPE_CHECKING:
    import httpx

OK = 200
# A token is renewed when this fraction of its life is left, or this many seconds if that is less. That is early
# enough to ask a token endpoint that is down again while the token is still valid.
EARLY, EARLIEST = 0.1, 300.0
# RFC 6749 section 5.1 only recommends `expires_in`. A short life costs requests, and a long one
# may serve a token that has ended.
LIFETIME = 60.0  # seconds, for a token whose answer does not state a plausible `expires_in`
CODE = re.compile("[A-Za-z0-9_.-]{1,64}")
"""What an error code looks like. Another text may hold anything, so it is left out."""
LONGEST = 365 * 86400.0  # seconds: Auth0 allows a lifetime of 30 days


@dataclass(frozen=True)
class Token:
    """An access token. Its text is left out of `repr`.

    Times are monotonic seconds. From `renew_at` on the token is renewed in the background, and it is used until
    `ends_at` if renewing fails.
    """

    text: str = field(repr=False)
    renew_at: float
    ends_at: float
    type: str = "Bearer"
    """How the token is used (`token_type`)."""
    scope: str | None = None
    """The granted scopes, separated by spaces. None if the answer did not name them."""

    def seconds_left(self, now: float) -> int:
        """Return for how many seconds it may still be used. `now` is in monotonic seconds."""
        return max(0, int(self.ends_at - now))


def token_in(answer: httpx.Response, began: float) -> Token:
    """Return the token in an answer. `began` is when the request was sent, and its lifetime is counted from there.

    Raises:
        TokenError: the answer holds no token. Its text holds nothing of the answer but the status and `error`.
    """
    try:
        told = answer.json()
        if answer.status_code == OK:
            if not (isinstance(text := told["access_token"], str) and text):
                raise ValueError
            said = float(told.get("expires_in", LIFETIME))
            lives = said if 0 <= said < LONGEST else LIFETIME
            return Token(
                text,
                began + lives - min(lives * EARLY, EARLIEST),
                began + lives,
                str(told.get("token_type", "Bearer")),
                scope if isinstance(scope := told.get("scope"), str) else None,
            )
        # Only the error code is kept. The rest of the answer may repeat what was sent.
        error = code if CODE.fullmatch(code := str(told.get("error", ""))) else ""
    except (ValueError, TypeError, AttributeError, KeyError, OverflowError, RecursionError):
        error = "" if answer.status_code != OK else "an answer without a token"
    # The header may also be an HTTP date (RFC 9110 section 10.2.3). Auth0 sends seconds, and a date is ignored.
    after = answer.headers.get("Retry-After", "")
    raise TokenError(
        f"the token endpoint answered {answer.status_code}" + (f" ({error})" if error else ""),
        answer.status_code,
        error,
        float(after) if re.fullmatch("[0-9]{1,9}", after) else None,
    )

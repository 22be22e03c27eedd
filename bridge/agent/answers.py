"""What the agent answers: JSON, in the form of RFC 6749 for tokens and errors. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

UNAUTHORISED = 401
NO_STORE = ((b"cache-control", b"no-store"), (b"pragma", b"no-cache"))
"""RFC 6749 section 5.1 demands both for every answer that holds a token."""


@dataclass(frozen=True)
class Answer:
    """One answer. `body` may hold a token or a secret, so it is left out of `repr`."""

    status: int
    body: bytes = field(repr=False)
    headers: tuple[tuple[bytes, bytes], ...] = ()


class Refusal(Exception):
    """A request that gets no token.

    `error` is a code of RFC 6749. `description` says what was found, what was expected and what to do. It holds nothing
    that the caller sent as a secret. `retry_after` is a number of seconds, `allow` the methods that there are.
    """

    def __init__(
        self, status: int, error: str, description: str, *, retry_after: float | None = None, allow: str = ""
    ) -> None:
        super().__init__(description)
        self.status = status
        self.error = error
        self.description = description
        self.retry_after = retry_after
        self.allow = allow

    @property
    def answer(self) -> Answer:
        """The answer that says so."""
        headers = list(NO_STORE)
        if self.retry_after is not None:
            headers.append((b"retry-after", str(max(1, round(self.retry_after))).encode()))
        if self.status == UNAUTHORISED:  # RFC 9110 section 15.5.2: with every 401
            headers.append((b"www-authenticate", b'Basic realm="secret-bridge agent"'))
        if self.allow:  # RFC 9110 section 15.5.6: with every 405
            headers.append((b"allow", self.allow.encode()))
        told = {"error": _plain(self.error), "error_description": _plain(self.description)}
        return json_answer(told, status=self.status, headers=tuple(headers))


def json_answer(
    told: Mapping[str, Any], status: int = 200, headers: tuple[tuple[bytes, bytes], ...] = NO_STORE
) -> Answer:
    """Return an answer in JSON."""
    return Answer(status, json.dumps(told).encode(), ((b"content-type", b"application/json"), *headers))


def text_answer(text: str, status: int = 200) -> Answer:
    """Return an answer as plain text."""
    return Answer(status, text.encode(), ((b"content-type", b"text/plain; charset=utf-8"),))


def _plain(text: str) -> str:
    # Section 5.2 allows printable ASCII only, without quotes and backslashes.
    return "".join(c if " " <= c <= "~" and c not in '"\\' else "'" for c in text)

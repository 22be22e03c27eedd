"""What a caller asked for: a token request, read as RFC 6749 demands. Pure."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote_plus

from bridge.agent.answers import UNAUTHORISED, Refusal

BAD = 400
FORM, JSON = "application/x-www-form-urlencoded", "application/json"
MOST_FIELDS, LONGEST = 32, 2048
"""How many parameters a request may have, and how many characters each of them."""
NAMED = ("grant_type", "client_id", "client_secret", "audience", "scope", "organization")
KINDS_OF_PROOF = ("client_assertion", "client_assertion_type")

Headers = Mapping[str, Sequence[str]]
"""The headers of a request by their names in lower case. A name may come several times."""


@dataclass(frozen=True)
class Asked:
    """A request for a token. `secret` is what the caller sent as its `client_secret`, empty if it sent none."""

    client_id: str
    secret: str = field(repr=False)
    audience: str | None
    scope: str | None
    organization: str | None

    @property
    def key(self) -> tuple[str | None, ...]:
        """What a token is for. Requests with the same key get the same token."""
        return (self.audience, self.scope, self.organization)


def asked(headers: Headers, body: bytes) -> Asked:
    """Return what a request asks for.

    Raises:
        Refusal: it is not a request for client credentials, or it cannot be understood in one way only.
    """
    if headers.get("dpop"):
        raise _bad("found a DPoP proof: the agent gives Bearer tokens, because a proof is bound to the real token URL")
    given = _parameters(headers, body)
    grant = given.get("grant_type")
    if grant is None:
        raise _bad("grant_type: missing, expected client_credentials")
    if grant != "client_credentials":
        raise Refusal(BAD, "unsupported_grant_type", "the agent knows the grant type client_credentials only")
    if any(name in given for name in KINDS_OF_PROOF):
        raise Refusal(
            UNAUTHORISED, "invalid_client",
            "found client_assertion: the agent keeps client secrets, and private_key_jwt needs none from it",
        )  # fmt: skip
    if "resource" in given:
        raise _bad("resource: not known here, name the API by audience")
    client_id, secret = _client(headers, given)
    scope = " ".join(sorted(set(given.get("scope", "").split())))  # in any order it means the same
    return Asked(client_id, secret, given.get("audience") or None, scope or None, given.get("organization") or None)


def bearer(headers: Headers) -> str:
    """Return the token that a caller sent by `Authorization: Bearer`, or an empty text."""
    scheme, _, text = _one(headers, "authorization").partition(" ")
    return text.strip() if scheme.lower() == "bearer" else ""


def _one(headers: Headers, name: str) -> str:
    found = headers.get(name, ())
    if len(found) > 1:
        raise _bad(f"the header {name} was found {len(found)} times, expected once")
    return found[0] if found else ""


def _parameters(headers: Headers, body: bytes) -> dict[str, str]:
    """Return the parameters of a body. Each may come once (section 3.2)."""
    kind = _one(headers, "content-type").partition(";")[0].strip().lower()
    try:
        if kind == JSON:
            told = json.loads(body, object_pairs_hook=list)
            pairs = told if isinstance(told, list) else []
        elif kind == FORM:
            pairs = parse_qsl(body.decode(), keep_blank_values=True, strict_parsing=bool(body), errors="strict")
        else:
            raise _bad(f"the content type is none of {FORM} and {JSON}")
    except (ValueError, RecursionError):
        raise _bad(f"the body is not {kind}") from None
    return _once(pairs)


def _once(pairs: Sequence[Any]) -> dict[str, str]:
    given: dict[str, str] = {}
    if len(pairs) > MOST_FIELDS:
        raise _bad(f"found more than {MOST_FIELDS} parameters")
    for pair in pairs:
        # A list in a JSON array, instead of an object's pairs, is none of ours either.
        if not (isinstance(pair, tuple) and isinstance(pair[1], str)):
            raise _bad("the body is not one object whose values are texts")
        name, text = pair
        if name in given:
            raise _bad("a parameter was found twice")
        if not _fits(text):
            which = name if name in NAMED else "a parameter"
            raise _bad(f"{which}: longer than {LONGEST} characters, or not printable (a line break at its end?)")
        given[name] = text
    return given


def _client(headers: Headers, given: Mapping[str, str]) -> tuple[str, str]:
    """Return the client's id, and what was sent as its secret: by Basic (section 2.3.1) or in the body."""
    scheme, _, coded = _one(headers, "authorization").partition(" ")
    if not scheme:
        if not given.get("client_id"):
            raise Refusal(UNAUTHORISED, "invalid_client", "client_id: missing, expected the application's client id")
        return given["client_id"], given.get("client_secret", "")
    if scheme.lower() != "basic":
        raise Refusal(UNAUTHORISED, "invalid_client", "Authorization: expected Basic, or client_id in the body")
    if "client_secret" in given:
        raise _bad("the client authenticates by Basic and in the body, expected one of them")
    try:
        name, separator, sent = base64.b64decode(coded.strip(), validate=True).decode().partition(":")
        client_id, secret = (unquote_plus(text, errors="strict") for text in (name, sent))
    except ValueError:  # of Base64, and of UTF-8 in it
        separator = client_id = secret = ""
    if not separator or not client_id or not _fits(client_id) or not _fits(secret):
        raise Refusal(UNAUTHORISED, "invalid_client", "Authorization: not ID:SECRET, form-encoded, in Base64")
    if given.get("client_id", client_id) != client_id:
        raise _bad("client_id: differs from the one in Authorization")
    return client_id, secret


def _fits(text: str) -> bool:
    return len(text) <= LONGEST and text.isprintable()


def _bad(description: str) -> Refusal:
    return Refusal(BAD, "invalid_request", description)

"""Translation of Auth0's HTTP answers into the bridge's own errors.

Auth0's own texts are never passed on, because a validation message may repeat the value that was sent. Only words that
look like a scope, a property or an error code are taken from them.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING, Any

from bridge.auth0.errors import Auth0Error, Forbidden, Limited, NotFound, Rejected, Unauthorised, Unreachable
from bridge.auth0.limits import wait_asked

if TYPE_CHECKING:
    import httpx

_SCOPE = re.compile(r"\b[a-z_]+:[a-z_]+\b")
_WORD = re.compile(r"[a-z][a-z_]{0,39}")
_PROPERTY = re.compile(r"on property ([a-z][a-z_.]{0,39}[a-z])\b")
GRANT_HINT = (
    "grant it in the Auth0 dashboard: Applications > APIs > Auth0 Management API > Machine to Machine Applications, "
    "at the application that the bridge acts as"
)


def read_json(response: httpx.Response) -> Any:
    """Return the parsed body, or None if it is not JSON.

    Auth0's 5xx answers, and those of proxies on the way, may be HTML.
    """
    try:
        # The body decides and not the Content-Type, which proxies set as they like.
        return response.json()
    except (ValueError, RecursionError):  # RecursionError: lists in lists, thousands deep
        return None


def judge(response: httpx.Response, *, tenant: str, doing: str, now: datetime) -> Any:
    """Return the JSON body of a successful answer.

    `doing` names the request in error messages. `now` is the local time, which serves if the answer has no `Date`.

    Raises:
        Auth0Error: the subclass that fits the status, for every other answer.
    """
    body = read_json(response)
    if response.is_success:
        # A page of a proxy or a login form may come with 200. It says nothing about the request.
        if not isinstance(body, dict | list):
            raise Unreachable(f"{tenant} answered {doing} with something that is not JSON")
        return body
    raise _error(response, body if isinstance(body, dict) else None, tenant=tenant, doing=doing, now=now)


def _error(
    response: httpx.Response, body: dict[str, Any] | None, *, tenant: str, doing: str, now: datetime
) -> Auth0Error:
    status = response.status_code
    if status == 429 or status >= 500:
        # Auth0 tells the limit's next reset with every answer. Only a 429 asks to wait for it.
        told = {
            name: text for name, text in response.headers.items() if status == 429 or name in ("retry-after", "date")
        }
        wait = wait_asked(told, now)
        said = f"; it asks to wait {wait:.0f} s" if wait else ""
        hint = f"run the command again after {wait:.0f} s" if wait else "run the command again later"
        if status == 429:
            return Limited(f"{tenant} limits the rate of requests (429) at {doing}{said}", hint, wait=wait)
        # A gateway may fail after Auth0 has carried the request out, so `maybe_done` stays True.
        return Unreachable(f"{tenant} could not answer {doing} (HTTP {status}){said}", hint, wait=wait)
    if body is None or status < 400:
        hint = "is this the tenant's domain? A redirect or a page that is not JSON is not Auth0's API"
        return Rejected(f"{tenant} answered {doing} with HTTP {status}, and not as Auth0 does", hint)
    message = str(body.get("message", ""))
    # Only what looks like an error code is repeated. The message itself may hold the value that was sent.
    code = _WORD.fullmatch(str(body.get("errorCode") or body.get("error") or ""))
    named = f" ({code.group()})" if code else ""
    if status == 401:
        expired = " has expired" if "Expired token" in message else " is not accepted"
        return Unauthorised(f"{tenant}: the management token{expired}", "get a new one, or check AUTH0_AUDIENCE")
    if status == 403:
        return _forbidden(message, tenant=tenant, doing=doing, named=named)
    if status == 404:
        return NotFound(f"{tenant} does not know what was asked for by {doing}{named}")
    where = _PROPERTY.search(message)
    about = f", about {where.group(1)}" if where else ""
    return Rejected(f"{tenant} does not accept {doing}: HTTP {status}{named}{about}")


def _forbidden(message: str, *, tenant: str, doing: str, named: str) -> Forbidden:
    scopes = tuple(_SCOPE.findall(message.partition("expected any of:")[2]))
    # For a field that may not be read, Auth0 names the field and no scope.
    if "cannot read the following fields" in message and "client_secret" in message:
        scopes = ("read:client_keys",)
    if not scopes:
        return Forbidden(f"{tenant} forbids {doing}: HTTP 403{named}", GRANT_HINT)
    return lacking(scopes)


def lacking(scopes: tuple[str, ...]) -> Forbidden:
    """Return the error for a management token that has none of these scopes.

    With several scopes, any one of them would be enough.
    """
    named = f"the scope {scopes[0]}" if len(scopes) == 1 else f"every one of the scopes {', '.join(scopes)}"
    return Forbidden(f"the management token lacks {named}", GRANT_HINT, scopes=scopes)

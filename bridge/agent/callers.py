"""Who may ask, and for which client."""

from __future__ import annotations

import pwd
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bridge.agent.answers import UNAUTHORISED, Refusal
from bridge.agent.asked import Headers
from bridge.config.agent import Listener
from bridge.model.errors import BridgeError, Usage
from sinks.secret import Secret

if TYPE_CHECKING:
    from bridge.agent.application import Application

FORBIDDEN, MISDIRECTED = 403, 421
LOCAL = {"localhost", "127.0.0.1", "::1"}
SHORTEST = 16
"""The fewest characters of a token. Whoever may connect can try as many as the machine answers."""
BROWSERS = ("origin", "sec-fetch-mode", "sec-fetch-site", "sec-fetch-dest")
"""Headers that every browser sends with a request of a page, and no OAuth library."""
PROXIES = ("forwarded", "via", "x-forwarded-for", "x-forwarded-host")
"""Headers of a request that came from another machine by way of this one."""


@dataclass(frozen=True)
class Caller:
    """Who sent a request: the listener that it came by, and on a socket the user's number."""

    listener: Listener
    uid: int | None = None


def token_of(reference: str | None, key: str, resolve: Callable[[str], Secret]) -> Secret | None:
    """Return the text that callers show, or None if there is no reference to it. `key` is its place in the file.

    Raises:
        Usage: it cannot be read, or it is too short.
    """
    if reference is None:
        return None
    try:
        token = resolve(reference)
    except BridgeError as error:
        raise Usage(*(f"{key}: {fault}" for fault in error.faults), hint=error.hints) from None
    if len(token.reveal()) < SHORTEST:
        raise Usage(
            f"{key}: found less than {SHORTEST} characters",
            hint="make one that nobody can guess: openssl rand -hex 32",
        )
    return token


def users(listener: Listener) -> frozenset[int]:
    """Return the numbers of the users that a listener lets in. Empty if its mode alone decides.

    Raises:
        Usage: there is no user of that name.
    """
    found = set()
    for each in listener.users:
        try:
            found.add(int(each) if each.isdecimal() else pwd.getpwnam(each).pw_uid)
        except KeyError:
            raise Usage(f'agent.listen: no user of that name on this machine: found "{each}"') from None
    return frozenset(found)


def check(caller: Caller, headers: Headers, allowed: frozenset[int]) -> None:
    """Refuse what no OAuth library of this machine sends, whatever it asks for.

    Raises:
        Refusal: a browser's page, another machine through a proxy, another user, or a wrong host.
    """
    listener = caller.listener
    if any(name in headers for name in BROWSERS):
        raise Refusal(FORBIDDEN, "access_denied", "the agent does not serve browsers")
    if any(name in headers for name in PROXIES):
        raise Refusal(FORBIDDEN, "access_denied", "the agent serves this machine only, and nobody through a proxy")
    if allowed and caller.uid not in allowed:
        raise Refusal(FORBIDDEN, "access_denied", f"the user {caller.uid} is not among agent.listen.users")
    if listener.address is not None:
        host, port = listener.address
        # A page may have a name of its own that leads to 127.0.0.1. Its requests carry that name.
        named, _, number = headers.get("host", ("",))[0].rpartition(":")
        if len(headers.get("host", ())) != 1 or named.strip("[]").lower() not in {host, *LOCAL} or number != str(port):
            raise Refusal(MISDIRECTED, "invalid_request", f"Host: expected {listener}")


def application(caller: Caller, client_id: str, sent: str, applications: Mapping[str, Application]) -> Application:
    """Return the application that a caller may have tokens of.

    Raises:
        Refusal: there is none of that client id, it is not served by this listener, or what was sent is not its token.
    """
    found = applications.get(client_id)
    if found is None or not caller.listener.serves(found.name):
        raise Refusal(UNAUTHORISED, "invalid_client", f"client_id: no client of that id is served at {caller.listener}")
    # `Secret` compares in constant time.
    if found.token is not None and (not sent or found.token != Secret(sent)):
        wrong = "not" if sent else "missing, expected"
        raise Refusal(
            UNAUTHORISED, "invalid_client", f"client_secret: {wrong} the token of agent.clients.{found.name}.token"
        )
    return found

"""Scopes of Auth0's Management API. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from bridge.auth0.logs import READ_LOGS
from bridge.auth0.management import READ_CLIENTS, READ_KEYS, UPDATE_KEYS
from bridge.config.settings import ClientSettings
from bridge.model.operation import Strategy
from bridge.planning.role_rights import SCOPES
from bridge.policy.formats import AUTH0
from sinks.rights import Block, Role

WHY = {
    READ_CLIENTS: "to see whether an application can be rotated; no secret is in the answer",
    UPDATE_KEYS: "to set the new secret",
    READ_LOGS: "to see who still fails with an old value",
}
"""What the other scopes are needed for."""
RARELY = "leave it out where no sink is empty and nothing is changed in the dashboard"
"""When the scope that reads every secret is not needed."""


def scopes(name: str, domain: str, clients: Iterable[ClientSettings], role: Role) -> Block:
    """Return the scopes that a role needs in one tenant, for the application as which it acts.

    A role that needs no scope gets an empty block that says so.
    """
    found = SCOPES[role]
    # The scopes hold for the whole tenant. Auth0 has none for a single application, so `clients` only explain the need.
    told = [f"{name}: Auth0 at {domain}; role {role}" + ("" if found else ": no scope, and no application")]
    told += why(found, [client.name for client in clients if client.strategy == Strategy.AUTH0_GENERATED])
    return Block(name, AUTH0, tuple(told), "\n".join(found), list(found))


def why(found: Collection[str], generated: Collection[str] = ()) -> Iterator[str]:
    """Yield why each of these scopes is needed. `generated` are clients whose secret Auth0 makes."""
    if READ_KEYS in found:
        needed = f"needed by the strategy {Strategy.AUTH0_GENERATED} of {', '.join(generated)}" if generated else RARELY
        yield f"{READ_KEYS} reads every secret of the tenant; {needed}"
    yield from (f"{scope}: {WHY[scope]}" for scope in found if scope in WHY)

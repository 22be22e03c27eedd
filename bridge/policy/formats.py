"""The languages of policies. Pure.

The help of `policy` needs these alone, so nothing that derives a policy is imported here.
"""

from __future__ import annotations

from sinks import kinds

AUTH0 = "scopes"
"""How `policy --format` names the scopes of Auth0's Management API."""
AUTH0_CLI = "auth0-cli"
"""How `policy --format` names the commands that create an application with these scopes. Printed only if named."""


def formats() -> tuple[str, ...]:
    """Return the languages of policies: one for each kind of store, Auth0's scopes, and commands of its CLI.

    These are the values of `policy --format`.
    """
    return (*(kinds.kind(name).POLICY_FORMAT for name in kinds.names()), AUTH0, AUTH0_CLI)

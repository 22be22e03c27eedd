"""Reference to one client, in its user's own terms."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from dataclasses import dataclass

from sinks.port import Place


@dataclass(frozen=True)
class Whose:
    """The client that a set of places belongs to, and the names that its user knows it by.

    `client_id` and `tenant` (the tenant's domain) identify the client at Auth0. `name` is what the user calls it, which
    is its id where it has no configuration. `sinks` are the places as the user typed them, with their keys.
    """

    client_id: str
    tenant: str
    name: str
    sinks: tuple[str, ...] = ()

    def command(self, verb: str, places: Iterable[Place] = ()) -> str:
        """Return the command that the user can run next, quoted for a shell.

        A client without a configuration is named together with its places, as they were typed. `places` are used where
        the typed ones are not known.
        """
        named = sorted(self.sinks) or [p.uri for p in places]
        options = "" if self.name != self.client_id else "".join(f" --sink {shlex.quote(uri)}" for uri in named)
        return f"secret-bridge {verb} {shlex.quote(self.name)}{options}"

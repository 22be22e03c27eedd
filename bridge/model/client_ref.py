"""Reference to one client, in its user's own terms.

Hints name complete commands, so that a user can copy them while production is at stake.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from dataclasses import dataclass

from sinks.port import SinkState


@dataclass(frozen=True)
class ClientRef:
    """The client that a set of sinks belongs to, and the names that its user knows it by.

    `client_id` and `tenant` (the tenant's domain) identify the client at Auth0. `name` is what the user calls it, which
    is its id where it has no configuration. `sinks` are the sinks as the user typed them, with their keys.
    """

    client_id: str
    tenant: str
    name: str
    sinks: tuple[str, ...] = ()

    def command(self, verb: str, sinks: Iterable[SinkState] = ()) -> str:
        """Return the command that the user can run next, quoted for a shell.

        A client without a configuration is named together with its sinks, as they were typed. `sinks` are used where
        the typed ones are not known.
        """
        # A client of the file is found by its name, and --sink beside that is refused.
        named = sorted(self.sinks) or [p.uri for p in sinks]
        options = "" if self.name != self.client_id else "".join(f" --sink {shlex.quote(uri)}" for uri in named)
        return f"secret-bridge {verb} {shlex.quote(self.name)}{options}"

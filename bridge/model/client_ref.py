"""Which client, as its user names it."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from dataclasses import dataclass

from sinks.port import Place


@dataclass(frozen=True)
class Whose:
    """The client that the places belong to: its id, its tenant's domain, and how the user names it and the places."""

    client_id: str
    tenant: str
    name: str
    sinks: tuple[str, ...] = ()

    def command(self, verb: str, places: Iterable[Place] = ()) -> str:
        """Return the command that the user could give next; a client without a configuration is named with its places.

        They are named as they were typed, with their keys; `places` serve where that is not known.
        """
        named = sorted(self.sinks) or [p.uri for p in places]
        sinks = "" if self.name != self.client_id else "".join(f" --sink {shlex.quote(uri)}" for uri in named)
        return f"secret-bridge {verb} {shlex.quote(self.name)}{sinks}"

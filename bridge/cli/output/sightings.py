"""The output of `watch`: one thing that it has seen, for people and for programs. Pure."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from bridge.cli.output.console import Line, Tone
from bridge.cli.output.text import emphasised

if TYPE_CHECKING:
    from bridge.config.settings import ClientSettings
    from bridge.watch.decide import Tell


def line(name: str, told: Tell) -> Line:
    """Return the line for one thing that `watch` has seen, about a client or a tenant of this name."""
    word = str(told.kind), Tone.BAD if told.kind.attention else Tone.GOOD
    following = ("   -> ", *emphasised(told.next)) if told.next else ()
    return Line.of(f"{name}  ", word, f": {told.text}", *following)


def as_object(tenant: str, client: ClientSettings | None, told: Tell, at: datetime) -> dict[str, Any]:
    """Return the object for one thing that `watch` has seen. `client` is None if it is about the whole tenant."""
    return {
        "tenant": tenant,
        "client": client.name if client else None,
        "client_id": client.client_id if client else None,
        "seen": told.kind,
        "attention": told.kind.attention,
        "message": told.text,
        "next": told.next,
        "at": at,
    }

"""References as commands resolve them: what cannot be had is a mistake of whoever typed it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from bridge.model.errors import Usage
from sinks.errors import BadAddress

if TYPE_CHECKING:
    from sinks.secret import Secret


def resolve(reference: str, environ: Mapping[str, str]) -> Secret:
    """Return the secret that a reference names (`sinks.references`).

    Raises:
        Usage: it cannot be had; the message names the reference only.
    """
    from sinks import references

    try:
        return references.resolve(reference, environ)
    except BadAddress as error:
        raise Usage(error.message, hint=error.hint) from None

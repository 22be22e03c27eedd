"""The resolution of references for commands: a reference that cannot be resolved is a usage error.

A secret is read at the last moment, and only if it is needed. Opening a configuration reads none.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from bridge.config.stored import Stored
from bridge.model.errors import Usage
from sinks.errors import BadAddress

if TYPE_CHECKING:
    from sinks.secret import Secret


def resolve(reference: str, environ: Mapping[str, str]) -> Secret:
    """Return the secret that a reference names (`sinks.references`, `Stored`).

    `environ` serves for `env:` references, and for the address and login of the vault that a reference such as
    `vault://` is read from, where the file has no vault of that name.

    Raises:
        Usage: the secret cannot be read. The message names the reference only.
        Failed: a vault of the file is not available, or denied it.
    """
    if isinstance(reference, Stored):
        return reference.read(environ)
    from sinks import references

    try:
        return references.resolve(reference, environ)
    except BadAddress as error:
        raise Usage(error.message, hint=error.hint) from None

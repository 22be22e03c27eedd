"""Errors of work on several clients, and of what nobody expected."""

from __future__ import annotations

import re
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from bridge.config.settings import ClientSettings, Settings
from bridge.model.client_ref import ClientRef
from bridge.model.errors import BridgeError, Failed, Incomplete

CAUSES = {
    "Connection refused": "nothing listens there",
    "failed to resolve": "its host has no address",
    "authentication failed": "it refuses the user or the password",
    r'database "[^"]*" does not exist': "it has no such database",
    r'role "[^"]*" does not exist': "it has no such role",
    "not currently accepting connections": "that database takes no connections",
    "not permitted to log in": "that role may not log in",
    "permission denied": "the role lacks a right",
    "timeout expired": "it does not answer",
    "certificate": "its certificate is not trusted",
}
"""What Postgres and its driver say, in English (patterns), and what that means. The first that is found counts."""


class Interrupted(Incomplete):
    """The user interrupted by a second Ctrl-C, so that no further client is begun.

    It is `Incomplete`, because the interruption may have come between two writes.
    """


class NotBegun(Failed):
    """A client was not begun, because the user asked to stop, or because too many before it have failed."""


class Ceased(Failed):
    """The user interrupted a command where nothing can have been changed. No further client is begun."""


def as_error(client: ClientSettings, error: BaseException, *, looking: bool = False) -> BridgeError:
    """Return an exception as an error that can be shown to the user.

    A `BridgeError` is returned as it is. Of an unexpected exception only the class and the line in the code are shown,
    because its text may hold anything. Its exit status is that of `Incomplete`, because something may have been
    changed. `looking`: the command changes nothing, so that an interruption has left nothing behind.
    """
    if isinstance(error, BridgeError):
        return error
    client_ref = ClientRef(client.client_id, "", client.name, client.sinks)
    if isinstance(error, KeyboardInterrupt) and looking:
        return Ceased("interrupted")
    if isinstance(error, KeyboardInterrupt):
        return Interrupted("interrupted; it is unknown how far it came", client_ref.command("resume"))
    where = traceback.extract_tb(error.__traceback__)[-1]
    return Incomplete(
        f"this should not happen: {type(error).__name__} at {where.filename.rpartition('/')[2]}:{where.lineno}",
        "please report it; then see where things stand: "
        f"{client_ref.command('resume')}, {client_ref.command('verify')}",
    )


def with_origin(settings: Settings, client: ClientSettings, error: BridgeError) -> BridgeError:
    """Return an error about the way to Auth0 with one more hint: where the address or the credential comes from.

    Other errors are returned as they are. Several files and variables may name a tenant, and the message of the request
    knows none of them.
    """
    from bridge.auth0.errors import Unauthorised, Unreachable

    tenant = settings.tenants.get(client.tenant)
    if tenant is None or not isinstance(error, Unauthorised | Unreachable):
        return error
    table = f"[tenants.{client.tenant}] of {settings.path}" if settings.path else ""
    if isinstance(error, Unreachable):
        told = f"the domain {tenant.domain} comes from {f'domain in {table}' if table else 'AUTH0_DOMAIN'}"
    else:
        reference = tenant.api_token or tenant.private_key or tenant.client_secret or "nowhere"
        told = f"the credential comes from {reference.removeprefix('env:')}{f', in {table}' if table else ''}"
    error.hints = (*error.hints, told)
    error.hint = "\n".join(error.hints)
    return error


@contextmanager
def own_errors() -> Iterator[None]:
    """Let no error out but the bridge's own: what the engine stores of another one may hold anything."""
    try:
        yield
    except BridgeError:
        raise
    except Exception as error:  # noqa: BLE001
        raise Failed(f"this should not happen: {type(error).__name__}") from None


def plain(data: object) -> Any:
    """Return what the engine stores as JSON of data that are none. Of an error only what the bridge wrote is kept.

    Raises:
        TypeError: they are nothing of the kind.
    """
    if isinstance(data, BridgeError):
        return {"error": data.message}
    if isinstance(data, BaseException):
        return {"error": type(data).__name__}
    if isinstance(data, datetime):
        return data.isoformat()
    raise TypeError(f"not JSON: {type(data).__name__}")


def _cause(error: Exception) -> str:
    text = str(error)
    return next((why for pattern, why in CAUSES.items() if re.search(pattern, text)), type(error).__name__)


@contextmanager
def database_errors() -> Iterator[None]:
    """Let no error of the engine's database out: its text may hold the URL. What it means is told in our words."""
    try:
        yield
    except BridgeError:
        raise
    except Exception as error:  # noqa: BLE001
        raise Failed(
            f"the engine's database cannot be used ({_cause(error)})",
            ("see fleet.database: a Postgres that can be reached, and a role that may create tables in it",),
        ) from None

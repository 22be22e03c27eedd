"""References into the vaults of the file: `eu://secret/bridge/auth0#private_key`, read with the login of `[vaults.eu]`.

So a bridge that logs in by a short-lived token needs no stored credential of its own at Auth0.
"""

from __future__ import annotations

import json
import re
from base64 import urlsafe_b64decode
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from bridge.model.errors import BridgeError, Failed, Usage
from sinks.clock import Clock, SystemClock
from sinks.errors import BadAddress, Denied, SinkError, Unavailable
from sinks.references import flaw
from sinks.shared import Shared

if TYPE_CHECKING:
    from bridge.config.settings import VaultSettings
    from sinks.secret import Secret

ADDRESS = re.compile(r"([A-Za-z][A-Za-z0-9_.+-]*)://[^\s#]+#[^\s#]+")
"""A reference into a vault of the file. The key is needed, so that few other texts look like one."""
SHOWN = 80


@dataclass
class Logins:
    """What the references of one configuration use together: a login to each vault, and a clock.

    A command puts its own here, so that they also share the logins of its sinks.
    """

    shared: Shared = field(default_factory=Shared)
    clock: Clock = field(default_factory=SystemClock)


class Stored(str):
    """A reference into a vault of the file.

    It is a text, as every reference is, and knows what it needs to be read: nobody who passes it on has to.
    """

    __slots__ = ("field", "logins", "vault")
    field: str
    logins: Logins
    vault: VaultSettings

    def read(self, environ: Mapping[str, str]) -> Secret:
        """Return the current value there. It is read at each call.

        Raises:
            Failed: the vault is not available, or it denied the login or the value.
            Usage: there is no such value, or it holds characters that no secret has.
        """
        from sinks import open_sink, references
        from sinks.port import Stage

        resolve = partial(references.resolve, environ=environ)
        try:
            sink = open_sink(
                self, self.vault.type, self.vault.options, resolve=resolve, clock=self.logins.clock,
                shared=self.logins.shared,
            )  # fmt: skip
            value = sink.read().value(Stage.CURRENT)
        except SinkError as error:
            raise self._unread(error, environ) from None
        if value is None:
            raise Usage(f"{self.field}: there is no value at {self}", hint="store it, or name the key that it has")
        if (wrong := flaw(value.reveal())) is not None:
            raise Usage(f"{self.field}: the value at {self} {wrong}", hint="write it again without that")
        return value

    def _unread(self, error: SinkError, environ: Mapping[str, str]) -> BridgeError:
        """Return the error for a value that could not be read, with the claims of the token that was sent, if any."""
        told = tuple(claims(self.vault, environ)) if isinstance(error, Denied) else ()
        message = f"{self.field}: {self} cannot be read: {error.message}"
        if isinstance(error, (Denied, Unavailable)):
            return Failed(message, (*told, error.hint or ""))
        return Usage(message, hint=error.hint)


def stored(text: str, key: str, vaults: Mapping[str, VaultSettings], logins: Logins) -> str:
    """Return a reference as one that can be read, where it names a vault of the file. Other texts stay as they are.

    `key` is the setting that holds it, for messages.
    """
    found = ADDRESS.fullmatch(text)
    vault = vaults.get(found.group(1)) if found else None
    if vault is None:
        return text
    reference = Stored(text)
    reference.field, reference.vault, reference.logins = key, vault, logins
    return reference


def names_one(text: str, vaults: Iterable[str]) -> bool:
    """Return whether a text is a reference into one of the vaults with these names."""
    found = ADDRESS.fullmatch(text)
    return found is not None and found.group(1) in vaults


def claims(vault: VaultSettings, environ: Mapping[str, str]) -> Iterator[str]:
    """Yield a sentence for each JWT that a vault's login sends, with the claims by which a role is bound.

    A server says of a token only that it was refused. These claims are no secret. The signature is left out.
    """
    from sinks import kinds, references

    for name in kinds.kind(vault.type).REFERENCES:
        value: Any = vault.options
        for part in name.split("."):
            value = getattr(value, part, None)
        try:
            token = references.resolve(value, environ).reveal() if isinstance(value, str) else ""
        except BadAddress:
            continue
        if (found := _payload(token)) is not None:
            told = f"the token of vaults.{vault.name}.{name} has {_described(found)}"
            yield f"{told}; compare this with what the role is bound to"


def _payload(token: str) -> dict[str, Any] | None:
    parts = token.split(".")
    if len(parts) != 3:
        return None
    try:
        found = json.loads(urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _described(payload: Mapping[str, Any]) -> str:
    told = [f"{name} {json.dumps(payload[name])[:SHOWN]}" for name in ("iss", "sub", "aud") if name in payload]
    ends = payload.get("exp")
    if isinstance(ends, (int, float)) and 0 < ends < 2**40:
        end = datetime.fromtimestamp(ends, UTC)
        told.append(f"{'expired' if end <= datetime.now(UTC) else 'expires'} {end:%Y-%m-%dT%H:%M:%SZ}")
    return ", ".join(told) or "no claim that binds a role"

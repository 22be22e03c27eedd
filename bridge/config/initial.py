"""The first `bridge.toml`, made from the environment and the command line. It holds references, never a secret.

The vaults get the names that commands without a file use, so no client's list of sinks changes (ADR 13).
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from sinks import kinds, split

# In the order in which the bridge prefers them: a ready-made token, a key, a secret.
AUTH = (
    ("AUTH0_API_TOKEN", "api_token"),
    ("AUTH0_CLIENT_ASSERTION_PRIVATE_KEY", "private_key"),
    ("AUTH0_CLIENT_SECRET", "client_secret"),
)


def initial(environ: Mapping[str, str], client_id: str | None, sinks: tuple[str, ...], key: str | None = None) -> str:
    """Return the text of a first `bridge.toml`.

    The vaults get the schemes of the sinks as their names, so that every sink keeps its address. Without `sinks`, the
    environment says which vaults there are. Without a client id, the client's table is an example in comments.

    Raises:
        BadAddress: one of `sinks` is not a sink, or there is no kind of that name.
    """
    schemes = tuple(dict.fromkeys(split(uri)[0] for uri in sinks)) or _from_environment(environ)
    parts = [
        _tenant(environ),
        *(_vault(scheme, environ) for scheme in schemes),
        DEFAULTS,
        _client(client_id, sinks, key),
    ]
    return "\n".join(parts)


def _from_environment(environ: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(name for name in kinds.names() if kinds.kind(name).is_described(environ)) or ("vault",)


def _tenant(environ: Mapping[str, str]) -> str:
    variable, field = next(((v, f) for v, f in AUTH if environ.get(v)), AUTH[-1])
    lines = ["[tenants.main]", f"domain = {_text(environ.get('AUTH0_DOMAIN') or 'TENANT.eu.auth0.com')}"]
    if field != "api_token":
        lines.append(
            'client_id = "env:AUTH0_CLIENT_ID"      # the machine-to-machine application that the bridge acts as'
        )
    # The variable is named and its text is not copied, so the file can be committed (ADR 18).
    lines.append(f"{field} = {_text(f'env:{variable}')}")
    if environ.get("AUTH0_AUDIENCE"):
        lines.append(f"audience = {_text(environ['AUTH0_AUDIENCE'])}")
    if environ.get("BRIDGE_PROPAGATION"):
        lines.append(f"propagation = {_text(environ['BRIDGE_PROPAGATION'])}      # a sandbox's; Auth0's own is 30s")
    return "\n".join(lines) + "\n"


def _vault(scheme: str, environ: Mapping[str, str]) -> str:
    return "\n".join((f"[vaults.{scheme}]", *kinds.kind(scheme).initial(environ))) + "\n"


DEFAULTS = """\
[defaults]
max_age = "90d"              # older is due
fallback_min_age = "24h"     # Auth0's default token lifetime: by then every consumer had to show its secret
fallback_max_age = "14d"     # older is overdue
"""


def _client(client_id: str | None, sinks: tuple[str, ...], key: str | None) -> str:
    if client_id is None:
        return (
            "# One table for each application:\n"
            "# [clients.billing]\n"
            '# tenant = "main"\n'
            '# client_id = "AbC123"\n'
            '# owner = "team-billing"\n'
            '# sinks = ["vault://secret/apps/billing"]\n'
        )
    # The last part of a path is usually the application's name, and easy to change.
    name = sinks[0].partition("#")[0].partition("?")[0].rstrip("/").rpartition("/")[2] if sinks else "billing"
    listed = ", ".join(_text(uri) for uri in sinks)
    lines = [f"[clients.{_bare(name)}]", 'tenant = "main"', f"client_id = {_text(client_id)}", f"sinks = [{listed}]"]
    if key:
        lines.append(f"key = {_text(key)}")
    return "\n".join(lines) + "\n"


def _text(value: str) -> str:
    """Return a TOML basic string. A JSON string serves, because JSON's escapes are among TOML's."""
    return json.dumps(value, ensure_ascii=False)


def _bare(name: str) -> str:
    return name if name.replace("-", "").replace("_", "").isalnum() and name.isascii() else _text(name)

"""What the environment says of a Vault server, by the variables of Vault's and OpenBao's own tools.

Pure, except that a token file's existence is checked.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from sinks.errors import BadAddress
from sinks.vault.settings import Auth, Settings

TOKENS = ("VAULT_TOKEN", "BAO_TOKEN")
"""The variables with the operator's own token."""
SKIP = ("VAULT_SKIP_VERIFY", "BAO_SKIP_VERIFY")
FALSE = {"", "0", "f", "false", "n", "no", "off"}
NOWHERE = "https://VAULT_ADDR"
"""A placeholder for an address that is not set."""
INITIAL = (
    ("NAMESPACE", "namespace"), ("CACERT", "ca_file"), ("CLIENT_CERT", "client_cert"), ("CLIENT_KEY", "client_key"),
)  # fmt: skip
"""The variables that `init` turns into settings, without their prefix."""


def usual(environ: Mapping[str, str], name: str) -> str | None:
    """Return Vault's variable of a name without its prefix. `BAO_*` applies where `VAULT_*` is not set."""
    return environ.get(f"VAULT_{name}") or environ.get(f"BAO_{name}") or None


def from_environment(environ: Mapping[str, str]) -> Settings:
    """Return the settings that Vault's usual variables describe.

    Raises:
        BadAddress: there is no address.
    """
    url = usual(environ, "ADDR")
    if url is None:
        raise BadAddress("VAULT_ADDR is not set", "set it to the server's address, for example https://vault:8200")
    return Settings(
        url=url,
        namespace=usual(environ, "NAMESPACE"),
        ca_file=usual(environ, "CACERT"),
        ca_path=usual(environ, "CAPATH"),
        client_cert=usual(environ, "CLIENT_CERT"),
        client_key=usual(environ, "CLIENT_KEY"),
        tls_server_name=usual(environ, "TLS_SERVER_NAME"),
        auth=Auth(token=token_reference(environ)),
    )


def token_reference(environ: Mapping[str, str]) -> str | None:
    """Return a reference to the operator's own token: VAULT_TOKEN, BAO_TOKEN, else `~/.vault-token`.

    Returns None where none of them exists.
    """
    # Vault's variable first, as in `usual`.
    for name in TOKENS:
        if environ.get(name):
            return f"env:{name}"
    path = Path(environ.get("HOME") or "~").expanduser() / ".vault-token"
    return f"file:{path}" if path.is_file() else None


def is_described(environ: Mapping[str, str]) -> bool:
    """Return whether the environment holds an address of a server.

    A token alone says nothing, because it may belong to any server.
    """
    return usual(environ, "ADDR") is not None


def unasked(environ: Mapping[str, str]) -> Mapping[str, str]:
    """Return a placeholder for the address, where the environment has none.

    It is shown in policies, and no request is sent to it.
    """
    return {} if is_described(environ) else {"VAULT_ADDR": NOWHERE}


def objections(environ: Mapping[str, str]) -> tuple[str, ...]:
    """Return a sentence for each variable that switches off the check of the vault's certificate.

    Other tools of Vault and OpenBao obey these variables. The bridge always checks the certificate.
    """
    return tuple(
        f"{name} is set: the bridge always checks the vault's certificate; unset it, and name the CA by VAULT_CACERT"
        for name in SKIP
        if environ.get(name, "").strip().lower() not in FALSE
    )


def initial(environ: Mapping[str, str]) -> tuple[str, ...]:
    """Return the lines of the table that `init` writes.

    A token is written as a reference to its variable, never as text.
    """
    lines = ['type = "vault"', f"url = {_text(usual(environ, 'ADDR') or 'https://vault.example:8200')}"]
    for name, field in INITIAL:
        if value := usual(environ, name):
            lines.append(f"{field} = {_text(value)}")
    if token := next((name for name in TOKENS if environ.get(name)), None):
        lines.append(f'auth = {{ method = "token", token = "env:{token}" }}')
    return tuple(lines)


def _text(value: str) -> str:
    # A TOML basic string: JSON's escapes are among TOML's.
    return json.dumps(value, ensure_ascii=False)

"""What `doctor` may find at a Vault server and its documents. Pure data.

The ids are stable, because scripts compare them in `--json`. docs/reference/doctor.md lists all of them.
"""

from __future__ import annotations

from collections.abc import Mapping

from sinks.diagnosis import UNDER_VAULT, Known

FINDINGS: Mapping[str, Known] = {
    "vault-settings": Known("no sink in this vault can be read or changed", "# {hint}"),
    "vault-unreachable": Known(
        "no sink in this vault can be read or changed",
        f'# {{hint}}\n{UNDER_VAULT}, if the address is another one\nurl = "https://VAULT:8200"',
    ),
    "vault-authority": Known(
        "somebody may stand in between; certificates are always checked",
        f'{UNDER_VAULT} (VAULT_CACERT without a file)\nca_file = "/path/to/authority.pem"',
    ),
    "vault-certificate-name": Known(
        "somebody may stand in between; certificates are always checked",
        f'{UNDER_VAULT} (VAULT_TLS_SERVER_NAME without a file)\ntls_server_name = "{{name}}"',
    ),
    "vault-certificate": Known(
        "after that nobody who checks certificates gets through", "# renew the certificate of {host}"
    ),
    "vault-sealed": Known("nobody can read or write anything there", "bao operator unseal"),
    "vault-standby": Known(
        "the token is not sent on to another server",
        f'{UNDER_VAULT}: the active one\nurl = "https://VAULT:8200"',
    ),
    "vault-token-missing": Known(
        "nothing in this vault can be read or changed", "bao login     # or: export VAULT_TOKEN=…"
    ),
    "vault-login": Known("nothing in this vault can be read or changed", "# {hint}"),
    "vault-token-refused": Known(
        "it is unknown or has expired, or lacks Vault's policy 'default'", "bao login     # or: export VAULT_TOKEN=…"
    ),
    "vault-token-expires": Known("a run that begins late is cut off in the middle, and a schedule fails", "{remedy}"),
    "vault-asking": Known(
        "the bridge checks its rights before it changes anything, and refuses where it cannot",
        '# into the policy of the token ({policies})\npath "sys/capabilities-self" {{ capabilities = ["update"] }}',
    ),
    "vault-mount-missing": Known(
        "the sink cannot be used",
        "bao secrets enable -path={mount} kv-v2     # or correct the address: bao secrets list",
    ),
    "vault-kv-version": Known(
        "without versions there is no fallback and no compare-and-set", "bao kv enable-versioning {mount}/"
    ),
    "vault-not-kv": Known("only KV version 2 holds versions", "bao secrets list     # and correct the address"),
    "vault-capability": Known(
        "commands of this role fail without it",
        "# into the policy of the token ({policies}), in place of what it says of these paths\n{lines}",
    ),
    "vault-max-versions": Known(
        "current, fallback and one write of somebody else need 3", "bao kv metadata put -max-versions=20 {path}"
    ),
    "vault-mount-max-versions": Known(
        "current, fallback and one write of somebody else need 3", "bao write {mount}/config max_versions=20"
    ),
    "vault-delete-after": Known(
        "Vault would delete the live version", "bao kv metadata put -delete-version-after=0s {path}"
    ),
    "vault-mount-delete-after": Known(
        "Vault would delete the live version", "bao write {mount}/config delete_version_after=0s"
    ),
    "vault-metadata-cas": Known(
        "tags cannot be written without racing other writers of metadata",
        "bao write {mount}/metadata/{name} metadata_cas_required=false metadata_cas={number}",
    ),
    "vault-mount-metadata-cas": Known(
        "tags cannot be written without racing other writers of metadata",
        "bao write {mount}/config metadata_cas_required=false",
    ),
    "vault-patch": Known(
        "tags are written by PATCH: every command that changes something is refused",
        "# let PATCH through at the gateway before it, or use {least}\n"
        f'{UNDER_VAULT}, if another address leads past the gateway\nurl = "https://VAULT:8200"',
    ),
    "vault-limits-unknown": Known(
        "max_versions and delete_version_after of the mount are not checked",
        '# into the policy of the token ({policies})\npath "{mount}/config" {{ capabilities = ["read"] }}',
    ),
}

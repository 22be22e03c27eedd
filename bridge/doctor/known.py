"""Every kind of finding by its id: why it matters, and how to fix it. Pure data.

docs/reference/doctor.md shows this table.

A remedy is a text to paste. Words in braces are filled in with the facts of a finding. `#` begins a comment in a shell,
in TOML and in HCL, so the text behind it is for people.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Known:
    """What all findings of one kind have in common."""

    why: str
    """Why it matters."""
    remedy: str = ""
    """How to fix it, as a template."""


DASHBOARD = "# Auth0 dashboard: Applications > "
GRANTS = DASHBOARD + "APIs > Auth0 Management API > Machine to Machine Applications > {application}"
UNDER_TENANT = "# in bridge.toml, under [tenants.{tenant}]"
UNDER_VAULT = "# in bridge.toml, under [vaults.{vault}]"
UNDER_CLIENT = "# in bridge.toml, under [clients.{client}]"
OWN_CREDENTIALS = 'client_id = "env:AUTH0_CLIENT_ID"\nclient_secret = "env:AUTH0_CLIENT_SECRET"'


def _aws(verb: str) -> str:
    return f"aws secretsmanager {verb} --region {{region}} --secret-id '{{secret}}'"


TENANTS: Mapping[str, Known] = {
    "tenant-settings": Known("the bridge cannot act at this tenant at all", "# {hint}"),
    "tenant-unreachable": Known(
        "no secret can be set, and none be checked",
        f"{UNDER_TENANT}, if the domain is another one; else mend the network or the proxy\n"
        'domain = "TENANT.eu.auth0.com"',
    ),
    "tenant-not-auth0": Known(
        "the management token and new secrets would be sent to somebody else",
        f'{UNDER_TENANT}\ndomain = "TENANT.eu.auth0.com"',
    ),
    "tenant-tls": Known(
        "somebody may stand in between; certificates are always checked",
        "# where a proxy of your own opens TLS, trust its authority\nexport SSL_CERT_FILE=/path/to/authority.pem",
    ),
    "tenant-certificate": Known(
        "after that nobody who checks certificates gets through", "# renew the certificate of {host}"
    ),
    "tenant-credentials": Known(
        "the bridge gets no management token",
        DASHBOARD + "{application} > Settings > Client Secret: copy it to where {reference} is",
    ),
    "tenant-grant": Known(
        "the bridge gets no management token",
        f"{GRANTS}: authorize it\n{UNDER_TENANT}, where the domain is a custom one\n"
        'audience = "https://TENANT.eu.auth0.com/api/v2/"',
    ),
    "tenant-scope": Known("commands fail without it: {need}", f"{GRANTS}: grant it the permission {{scope}}"),
    "tenant-scopes-unknown": Known(
        "whether they suffice shows when they are used", f"{UNDER_TENANT}, in place of api_token\n{OWN_CREDENTIALS}"
    ),
    "tenant-token-expires": Known(
        "a ready-made token is not renewed: after that every command fails",
        f"{UNDER_TENANT}, in place of api_token\n{OWN_CREDENTIALS}",
    ),
    "tenant-token-refused": Known(
        "every command at this tenant fails", f"{UNDER_TENANT}, in place of api_token\n{OWN_CREDENTIALS}"
    ),
    "tenant-busy": Known("nothing more could be told", "# run doctor again in a minute"),
}

CLIENTS: Mapping[str, Known] = {
    "client-unknown": Known(
        "there is nothing to rotate",
        f'{UNDER_CLIENT}: Applications > NAME > Settings shows it\nclient_id = "CLIENT_ID"',
    ),
    "client-not-checked": Known("what stands above has to be mended first"),
    "client-global": Known("the bridge refuses it", "# take [clients.{client}] out of bridge.toml"),
    "client-public": Known(
        "it uses no secret: the bridge refuses it",
        DASHBOARD + "{name} > Credentials: Client Secret (Post); or take [clients.{client}] out of bridge.toml",
    ),
    "client-keyed": Known(
        "its secret is not in use: the bridge refuses it",
        DASHBOARD + "{name} > Credentials: Client Secret (Post); or take [clients.{client}] out of bridge.toml",
    ),
    "client-self": Known(
        "the next run would not know the new secret, unless it reads it where the bridge puts it",
        f'{UNDER_TENANT}\nclient_secret = "{{place}}"\n{UNDER_CLIENT}\naccept = {{accept}}',
    ),
    "client-hs256": Known(
        "ID tokens from before a rotation can no longer be verified, and verifiers need the new secret at once",
        DASHBOARD + "{name} > Advanced Settings > OAuth > JsonWebToken Signature Algorithm: RS256\n"
        f"{UNDER_CLIENT}, where nobody verifies ID tokens with the secret\naccept = {{accept}}",
    ),
    "client-base64": Known(
        "Auth0 would generate a value that is not Base64: verifiers that decode it break",
        f'{UNDER_CLIENT}\nstrategy = "staged"',
    ),
    "client-base64-value": Known(
        "verifiers that decode it break, and rotating with the strategy staged mends it",
        "secret-bridge rotate {command}",
    ),
    "client-fallback-age": Known(
        "an access token lives 24 h by default: until then a consumer may not have shown that it has the new secret",
        f'{UNDER_CLIENT}\nfallback_min_age = "24h"',
    ),
    "client-refresh": Known(
        "readers of companions need the time to read the coming value before Auth0 takes it",
        f'{UNDER_CLIENT}: how long readers keep what they have read\nconsumer_refresh = "5m"',
    ),
}

VAULTS: Mapping[str, Known] = {
    "vault-settings": Known("no place in this vault can be read or changed", "# {hint}"),
    "vault-unreachable": Known(
        "no place in this vault can be read or changed",
        f'{UNDER_VAULT}, if the address is another one; else start it, or mend the network\nurl = "https://VAULT:8200"',
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
        "the place cannot be used",
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
    "vault-limits-unknown": Known(
        "max_versions and delete_version_after of the mount are not checked",
        '# into the policy of the token ({policies})\npath "{mount}/config" {{ capabilities = ["read"] }}',
    ),
}

PLACES_IN_AWS: Mapping[str, Known] = {
    "aws-settings": Known("the place cannot be read or changed", "# {hint}"),
    "aws-unreachable": Known(
        "the place cannot be read or changed",
        f"{UNDER_VAULT}, if the address is another one; else mend the network, the proxy or the VPC endpoint\n"
        'endpoint_url = "https://ENDPOINT"',
    ),
    "aws-certificate": Known(
        "somebody may stand in between; certificates are always checked",
        f'{UNDER_VAULT} (AWS_CA_BUNDLE without a file)\nca_file = "/path/to/authority.pem"',
    ),
    "aws-credentials": Known(
        "the place cannot be read or changed", "aws sso login     # or set AWS_PROFILE, or role_arn"
    ),
    "aws-permission": Known("commands of this role fail without it", "{statement}"),
    "aws-permissions-unknown": Known(
        "AWS has no dry run: they show at the claim, which is undone if one is missing",
        "secret-bridge policy {command} --role {role} --format iam",
    ),
    "aws-deleted": Known("readers are refused already", _aws("restore-secret")),
    "aws-key": Known(
        "neither the bridge nor readers with the same rights get at the value",
        "aws kms create-grant --region {region} --key-id '{key}' --grantee-principal '{principal}'"
        " --operations Decrypt GenerateDataKey",
    ),
    "aws-key-unknown": Known(
        "whether kms:GenerateDataKey is allowed shows at the claim, which is undone if not",
        "# allow kms:Decrypt and kms:GenerateDataKey on {key}",
    ),
    "aws-rotation": Known("two rotations would undo each other", _aws("cancel-rotate-secret")),
    "aws-owned": Known(
        "that service changes the secret as it likes", "# give the application a secret of its own, and name that"
    ),
    "aws-replica": Known("a replica cannot be written to", "# name the primary instead: aws://{primary}/{name}"),
    "aws-replica-status": Known(
        "readers in that region would not get the new value",
        _aws("remove-regions-from-replication")
        + " --remove-replica-regions {replica}\n"
        + _aws("replicate-secret-to-regions")
        + " --add-replica-regions Region={replica}",
    ),
}

PLACES: Mapping[str, Known] = {
    "place-not-checked": Known("what stands above has to be mended first"),
    "place-missing": Known(
        "in a wrong account, region, namespace or mount it looks the same",
        "secret-bridge adopt {command}     # if it shall be made there; else correct the address or the credentials",
    ),
    "place-unmanaged": Known(
        "the bridge refuses to write over it until it is adopted", "secret-bridge adopt {command}"
    ),
    "place-wiped": Known(
        "somebody replaced the tags: the bridge no longer knows what is current",
        "secret-bridge adopt {command} --repair",
    ),
    "place-other-client": Known(
        "a rotation would write over the secret of another application",
        "# correct sinks of [clients.{client}] in bridge.toml; or give the place back, as the other one: forget",
    ),
    "place-shared": Known(
        "each rotation of one would write over the other's secret",
        f"{UNDER_CLIENT}: a place of its own\nsinks = {{sinks}}",
    ),
    "place-other-places": Known(
        "a command that knows only some of the places would leave the others behind; the bridge refuses",
        "secret-bridge adopt {command}     # if this list is right; else correct sinks in bridge.toml",
    ),
    "place-other-manager": Known("two managers undo each other's changes; the bridge refuses", "{remedy}"),
    "place-beside-manager": Known(
        "where it also writes the value or the tags, it undoes what the bridge wrote", "{remedy}"
    ),
    "place-interrupted": Known(
        "Auth0 is asked which value it accepts, and that one is published", "secret-bridge resume {command}"
    ),
    "place-in-progress": Known("others are refused as long as it counts as live"),
    "place-foreign": Known(
        "nothing of it is believed, and no command goes over it unasked",
        "secret-bridge resume {command} --discard-foreign",
    ),
    "place-left-over": Known("an interrupted release left a value that nobody needs", "secret-bridge resume {command}"),
}

EVERYWHERE: Mapping[str, Known] = {
    "clock-skew": Known(
        "assertions and signatures carry this machine's time and are refused when it is wrong",
        "sudo chronyc makestep     # or: sudo systemctl restart systemd-timesyncd",
    ),
    "doctor-stopped": Known("nothing more could be told of this", "# {hint}"),
    "doctor-bug": Known("nothing more could be told of this", "# please report it"),
}

KNOWN: Mapping[str, Known] = {**TENANTS, **CLIENTS, **VAULTS, **PLACES_IN_AWS, **PLACES, **EVERYWHERE}

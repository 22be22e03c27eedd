"""Commands of Auth0's own CLI that create the application as which a role acts. Pure.

They are a shell script to read, and then to run. It makes the application and its grant, and prints the variables that
the bridge needs. No secret is in an argument or in the output: the private key never leaves the machine, and a client
secret goes from Auth0 into a file that only its owner may read.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from bridge.config.environment import address_from_environment
from bridge.config.settings import ClientSettings, Settings
from bridge.model.errors import Usage
from bridge.model.operation import Strategy
from bridge.model.tenant import TenantSettings
from bridge.model.tenant_address import base_url, display_name
from bridge.planning.role_rights import SCOPES
from bridge.policy.auth0 import why
from bridge.policy.formats import AUTH0_CLI
from sinks.rights import Block, Role

APPLICATION = "secret-bridge"
DESCRIPTION = "Rotates client secrets"
ADD_KEY = (
    "$app + {client_authentication_methods: {private_key_jwt: {credentials: "
    '[{credential_type: "public_key", alg: "RS256", pem: .}]}}}'
)
"""The jq program that completes an application by the public key on its input."""


@dataclass(frozen=True)
class Application:
    """The application to create in one tenant."""

    tenant: TenantSettings
    role: Role
    scopes: tuple[str, ...]
    secret: bool = False
    """Whether it authenticates with a client secret, and not with a key pair."""

    @property
    def name(self) -> str:
        """Its name in the dashboard."""
        return APPLICATION if self.role is Role.OPERATOR else f"{APPLICATION}-{self.role}"

    @property
    def domain(self) -> str:
        """The tenant's domain, or its URL where that is on loopback, without anything that was typed around it."""
        base = base_url(self.tenant.domain)
        return base if base.startswith("http:") else display_name(base)

    @property
    def audience(self) -> str:
        """The Management API's identifier."""
        return self.tenant.audience or f"{base_url(self.tenant.domain)}/api/v2/"

    @property
    def file(self) -> str:
        """The file that its credential is written to."""
        return f"{self.name}.{display_name(base_url(self.tenant.domain))}.{'json' if self.secret else 'pem'}"

    def body(self) -> dict[str, object]:
        """Return what is sent to create it with a key pair, but for the public key."""
        return {
            "name": self.name,
            "description": DESCRIPTION,
            "app_type": "non_interactive",
            "grant_types": ["client_credentials"],
        }

    def grant(self) -> dict[str, object]:
        """Return what is sent to grant it the scopes, but for its id."""
        return {"audience": self.audience, "scope": list(self.scopes)}


def scripts(
    chosen: Sequence[tuple[Settings, ClientSettings]],
    role: Role,
    environ: Mapping[str, str],
    *,
    without: Collection[str] = (),
    secret: bool = False,
) -> tuple[Block, ...]:
    """Return the commands for each tenant of these clients, or for that of the environment.

    The scopes are those of the role, `without` some of them.

    Raises:
        Usage: a scope in `without` is none of the role's, all of them are, or the environment names no tenant.
    """
    mine = SCOPES[role]
    if unknown := [scope for scope in without if scope not in mine]:
        expected = f"one of {', '.join(mine)}" if mine else f"none, as the role {role} has no scope"
        raise Usage(*(f"--without: found {scope!r}, expected {expected}" for scope in unknown))
    scopes = tuple(scope for scope in mine if scope not in without)
    if mine and not scopes:
        raise Usage("--without: found every scope of the role, expected that one is left")
    tenants: dict[str, TenantSettings] = {}
    generated: dict[str, list[str]] = {}
    for settings, client in chosen:
        tenants[client.tenant] = settings.tenants.get(client.tenant) or address_from_environment(environ)
        found = generated.setdefault(client.tenant, [])
        found += [client.name] if client.strategy == Strategy.AUTH0_GENERATED else []
    if not chosen:
        tenants = {(alone := address_from_environment(environ)).name: alone}
    return tuple(
        script(Application(tenant, role, scopes, secret), generated.get(name, ())) for name, tenant in tenants.items()
    )


def script(app: Application, generated: Collection[str] = ()) -> Block:
    """Return the commands that create an application. `generated` are clients whose secret Auth0 makes.

    An application without scopes is not needed, so its block is empty and says so.
    """
    told = [f"{app.tenant.name}: Auth0 at {app.domain}; role {app.role}"]
    if not app.scopes:
        return Block(app.tenant.name, AUTH0_CLI, (f"{told[0]}: no scope, and no application",), "", {})
    needs = "auth0 and jq" if app.secret else "auth0, jq and openssl"
    told += [] if app.secret else ["a key pair takes Auth0's Enterprise plan; on another plan: --with-secret"]
    told += [
        f"needs {needs}; log in before: auth0 login",
        f"writes {app.file}, and stops where that file is there already",
        "run it with sh, then run the line that it prints, and then: secret-bridge doctor",
        *why(app.scopes, generated),
    ]
    lines = ["(", "  set -euC", "  umask 077", *_created(app), *_granted(app), *_shown(app), ")"]
    return Block(
        app.tenant.name, AUTH0_CLI, tuple(told), "\n".join(lines), {"client": app.body(), "grant": app.grant()}
    )


def _created(app: Application) -> list[str]:
    """Return the commands that write the credential and create the application.

    The file is made first, where none is (`set -C`), and goes again if there is no application for it.
    """
    file, common = shlex.quote(app.file), _common(app)
    # Not by `jq -e`: version 1.6 ends with 0 where it gets nothing.
    failed = f"|| {{ rm {file}; exit 1; }}"
    if app.secret:
        return [
            f"  : > {file}",
            f"  auth0 apps create --name {app.name} --description {shlex.quote(DESCRIPTION)} --type m2m \\",
            "    --grants credentials --auth-method Post --reveal-secrets --json --no-input \\",
            f"    {common} < /dev/null >| {file} {failed}",
            f'  id=$(jq -r .client_id {file}) && test -n "$id" {failed}',
        ]
    return [
        f"  openssl genrsa 2048 > {file}",
        f"  id=$(openssl pkey -in {file} -pubout |",
        f"    jq -Rs --argjson app {_json(app.body())} {shlex.quote(ADD_KEY)} |",
        f'    auth0 api post clients {common} | jq -r .client_id) && test -n "$id" {failed}',
    ]


def _granted(app: Application) -> list[str]:
    left = shlex.quote(f"is created without its scopes: delete it, and {app.file}, before you try again")
    return [
        f"  jq -n --arg id \"$id\" --argjson grant {_json(app.grant())} '{{client_id: $id}} + $grant' |",
        f'    auth0 api post client-grants {_common(app)} > /dev/null || {{ echo "$id" {left} >&2; exit 1; }}',
        f'  echo "created $id, which may:" {" ".join(app.scopes)} >&2',
    ]


def _shown(app: Application) -> list[str]:
    """Return the command that prints the variables, quoted for a shell by jq."""
    its = {"AUTH0_DOMAIN": app.domain}
    if app.tenant.audience:
        its["AUTH0_AUDIENCE"] = app.tenant.audience
    credential = (
        r"AUTH0_CLIENT_SECRET=\"$(jq -r .client_secret \($file|@sh))\""
        if app.secret
        else r"AUTH0_CLIENT_ASSERTION_PRIVATE_KEY=\"$(cat \($file|@sh))\""
    )
    variables = " ".join([rf"{name}=\($its.{name}|@sh)" for name in its] + [r"AUTH0_CLIENT_ID=\($id|@sh)", credential])
    program = shlex.quote(f'"export {variables}"')
    return [
        f'  jq -nr --arg id "$id" --arg file {shlex.quote(app.file)} --argjson its {_json(its)} \\',
        f"    {program}",
    ]


def _common(app: Application) -> str:
    """Return the options of every command."""
    # The CLI knows a tenant by its own domain. Where the bridge uses a custom one, the audience holds it.
    host = urlsplit(app.audience).netloc if app.tenant.audience else display_name(base_url(app.tenant.domain))
    return f"--tenant {shlex.quote(host)} --no-color"


def _json(data: object) -> str:
    """Return JSON as one word of a shell. It is ASCII, so nothing in it is changed when it is printed."""
    return shlex.quote(json.dumps(data))

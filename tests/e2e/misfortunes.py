"""What breaks a rotation before it begins: each misfortune happens to a client that is in order, and is then mended.

A misfortune is a generator. It adopts the client, breaks something, and yields what a person fills into the remedy, in
place of what stands there in capitals. What it opened is closed behind the yield.
"""

from __future__ import annotations

import json
import os
import threading
import tomllib
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.e2e.sinks import REGION
from tests.support.bombs import MIB, bomb
from tests.support.proxy import Answer, Proxy
from tests.support.strict_moto import controls
from tests.unit.auth0.slow_server import SlowServer, head
from tests.unit.doctor.certificates import Authority, Behind
from tests.unit.doctor.patient import Patient
from tests.unit.policy.iam import ACCOUNT
from tests.unit.policy.rights import of, printed, rules_in, written

Fill = Mapping[str, str]
Broken = Generator[Fill, None, None]
Breaks = Callable[[Patient], Broken]
NOTHING: Fill = {}
MEBIBYTES = 20
"""What a bomb unpacks to: more than any answer may have."""
HOUR = threading.Event()
"""Set while the hour is not over that a busy server asks to wait."""
TAGS = 20
"""Tags of their own that leave no room for the bridge's. AWS takes 50."""


def sinks(patient: Patient) -> list[str]:
    """Return the sinks of a client's world by the names of its configuration."""
    names = {"vault": f"eu://secret/{patient.world.vault.path}", "aws": f"use1://{patient.world.aws.name}"}
    return [names[place.uri.partition(":")[0]] for place in patient.world.sinks]


def listed(patient: Patient) -> list[str]:
    """Return a client's sinks as its configuration names them now."""
    found: list[str] = tomllib.loads(patient.file.read_text("utf-8"))["clients"]["billing"]["sinks"]
    return found


def endless_file(patient: Patient) -> Broken:
    """Name a file without an end for a credential."""
    patient.healthy()
    patient.set("tenants.local", "client_secret", "file:/dev/zero")
    yield NOTHING


def variable(name: str, text: str) -> Breaks:
    """Set a variable of the environment. `text` may hold the right one, as {}."""

    def breaks(patient: Patient) -> Broken:
        patient.healthy()
        patient.patch.setenv(name, text.format(os.environ.get(name, "")))
        yield NOTHING

    return breaks


def sinks_of(change: Callable[[Patient, list[str]], list[str]]) -> Breaks:
    """Write other sinks into the configuration."""

    def breaks(patient: Patient) -> Broken:
        patient.healthy()
        patient.set("clients.billing", "sinks", change(patient, sinks(patient)))
        yield NOTHING

    return breaks


@contextmanager
def secured(patient: Patient, end: str) -> Iterator[Fill]:
    """Put one end of a client behind TLS with an authority of its own, and trust that authority."""
    servers, authority = patient.world.servers, Authority(patient.file.parent)
    upstream, table, key = {
        "auth0": (servers.auth0.url, "tenants.local", "domain"),
        "vault": (servers.bao.url, "vaults.eu", "url"),
        "aws": (servers.aws_url, "vaults.use1", "endpoint_url"),
    }[end]
    with Behind(upstream, authority.context()) as server:
        patient.set(table, key, server.url)
        if end == "auth0":
            patient.set(table, "audience", patient.world.tenant.audience)
            patient.patch.setenv("SSL_CERT_FILE", str(authority.file))
        else:
            patient.set(table, "ca_file", str(authority.file))
        yield {"RIGHT": str(authority.file), "URL": server.url}


def on_the_way(end: str, name: str, text: str) -> Breaks:
    """Set a variable that decides over the way to a server behind TLS."""

    def breaks(patient: Patient) -> Broken:
        with secured(patient, end) as fill:
            patient.healthy()
            if name.endswith(("_BUNDLE", "_FILE")):
                patient.set({"vault": "vaults.eu", "aws": "vaults.use1"}.get(end, "tenants.local"), "ca_file", None)
            # Tolerated as it is. For the ends without TLS no variable matters.
            patient.patch.setenv("NO_PROXY", "::1/128")
            patient.patch.delenv("no_proxy", raising=False)
            patient.patch.setenv(name, text)
            yield fill

    return breaks


def in_clear_text(end: str) -> Breaks:
    """Write plain http:// for a server that is not this machine, though one name looks as if it was."""

    def breaks(patient: Patient) -> Broken:
        with secured(patient, end) as fill:
            patient.healthy()
            if end == "vault":
                patient.set("vaults.eu", "url", "http://127.evil.example:8200")
                patient.set("vaults.eu", "ca_file", None)
            else:
                patient.set("vaults.use1", "endpoint_url", None)
                patient.set("vaults.use1", "ca_file", None)
                patient.patch.setenv("AWS_ENDPOINT_URL", "http://evil.example")
            yield fill

    return breaks


def before(end: str, gate: Callable[[str, Callable[[], Answer]], Answer]) -> Breaks:
    """Put a gateway before an end."""

    def breaks(patient: Patient) -> Broken:
        servers = patient.world.servers
        upstream, table, key, place = {
            "auth0": (servers.auth0.url, "tenants.local", "domain", "TENANT.eu.auth0.com"),
            "vault": (servers.bao.url, "vaults.eu", "url", "https://VAULT:8200"),
            "aws": (servers.aws_url, "vaults.use1", "endpoint_url", "https://ENDPOINT"),
        }[end]
        with Proxy(upstream, gate=lambda what, ask: gate(what, ask) if broken.is_set() else ask()) as proxy:
            patient.set(table, key, proxy.url)
            if end == "auth0":
                patient.set(table, "audience", patient.world.tenant.audience)
            patient.healthy()
            broken.set()
            yield {place: upstream}

    broken = threading.Event()
    return breaks


def asks_to_wait(end: str) -> Breaks:
    """Have a server ask to wait."""

    def breaks(patient: Patient) -> Broken:
        HOUR.set()
        yield from before(end, busy)(patient)

    return breaks


def busy(_: str, ask: Callable[[], Answer]) -> Answer:
    """Ask everybody to come again in an hour, until that is over."""
    return Answer(503, "Service Unavailable", (("Retry-After", "3600"),), b"{}") if HOUR.is_set() else ask()


def standby(what: str, ask: Callable[[], Answer]) -> Answer:
    """Answer as a standby does that passes requests on."""
    answer = ask()
    if "sys/health" not in what:
        return answer
    body = answer.body.replace(b'"standby":false', b'"standby":true')
    return Answer(answer.status, answer.reason, answer.headers, body)


def no_patch(what: str, ask: Callable[[], Answer]) -> Answer:
    """Let no PATCH through."""
    return Answer(405, "Method Not Allowed", (), b"") if what.startswith("PATCH") else ask()


def no_patch_for_anybody(what: str, ask: Callable[[], Answer]) -> Answer:
    """Forbid PATCH, as firewalls for applications do."""
    return Answer(403, "Forbidden", (), b"") if what.startswith("PATCH") else ask()


def endless(end: str) -> Breaks:
    """Name a server whose answers no program should take in."""

    def breaks(patient: Patient) -> Broken:
        patient.healthy()
        servers = patient.world.servers
        table, key, place, right = {
            "auth0": ("tenants.local", "domain", "TENANT.eu.auth0.com", servers.auth0.url),
            "vault": ("vaults.eu", "url", "https://VAULT:8200", servers.bao.url),
        }[end]
        sent = bomb(MEBIBYTES * MIB)
        with SlowServer((head(sent, "Content-Encoding: gzip"), sent)) as server:
            patient.set(table, key, server.url)
            yield {place: right}

    return breaks


def token_ends_soon(patient: Patient) -> Broken:
    """Act by a token that ends before a slow rotation does."""
    patient.healthy()
    rules = written(rules_in(of(printed("billing", "--role", "operator"), "hcl")))
    patient.patch.setenv("TOOL_TOKEN", patient.limited(rules, ttl="30m"))
    yield NOTHING


def crowded(patient: Patient) -> Broken:
    """Give the secret so many tags that there is no room for the bridge's."""
    patient.healthy()
    names = [f"theirs-{number}" for number in range(TAGS)]
    aws = patient.world.aws
    aws.client.tag_resource(SecretId=aws.name, Tags=[{"Key": name, "Value": "x"} for name in names])
    yield {"TAG": " ".join(names)}


def rotated_by_aws(patient: Patient) -> Broken:
    """Have AWS rotate the secret, too."""
    patient.healthy()
    function = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:rotate"
    patient.world.aws.client.rotate_secret(SecretId=patient.world.aws.name, RotationLambdaARN=function)
    yield NOTHING


def external(patient: Patient) -> Broken:
    """Have the secret be one of those that AWS rotates at Auth0. It was never adopted."""
    aws = patient.world.aws
    function = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:rotate"
    aws.client.put_secret_value(SecretId=aws.name, SecretString=json.dumps({"clientSecret": patient.world.s0}))
    aws.client.rotate_secret(SecretId=aws.name, RotationLambdaARN=function)
    controls.described = {"Type": "Auth0OAuthClientSecret"}
    yield NOTHING


def record_at(made: Callable[[Path], None]) -> Breaks:
    """Name a file for the audit record that others could reach."""

    def breaks(patient: Patient) -> Broken:
        patient.healthy()
        path = patient.file.parent / "audit" / "record"
        made(path)
        patient.patch.setenv("BRIDGE_AUDIT", f"file:{path}")
        yield NOTHING

    return breaks


def linked(path: Path) -> None:
    """Give a record a second name, in a place of somebody else."""
    path.parent.mkdir(mode=0o700)
    path.touch(0o600)
    path.with_name("another").hardlink_to(path)


def absent(_: Path) -> None:
    """Leave the record's directory unmade."""


def open_configuration(patient: Patient) -> Broken:
    """Let everybody write to the configuration."""
    patient.healthy()
    patient.file.chmod(0o666)
    yield NOTHING

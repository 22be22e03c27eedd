"""Many clients on real servers, each server in a process of its own: what the benchmarks of many clients happen in.

Every client has its own sinks, one in OpenBao and one in moto. The bridge logs in by AppRole. A *side* is one way to
rotate, with clients of its own, because what one writes the other would take for foreign.
"""

from __future__ import annotations

import json
import os
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self

import boto3
import hvac

from bridge.sandbox.aws import REGION, LocalAws
from bridge.sandbox.openbao import OpenBao
from sinks.record import stamp
from sinks.seal import Where, said
from sinks.secret import Secret
from tests.bench.auth0_process import Auth0Process

POLICY = 'path "secret/*" { capabilities = ["create", "read", "update", "patch", "list"%s] }'
A_SECOND = 1.2  # what Vault's clock, told in whole seconds, may lack
TENANT = """
[tenants.{name}]
domain = "{domain}"
audience = "{audience}"
client_id = "env:{variable}_CLIENT_ID"
client_secret = "env:{variable}_CLIENT_SECRET"
propagation = "{propagation}s"
"""
VAULTS = """
[vaults.eu]
type = "vault"
url = "{vault}"
auth = {{ method = "approle", role_id = "env:ROLE_ID", secret_id = "env:SECRET_ID" }}

[vaults.use1]
type = "aws"
region = "{region}"
"""
CLIENT = """
[clients.{name}]
tenant = "{tenant}"
client_id = "{client_id}"
sinks = {sinks}
"""


class CountingBao(OpenBao):
    """An OpenBao that writes down each request, as its audit device does; `taken` counts them."""

    _read = 0

    def _command(self) -> list[str]:
        config = self.home / "audit.hcl"
        config.write_text(f'audit "file" "requests" {{ options = {{ file_path = "{self.home / "requests"}" }} }}\n')
        return [*super()._command(), f"-config={config}"]

    def taken(self) -> Counter[str]:
        """Return the requests since the last time, and the logins among them."""
        with (self.home / "requests").open("rb") as file:
            file.seek(self._read)
            told = file.read()
        self._read += len(told)
        requests = [line for line in told.splitlines() if b'"type":"request"' in line[:80]]
        return Counter(requests=len(requests), logins=sum(b'"path":"auth/approle/login"' in line for line in requests))


class CountingAws(LocalAws):
    """A moto server whose own log is counted."""

    _read = 0

    def taken(self) -> int:
        """Return the number of requests since the last time."""
        with self.log_file.open("rb") as file:
            file.seek(self._read)
            told = file.read()
        self._read += len(told)
        return told.count(b'"POST / HTTP/1.1')


@dataclass
class Tenant:
    """A local Auth0, and the application as which the bridge acts there."""

    name: str
    auth0: Auth0Process
    client_id: str
    client_secret: str = field(repr=False)

    @property
    def audience(self) -> str:
        return f"{self.auth0.url}/api/v2/"


@dataclass(frozen=True)
class Member:
    """One client of a fleet."""

    name: str
    tenant: str
    client_id: str
    first: str = field(repr=False)


class Fleet:
    """Use it as a context manager. `kinds` are the vaults in which each client has a sink."""

    def __init__(self, tenants: Sequence[str] = ("local",), *, kinds: Sequence[str] = ("vault", "aws"),
                 propagation: int = 3, scans: bool = False) -> None:  # fmt: skip
        self.propagation = propagation
        self._policy = POLICY % (', "scan"' * scans)  # the optional right to read a folder's metadata at once
        self.kinds = kinds
        self.bao, self.aws = CountingBao.dev(), CountingAws()
        self.tenants: dict[str, Tenant] = {}
        self._names = tenants
        self._running = ExitStack()
        self._role: dict[str, str] = {}
        self._ended: dict[str, float] = {}

    def __enter__(self) -> Self:
        with ExitStack() as running:
            servers: list[CountingBao | CountingAws] = [self.bao, *([self.aws] if "aws" in self.kinds else [])]
            for server in servers:
                running.callback(server.stop)
                server.spawn()
            for name in self._names:
                auth0 = running.enter_context(Auth0Process())
                self.tenants[name] = Tenant(name, auth0, *auth0.ask("own"))
            for server in servers:
                server.wait()
            self.home = Path(running.enter_context(tempfile.TemporaryDirectory(prefix="bridge-fleet-")))
            self._vault = hvac.Client(url=self.bao.url, token=self.bao.token)
            running.callback(self._vault.adapter.close)
            self._role = _role(self._vault, self._policy)
            self._secrets = self._aws_client() if "aws" in self.kinds else None
            self._running = running.pop_all()
        return self

    def __exit__(self, *error: object) -> None:
        self._running.close()

    def _aws_client(self) -> Any:
        return boto3.client("secretsmanager", endpoint_url=self.aws.url, region_name=REGION,
                            aws_access_key_id="sandbox", aws_secret_access_key="sandbox")  # fmt: skip

    @property
    def urls(self) -> list[str]:
        """The servers: each tenant's, Vault's, and AWS's if there is one."""
        return [*(one.auth0.url for one in self.tenants.values()), self.bao.url, *self._aws_urls]

    @property
    def _aws_urls(self) -> list[str]:
        return [self.aws.url] if "aws" in self.kinds else []

    def add(self, side: str, count: int, *, after: int = 0) -> list[Member]:
        """Add so many clients, in turns to each tenant, with filled sinks. `after`: how many the side has."""
        members, tenants = [], list(self.tenants.values())
        names: dict[str, list[str]] = {one.name: [] for one in tenants}
        for number in range(after, after + count):
            names[tenants[number % len(tenants)].name].append(f"{side}-{number:05}")
        for tenant in tenants:
            made = tenant.auth0.ask("add", names[tenant.name])
            members += [Member(name, tenant.name, *one) for name, one in zip(names[tenant.name], made, strict=True)]
        for member in members:
            document = {"client_secret": member.first, "db_url": "postgres://db/billing"}
            if "vault" in self.kinds:
                self._vault.secrets.kv.v2.create_or_update_secret(f"apps/{member.name}", document)
            if self._secrets:
                self._secrets.create_secret(Name=f"apps/{member.name}", SecretString=json.dumps(document))
        return sorted(members, key=lambda member: member.name)

    def environment(self, urls: Sequence[str] = ()) -> dict[str, str]:
        """Return the variables of a command. `urls` stand for the servers, in the order of `urls`."""
        urls = urls or self.urls
        own = {}
        for tenant in self.tenants.values():
            own[f"{tenant.name.upper()}_CLIENT_ID"] = tenant.client_id
            own[f"{tenant.name.upper()}_CLIENT_SECRET"] = tenant.client_secret
        aws = {**self.aws.environment(), "AWS_ENDPOINT_URL": urls[-1]} if self._aws_urls else {}
        return {**own, **aws, **self._role, "AWS_EC2_METADATA_DISABLED": "true", "PATH": os.environ["PATH"]}

    def config(self, members: Sequence[Member], urls: Sequence[str] = (), *, audit: bool = False,
               defaults: str = "") -> Path:  # fmt: skip
        """Write a configuration of these clients, and return its path."""
        urls = urls or self.urls
        text = VAULTS.format(vault=urls[len(self.tenants)], region=REGION)
        for tenant, url in zip(self.tenants.values(), urls, strict=False):
            text += TENANT.format(name=tenant.name, domain=url, audience=tenant.audience,
                                  variable=tenant.name.upper(), propagation=self.propagation)  # fmt: skip
        text += f"\n[defaults]\n{defaults}\n" if defaults else ""
        text += f'\n[audit]\nto = "file:{self.home / "audit"}"\n' if audit else ""
        places = {"vault": "eu://secret/apps/{}", "aws": "use1://apps/{}"}
        for member in members:
            sinks = json.dumps([places[kind].format(member.name) for kind in self.kinds])
            text += CLIENT.format(name=member.name, tenant=member.tenant, client_id=member.client_id, sinks=sinks)
        file = self.home / "bridge.toml"
        file.write_text(text, "utf-8")
        return file

    def taken(self) -> dict[str, Any]:
        """Return what reached the servers since the last time. With several tenants, `tenants` has each one's."""
        each = {name: tenant.auth0.ask("taken") for name, tenant in self.tenants.items()}
        vault = self.bao.taken()
        return {
            "auth0": sum(one["requests"] for one in each.values()),
            "vault": vault["requests"],
            "aws": self.aws.taken() if self._aws_urls else 0,
            "tokens": sum(one["tokens"] for one in each.values()),
            "logins": vault["logins"],
            "tenants": each,
        }

    def changes(self, members: Sequence[Member]) -> list[int]:
        """Return how often each client's value has changed at Auth0 since it was added."""
        found: dict[str, int] = self._each("changes", members)
        return [found[member.name] for member in members]

    def _each(self, command: str, members: Sequence[Member]) -> dict[str, Any]:
        found = {}
        for name, tenant in self.tenants.items():
            here = [member for member in members if member.tenant == name]
            answers = tenant.auth0.ask(command, [member.client_id for member in here])
            found |= {member.name: answer for member, answer in zip(here, answers, strict=True)}
        return found

    def stored(self, member: Member) -> dict[str, tuple[str, int]]:
        """Return the current value in each vault, and how many versions were ever written there."""
        found = {}
        path = f"apps/{member.name}"
        if "vault" in self.kinds:
            read = self._vault.secrets.kv.v2.read_secret_version(path, raise_on_deleted_version=True)["data"]
            found["vault"] = (read["data"]["client_secret"], read["metadata"]["version"])
        if self._secrets:
            text = self._secrets.get_secret_value(SecretId=path)["SecretString"]
            listed = self._secrets.list_secret_version_ids(SecretId=path, IncludeDeprecated=True)
            found["aws"] = (json.loads(text)["client_secret"], len(listed["Versions"]))
        return found

    def written(self, member: Member) -> list[str]:
        """Return when each version of a client's document in Vault was written, the oldest first."""
        read = self._vault.secrets.kv.v2.read_secret_metadata(f"apps/{member.name}")["data"]["versions"]
        return [read[number]["created_time"] for number in sorted(read, key=int)]

    def tags(self, member: Member) -> dict[str, str]:
        """Return the tags of a client's document in Vault."""
        read = self._vault.secrets.kv.v2.read_secret_metadata(f"apps/{member.name}")
        return dict(read["data"]["custom_metadata"] or {})

    def locked(self, member: Member) -> bool:
        """Return whether an operation holds a client's document in Vault, or has left it so."""
        read = self._vault.secrets.kv.v2.read_secret_metadata(f"apps/{member.name}/pending")["data"]
        return bool(str(read["current_version"]) == (read["custom_metadata"] or {}).get("bridge_lock_version"))

    def backdate(self, member: Member, days: int) -> None:
        """Let a client's value seem so many days old. It must have been adopted. It has no fallback any more."""
        where = Where(f"eu://secret/apps/{member.name}", "client_secret")
        current = Secret(self.stored(member)["vault"][0])
        promoted = {"bridge_promoted_at": stamp(datetime.now(UTC) - timedelta(days=days)), "bridge_fallback": None}
        old = said(tags := self.tags(member), where, current)
        # Otherwise the copy beside the lock would win when an interrupted operation is given back.
        new = old.changed(promoted, where, current, old.sequence + 1, "")
        found = {name: text for name, text in (tags | dict(new.tags)).items() if text and name != "bridge_fallback"}
        self._vault.secrets.kv.v2.update_metadata(f"apps/{member.name}", custom_metadata=found)

    def values(self, members: Sequence[Member]) -> dict[str, str]:
        """Return the value that Auth0 has of each client."""
        return self._each("values", members)

    @contextmanager
    def apart(self, side: str) -> Iterator[None]:
        """Wait until the fence of this side's last command has passed, and note when this one ends."""
        if side in self._ended:
            time.sleep(max(0.0, self._ended[side] + self.propagation + A_SECOND - time.monotonic()))
        yield
        self._ended[side] = time.monotonic()


def _role(vault: Any, policy: str) -> dict[str, str]:
    """Make an AppRole whose secret id may be used any number of times, as the old command needs it."""
    vault.sys.create_or_update_policy("bridge", policy)
    vault.sys.enable_auth_method("approle")
    role = vault.auth.approle
    role.create_or_update_approle("bridge", token_policies=["bridge"])
    return {
        "ROLE_ID": role.read_role_id("bridge")["data"]["role_id"],
        "SECRET_ID": role.generate_secret_id("bridge")["data"]["secret_id"],
    }

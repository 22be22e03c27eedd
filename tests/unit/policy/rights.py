"""Somebody who has exactly the rights that `policy` prints, at all three ends, and what becomes of their commands."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import requests

from bridge.sandbox.openbao import OpenBao
from sinks.vault.http import Adapter
from tests.e2e.command import Ended, invoke
from tests.e2e.sinks import NO_TRUST, REGION
from tests.e2e.world import World
from tests.unit.policy.iam import Guard

CONFIG = """\
[tenants.local]
domain = "{AUTH0_DOMAIN}"
client_id = "env:AUTH0_CLIENT_ID"
client_secret = "{own}"
propagation = "{BRIDGE_PROPAGATION}"

[vaults.eu]
type = "vault"
url = "{VAULT_ADDR}"
auth = {{ method = "token", token = "env:VAULT_TOKEN" }}
{vault}

[vaults.use1]
type = "aws"
region = "{region}"
endpoint_url = "{AWS_ENDPOINT_URL}"

[defaults]
fallback_min_age = "0s"
"""
CLIENT = """
[clients.{name}]
tenant = "local"
client_id = "{client_id}"
min_interval = "0s"
sinks = {sinks}
"""
LINE = re.compile(r'path "([^"]+)" +\{ capabilities = (\[[^]]*\]) \}')

Rules = dict[str, tuple[str, ...]]


def write_config(
    directory: Path, clients: Mapping[str, tuple[World, Sequence[str]]], *, own: str = "env:AUTH0_CLIENT_SECRET",
    vault: str = "", client: str = "",
) -> None:  # fmt: skip
    """Write a `bridge.toml` for clients at their sinks; `vault` and `client`: more lines of their tables."""
    environ = next(iter(clients.values()))[0].environment
    text = CONFIG.format(own=own, vault=vault, region=REGION, **environ)
    for name, (world, sinks) in clients.items():
        text += CLIENT.format(name=name, client_id=world.client_id, sinks=json.dumps([*sinks])) + client
    (directory / "bridge.toml").write_text(text, "utf-8")


def printed(*options: str) -> list[dict[str, Any]]:
    """Return what `policy --json` prints."""
    ended = invoke("policy", "--json", *options)
    assert ended.status == 0, ended.told
    return ended.objects


def of(told: Sequence[dict[str, Any]], form: str) -> list[Any]:
    """Return the policies in one language."""
    return [block["policy"] for block in told if block["format"] == form]


def rules_in(texts: Sequence[str]) -> Rules:
    """Read lines of HCL."""
    found: Rules = {}
    for path, capabilities in LINE.findall("\n".join(texts)):
        found[path] = (*found.get(path, ()), *json.loads(capabilities))
    return found


def written(rules: Rules) -> str:
    """Write lines of HCL."""
    return "\n".join(f'path "{path}" {{ capabilities = {json.dumps(each)} }}' for path, each in rules.items())


DOES = {"GET": "read", "POST": "update", "PUT": "update", "PATCH": "patch", "create": "create"}
DOCUMENT = "DOCUMENT"


def documents(rules: Rules, mount: str = "secret", end: str = "/pending") -> tuple[str, ...]:
    """Return the documents that rules are about, below their mount; `end`: how their lock keys' names end."""
    names = {path.split("/", mount.count("/") + 2)[-1] for path in rules if not path.endswith("/config")}
    return tuple(sorted(name for name in names if not name.endswith(end)))


def anonymous(path: str, names: Sequence[str]) -> str:
    """Return a path whichever of these documents it is about."""
    found = next((name for name in names if re.search(f"/{re.escape(name)}(/pending)?$", path)), None)
    return path.replace(found, DOCUMENT) if found else path


def granted(rules: Rules, names: Sequence[str]) -> set[tuple[str, str]]:
    """Return which capabilities rules grant, and where, whichever the document is."""
    return {(capability, anonymous(path, names)) for path, several in rules.items() for capability in several}


def smaller(rules: Rules) -> Iterator[tuple[str, str, Rules]]:
    """Yield rules without one capability of one path."""
    for path, capabilities in rules.items():
        for capability in capabilities:
            left = {path: tuple(each for each in capabilities if each != capability)}
            yield path, capability, {p: c for p, c in {**rules, **left}.items() if c}


class Vault:
    """Root in the real OpenBao: makes tokens with a policy, and changes that policy under them."""

    def __init__(self, bao: OpenBao, name: str, namespace: str = "") -> None:
        self._name = name
        headers = {"X-Vault-Token": bao.token, **({"X-Vault-Namespace": namespace} if namespace else {})}
        self._http = httpx.Client(base_url=f"{bao.url}/v1/", headers=headers, trust_env=False, verify=NO_TRUST)

    def __enter__(self) -> Vault:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def ask(self, method: str, path: str, told: dict[str, Any] | None = None) -> Any:
        answer = self._http.request(method, path, json=told)
        assert answer.is_success, (path, answer.text)
        return answer.json() if answer.content else None

    def allow(self, hcl: str) -> None:
        """Replace the policy; tokens that were made have it at once."""
        self.ask("PUT", f"sys/policies/acl/{self._name}", {"policy": hcl or "# nothing"})

    def token(self, **more: Any) -> str:
        made = self.ask("POST", "auth/token/create", {"policies": [self._name], **more})
        return str(made["auth"]["client_token"])

    def capabilities(self, token: str, paths: Sequence[str]) -> dict[str, set[str]]:
        """Return what the server itself says that a token may do."""
        told = self.ask("POST", "sys/capabilities", {"token": token, "paths": [*paths]})["data"]
        return {path: set(told[path]) - {"deny"} for path in paths}


class Somebody:
    """Whoever has a role's rights. `requests` are those that Vault has let pass since, as a method and a path."""

    def __init__(self, world: World, vault: Vault, guard: Guard, monkeypatch: pytest.MonkeyPatch) -> None:
        self.world = world
        self.vault = vault
        self.guard = guard
        self._monkeypatch = monkeypatch
        self.iam: Sequence[Any] | None = None  # as root
        self.requests: list[tuple[str, str]] = []

    def become(self, *options: str) -> list[dict[str, Any]]:
        """Get the rights that are printed, and none beside them."""
        told = printed(*options)
        self.forget()
        self.vault.allow("\n".join(of(told, "hcl")))
        self._monkeypatch.setenv("VAULT_TOKEN", self.vault.token())
        self.iam = of(told, "iam")
        self.scopes([scope for scopes in of(told, "scopes") for scope in scopes])
        return told

    def scopes(self, scopes: Sequence[str]) -> str:
        """Act as an application with these scopes; return its secret."""
        own = self.world.tenant.add_management_client(scopes)
        self._monkeypatch.setenv("AUTH0_CLIENT_ID", own.client_id)
        self._monkeypatch.setenv("AUTH0_CLIENT_SECRET", own.client_secret)
        return own.client_secret

    def forget(self) -> None:
        """Forget which requests were made."""
        self.requests.clear()
        self.guard.passed.clear()

    def used(self, names: Sequence[str]) -> set[tuple[str, str]]:
        """Return what was asked of Vault: which capability, and where, whichever the document was."""
        found = {(DOES[method], path.partition("?")[0]) for method, path in self.requests}
        return {(method, anonymous(path, names)) for method, path in found if path.startswith("secret/")}

    @property
    def acted(self) -> set[str]:
        """The actions that AWS was asked for."""
        return {f"secretsmanager:{action}" for action in self.guard.passed}

    def run(self, *args: str) -> Ended:
        """Give a command."""
        with self.guard.enforcing(self.iam), self._recording():
            return invoke(*args)

    def can(self, *args: str) -> Ended:
        ended = self.run(*args)
        assert ended.status == 0, (args, ended.told)
        return ended

    def cannot(self, *args: str, told: str) -> None:
        ended = self.run(*args)
        assert ended.status == 1, (args, ended.told)
        assert told in ended.told

    @contextmanager
    def _recording(self) -> Iterator[None]:
        real = Adapter.send

        def send(adapter: Adapter, request: requests.PreparedRequest, *args: Any, **more: Any) -> requests.Response:
            first = b'"cas": 0}' in (request.body if isinstance(request.body, bytes) else b"")
            answer = real(adapter, request, *args, **more)
            if answer.status_code != httpx.codes.FORBIDDEN:
                method = "create" if first else str(request.method)
                self.requests.append((method, str(request.path_url).removeprefix("/v1/")))
            return answer

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Adapter, "send", send)
            yield

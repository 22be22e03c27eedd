"""The script for Auth0's CLI: run as printed, it creates an application with these scopes, and leaks nothing."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from bridge.model.tenant_address import display_name
from bridge.planning.role_rights import SCOPES
from sinks.rights import Role
from tests.docs.pages import ROOT
from tests.e2e.command import Ended, done, invoke, on
from tests.e2e.world import World
from tests.unit.policy import auth0_standin

OPERATOR = ("policy", "--role", "operator", "--format", "auth0-cli")
OPENAPI = json.loads((ROOT / "tests/unit/sandbox/auth0-openapi.json").read_text("utf-8"))
MAKES = ("create:clients", "create:client_grants")
"""The scopes that `auth0 login` asks for, as far as the script needs them."""


@dataclass
class Shell:
    """A shell in which `auth0` is the stand-in, logged in to a tenant."""

    directory: Path
    environ: Mapping[str, str]

    def run(self, script: str) -> subprocess.CompletedProcess[str]:
        ended = subprocess.run(
            ["sh"], input=script.encode(), cwd=self.directory, env=self.environ, capture_output=True, timeout=120,
            check=False,
        )  # fmt: skip
        # Not by `text`, which makes line breaks of carriage returns.
        return subprocess.CompletedProcess("sh", ended.returncode, ended.stdout.decode(), ended.stderr.decode())

    def made(self, script: str) -> dict[str, str]:
        """Run a script and what it prints, and return the variables that are set then."""
        ended = self.run(script)
        assert ended.returncode == 0, ended.stderr
        return self.variables(ended.stdout)

    def variables(self, exports: str) -> dict[str, str]:
        """Return the variables that are set after the lines that a script printed."""
        told = self.run(f"{exports}\nenv -0")
        assert told.returncode == 0, told.stderr
        variables = dict(each.split("=", 1) for each in told.stdout.split("\0") if each)
        return {name: text for name, text in variables.items() if name.startswith("AUTH0_")}

    @property
    def arguments(self) -> list[list[str]]:
        """What the CLI was called with."""
        return [json.loads(line) for line in Path(self.environ["ARGUMENTS"]).read_text("utf-8").splitlines()]


MakeShell = Callable[..., Shell]


@pytest.fixture
def make_shell(tmp_path: Path) -> MakeShell:
    def make(url: str, token: str, tenant: str | None = None) -> Shell:
        directory, tools = tmp_path / "shell", tmp_path / "tools"
        for path in (directory, tools):
            path.mkdir()
        shim = tools / "auth0"
        shim.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} {auth0_standin.__file__} "$@"\n', "utf-8")
        shim.chmod(0o755)
        return Shell(directory, {
            "PATH": f"{tools}:{os.environ['PATH']}", "HOME": str(tmp_path), "URL": url, "TOKEN": token,
            "TENANT": tenant or display_name(url), "ARGUMENTS": str(tmp_path / "arguments"),
        })  # fmt: skip

    return make


@pytest.fixture
def tenant(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """A stranger's tenant: there are variables for the vaults, and none yet for Auth0 but its domain."""
    for name, text in world.environment.items():
        monkeypatch.setenv(name, text)
    for name in ("AUTH0_CLIENT_ID", "AUTH0_CLIENT_SECRET"):
        monkeypatch.delenv(name)
    world.tenant.add_api_token("logged-in", MAKES, "auth0-cli")
    return world


@pytest.fixture
def shell(tenant: World, make_shell: MakeShell) -> Shell:
    return make_shell(tenant.servers.auth0.url, "logged-in")


def printed(*options: str) -> str:
    return done(invoke(*OPERATOR, *options)).out


def become(monkeypatch: pytest.MonkeyPatch, variables: Mapping[str, str]) -> None:
    for name, text in variables.items():
        monkeypatch.setenv(name, text)


def examined(world: World) -> dict[str, str]:
    """Return what the doctor finds, and how bad that is, but for the time that tests of this process have skipped."""
    told = on(world, "doctor", "--json").objects
    return {one["what"]: one["severity"] for one in told if one["id"] != "clock-skew"}


@pytest.mark.parametrize("options", [(), ("--with-secret",)], ids=["key", "secret"])
def test_after_the_script_the_doctor_is_content_and_a_rotation_passes(
    tenant: World, shell: Shell, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...]
) -> None:
    variables = shell.made(printed(*options))
    (credential,) = variables.keys() - {"AUTH0_DOMAIN", "AUTH0_CLIENT_ID"}
    assert credential == ("AUTH0_CLIENT_SECRET" if options else "AUTH0_CLIENT_ASSERTION_PRIVATE_KEY")
    assert variables["AUTH0_DOMAIN"] == tenant.servers.auth0.url
    become(monkeypatch, variables)
    found = examined(tenant)
    assert found[f"scopes: {', '.join(SCOPES[Role.OPERATOR])}"] == "ok"
    assert "wrong" not in found.values()
    assert not [what for what in found if "lacks the scope" in what]
    done(on(tenant, "rotate", "--adopt", "--yes", "--no-wait"))
    assert len(tenant.tenant.secret_history(tenant.client_id)) == 2
    assert tenant.tenant.client(variables["AUTH0_CLIENT_ID"]).grants == {
        tenant.tenant.audience: SCOPES[Role.OPERATOR]
    }  # these, and no more


@pytest.mark.parametrize(
    ("scope", "severity"),
    # One covers another, and two can be done without.
    [("read:clients", "note"), ("update:client_keys", "wrong"), ("read:client_keys", "note"), ("read:logs", "note")],
)
def test_a_scope_that_was_left_out_is_named_by_the_doctor(
    tenant: World, shell: Shell, monkeypatch: pytest.MonkeyPatch, scope: str, severity: str
) -> None:
    become(monkeypatch, shell.made(printed("--without", scope)))
    lacking = {what: found for what, found in examined(tenant).items() if "lacks the scope" in what}
    assert lacking == {f"the management token lacks the scope {scope}": severity}


@pytest.mark.parametrize("options", [(), ("--with-secret",)], ids=["key", "secret"])
def test_the_credential_is_in_one_file_of_its_owner_and_in_no_argument_and_no_output(
    tenant: World, shell: Shell, options: tuple[str, ...]
) -> None:
    script = printed(*options)
    ended = shell.run(script)
    variables = shell.variables(ended.stdout)
    (file,) = shell.directory.iterdir()
    assert file.stat().st_mode & 0o777 == 0o600
    (credential,) = [variables[name] for name in variables.keys() - {"AUTH0_DOMAIN", "AUTH0_CLIENT_ID"}]
    assert credential in file.read_text("utf-8")
    unseen = [line for line in credential.splitlines() if "-----" not in line]
    # Auth0 makes a secret in any case, and its answer holds it.
    hidden = [*unseen, tenant.tenant.secret(variables["AUTH0_CLIENT_ID"])]
    assert len(hidden) > 1
    for seen in (script, ended.stdout, ended.stderr, json.dumps(shell.arguments)):
        assert [value for value in hidden if value in seen] == []


def test_a_file_that_is_there_is_kept_and_nothing_is_created(tenant: World, shell: Shell) -> None:
    script = printed()
    shell.made(script)
    before, (file,) = tenant.tenant.clients(), shell.directory.iterdir()
    key = file.read_bytes()
    again = shell.run(script)
    assert again.returncode != 0
    assert again.stdout == ""
    assert (file.read_bytes(), len(tenant.tenant.clients())) == (key, len(before))


@pytest.mark.parametrize("options", [(), ("--with-secret",)], ids=["key", "secret"])
def test_without_a_login_nothing_is_left_and_the_script_can_be_run_again(
    tenant: World, make_shell: MakeShell, options: tuple[str, ...]
) -> None:
    tenant.tenant.add_api_token("weak", ())
    weak = make_shell(tenant.servers.auth0.url, "weak")
    ended = weak.run(printed(*options))
    assert (ended.returncode, ended.stdout, list(weak.directory.iterdir())) == (1, "", [])
    assert "create:clients" in ended.stderr
    shell = Shell(weak.directory, {**weak.environ, "TOKEN": "logged-in"})
    assert shell.made(printed(*options))["AUTH0_CLIENT_ID"]


def test_where_the_grant_fails_it_is_said_which_application_is_left(tenant: World, make_shell: MakeShell) -> None:
    tenant.tenant.add_api_token("weak", ("create:clients",))
    shell = make_shell(tenant.servers.auth0.url, "weak")
    ended = shell.run(printed())
    assert (ended.returncode, ended.stdout) == (1, "")
    assert "create:client_grants" in ended.stderr
    left = tenant.tenant.clients()[-1]
    assert f"{left.client_id} is created without its scopes: delete it, and secret-bridge." in ended.stderr


def test_a_custom_domain_keeps_its_audience_and_the_cli_gets_the_tenants_own_domain(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AUTH0_DOMAIN", "https://login.acme.example/")
    monkeypatch.setenv("AUTH0_AUDIENCE", "https://acme.eu.auth0.com/api/v2/")
    script = printed()
    assert set(re.findall(r"--tenant (\S+)", script)) == {"acme.eu.auth0.com"}
    assert '"audience": "https://acme.eu.auth0.com/api/v2/"' in script
    assert '"AUTH0_DOMAIN": "login.acme.example", "AUTH0_AUDIENCE": "https://acme.eu.auth0.com/api/v2/"' in script


@pytest.mark.parametrize(
    ("role", "name"), [(Role.OPERATOR, "secret-bridge"), (Role.SECURITY, "secret-bridge-security")]
)
def test_what_is_sent_is_what_auth0s_api_takes(monkeypatch: pytest.MonkeyPatch, role: Role, name: str) -> None:
    monkeypatch.setenv("AUTH0_DOMAIN", "acme.eu.auth0.com")
    (told,) = done(invoke("policy", "--role", role, "--format", "auth0-cli", "--json")).objects
    key = {"credential_type": "public_key", "alg": "RS256", "pem": "PEM"}
    client = {**told["policy"]["client"], "client_authentication_methods": {"private_key_jwt": {"credentials": [key]}}}
    for path, body in (("/clients", client), ("/client-grants", {**told["policy"]["grant"], "client_id": "x"})):
        schema = OPENAPI["paths"][path]["post"]["requestBody"]["content"]["application/json"]["schema"]
        Draft202012Validator({**schema, "components": OPENAPI["components"]}).validate(body)
    assert (client["name"], tuple(told["policy"]["grant"]["scope"])) == (name, SCOPES[role])


@pytest.mark.parametrize("role", [Role.AUDITOR, Role.APPLICATION])
def test_a_role_without_scopes_gets_no_application(monkeypatch: pytest.MonkeyPatch, role: Role) -> None:
    monkeypatch.setenv("AUTH0_DOMAIN", "acme.eu.auth0.com")
    ended = done(invoke("policy", "--role", role, "--format", "auth0-cli"))
    assert ended.out == f"# env: Auth0 at acme.eu.auth0.com; role {role}: no scope, and no application\n"


FILE = """
[tenants."{name}"]
domain = "{domain}"
client_id = "x"
client_secret = "env:X"
audience = "{audience}"

[vaults.vault]
type = "vault"
url = "https://vault.example:8200"

[clients.billing]
tenant = "{name}"
client_id = "AbC123"
sinks = ["vault://secret/apps/billing"]
"""
HOSTILE = (
    "'; touch broken; '",
    '"; touch broken; "',
    "$(touch broken)",
    "`touch broken`",
    "\ntouch broken\n",
    "a b\r!",
)


def toml(text: str) -> str:
    return json.dumps(text)[1:-1]


@pytest.mark.parametrize("options", [(), ("--with-secret",)], ids=["key", "secret"])
@pytest.mark.parametrize("hostile", HOSTILE)
def test_no_name_and_no_audience_breaks_out_of_its_quotes(
    tenant: World, make_shell: MakeShell, tmp_path: Path, hostile: str, options: tuple[str, ...]
) -> None:
    url, audience = tenant.servers.auth0.url, f"https://own.example/{hostile}"
    text = FILE.format(name=toml(f"x{hostile}"), domain=url, audience=toml(audience))
    (tmp_path / "bridge.toml").write_text(text, "utf-8")
    tenant.tenant.add_api(audience)
    shell = make_shell(url, "logged-in", "own.example")
    ended = invoke(*OPERATOR, *options)
    variables = shell.made(done(ended).out)
    assert not list(shell.directory.glob("*broken*"))
    assert tenant.tenant.client(variables["AUTH0_CLIENT_ID"]).grants.keys() == {audience}
    assert variables["AUTH0_AUDIENCE"] == audience


@pytest.mark.parametrize("hostile", HOSTILE)
@pytest.mark.parametrize("place", ["acme.eu.auth0.com{}", "{}acme.eu.auth0.com", "https://acme{}.eu.auth0.com"])
def test_a_domain_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch, place: str, hostile: str) -> None:
    monkeypatch.setenv("AUTH0_DOMAIN", place.format(hostile))
    ended = invoke(*OPERATOR)
    assert ended.status == 2
    assert ended.out == ""


def refused(*options: str) -> Ended:
    return done(invoke("policy", "--role", "operator", *options), 2)


def test_mistakes_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AUTH0_DOMAIN", raising=False)
    cli = ("--format", "auth0-cli")
    assert "not set: AUTH0_DOMAIN" in refused(*cli).err
    monkeypatch.setenv("AUTH0_DOMAIN", "acme.eu.auth0.com")
    assert (
        "--without: found 'read:users', expected one of read:clients," in refused(*cli, "--without", "read:users").err
    )
    every: list[Any] = [word for scope in SCOPES[Role.OPERATOR] for word in ("--without", scope)]
    assert "expected that one is left" in refused(*cli, *every).err
    assert "expected --format auth0-cli beside them" in refused("AbC", "--sink", "vault://s/x", "--with-secret").err


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("--grants credentials", "--grant credentials"), ("--reveal-secrets ", ""), ("--type m2m", "--type machine"),
        ("auth0 apps create", "auth0 app create"), ("api post client-grants", "api client-grants post"),
        ("--tenant 127", "--tenant 128"),
    ],
)  # fmt: skip
def test_a_script_with_a_mistake_creates_nothing_that_could_be_taken_for_done(
    tenant: World, shell: Shell, right: str, wrong: str
) -> None:
    script = printed("--with-secret")
    assert right in script
    ended = shell.run(script.replace(right, wrong))
    try:
        variables = shell.variables(ended.stdout)
    except AssertionError:
        return
    assert variables.get("AUTH0_CLIENT_SECRET", "null") == "null"


def test_without_its_quotes_a_hostile_audience_would_break_out(
    tenant: World, make_shell: MakeShell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shell = make_shell(tenant.servers.auth0.url, "logged-in", "own.example")
    hostile = "https://own.example/' || touch broken || '"
    text = FILE.format(name="x", domain=tenant.servers.auth0.url, audience=toml(hostile))
    (tmp_path / "bridge.toml").write_text(text, "utf-8")
    monkeypatch.setattr("shlex.quote", lambda text: f"'{text}'")
    shell.run(printed())
    assert list(shell.directory.glob("broken"))

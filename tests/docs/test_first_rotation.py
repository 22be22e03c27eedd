"""A stranger's first rotation: the pages' own commands, typed in an empty directory at a tenant that is only a URL.

Auth0 is set up by docs/guide/auth0.md, where a stand-in plays Auth0's CLI. Then come the three commands of
docs/guide/first-rotation.md. Nothing is replaced in them but names: of the tenant, the vault, the ids.
"""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from bridge.model.tenant_address import display_name
from tests.docs.pages import DOCS, ROOT, fences
from tests.drills.drill import Drill, begun, fits
from tests.unit.policy import auth0_standin

FIRST, AUTH0 = DOCS / "guide" / "first-rotation.md", DOCS / "guide" / "auth0.md"
MOST = 3
"""How many commands a first rotation may take."""


def commands(text: str) -> list[str]:
    """Return the commands of a block, each with its continued lines."""
    return [line for line in text.replace("\\\n", "").splitlines() if line.strip() and not line.startswith("#")]


def typed(page: Path) -> list[str]:
    return [command for fence in fences(page, "sh") for command in commands(fence.text)]


def shown(page: Path) -> str:
    """Return what the page says that the last command prints."""
    return fences(page, "text")[0].text


class Stranger:
    """Somebody with an empty directory and a shell, who is logged in to a tenant and to a vault."""

    def __init__(self, drill: Drill, directory: Path) -> None:
        self.drill = drill
        own = drill.variables
        self.url, vault = own["AUTH0_DOMAIN"], own["VAULT_ADDR"]
        (self.client,) = [one["client_id"] for one in drill.state()["clients"] if one["name"] == "billing"]
        self.names = {
            "acme.eu.auth0.com": self.url, "https://vault.example:8200": vault, "AbC123": self.client,
            "secret-bridge.acme.eu.auth0.com.pem": f"secret-bridge.{display_name(self.url)}.pem",
        }  # fmt: skip
        home = directory / "stranger"
        home.mkdir()
        (home / ".vault-token").write_text(own["VAULT_TOKEN"], "utf-8")
        (home / ".vault-token").chmod(0o600)
        shim = directory / "tools" / "auth0"
        shim.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} {auth0_standin.__file__} "$@"\n', "utf-8")
        shim.chmod(0o755)
        self.set(HOME=str(home), BRIDGE_PROPAGATION=own["BRIDGE_PROPAGATION"])
        self.set(URL=self.url, TOKEN=self._login(), TENANT=display_name(self.url), ARGUMENTS=str(directory / "seen"))
        self.directory = home / "empty"
        self.type(f"mkdir {self.directory} && cd {self.directory}")

    def _login(self) -> str:
        """Return what `auth0 login` would: a token of an administrator."""
        audience = f"{self.url}/api/v2/"
        grants = {audience: ["create:clients", "create:client_grants"]}
        made = httpx.post(f"{self.url}/_sandbox/clients", json={"name": "me", "grants": grants}, trust_env=False).json()
        asked = {"grant_type": "client_credentials", "audience": audience, **made}
        token: str = httpx.post(f"{self.url}/oauth/token", json=asked, trust_env=False).json()["access_token"]
        return token

    def store(self, value: str) -> None:
        """Write the document that applications read by now."""
        own = self.drill.variables
        url, token = f"{own['VAULT_ADDR']}/v1/secret/data/apps/billing", {"X-Vault-Token": own["VAULT_TOKEN"]}
        answer = httpx.post(url, json={"data": {"client_secret": value}}, headers=token, trust_env=False)
        assert answer.is_success, answer.text

    def set(self, **variables: str) -> None:
        self.type("; ".join(f"export {name}={shlex.quote(text)}" for name, text in variables.items()))

    def named(self, command: str, names: Mapping[str, str]) -> str:
        pattern = "|".join(map(re.escape, sorted(names, key=len, reverse=True)))
        return re.sub(pattern, lambda found: names[found[0]], command)

    def type(self, command: str) -> str:
        """Type a command, which has to succeed."""
        printed, status = self.drill.type(f"{command}\n")
        assert status == 0, f"{command}\n{printed}"
        return printed


@contextmanager
def stranger(tmp_path: Path) -> Iterator[Stranger]:
    with begun(DOCS / "guide" / "sandbox.md", tmp_path) as drill:
        yield Stranger(drill, tmp_path)


def test_continued_lines_are_one_command_and_comments_are_none() -> None:
    assert commands("export A=1 \\\n  B=2\n# look\nsecret-bridge doctor x\n\nsecret-bridge rotate x\n") == [
        "export A=1   B=2", "secret-bridge doctor x", "secret-bridge rotate x"
    ]  # fmt: skip
    assert len(commands("a\nb\nc\nd")) > MOST


def test_the_first_rotation_takes_three_commands() -> None:
    assert len(typed(FIRST)) <= MOST
    assert [command.split()[0] for command in typed(FIRST)] == ["export", "secret-bridge", "secret-bridge"]


@pytest.mark.timeout(600)
@pytest.mark.parametrize("filled", [True, False], ids=["stored", "empty"])
def test_a_stranger_with_the_pages_alone_rotates(tmp_path: Path, filled: bool) -> None:
    with stranger(tmp_path) as me:
        (before,) = me.drill.values("billing")
        with me.drill.vault("billing") as vault:
            if filled:
                me.store(before)
            setup = [me.named(command, me.names) for command in typed(AUTH0)[:2]]
            for command in setup:
                me.type(command)
            told = me.type("sh auth0.sh")
            own = re.search(r"AUTH0_CLIENT_ID='(\w+)'", told)
            assert own, told
            assert told.rpartition("export ")[2].strip().split()[:2] == [
                f"AUTH0_DOMAIN='{me.url}'", f"AUTH0_CLIENT_ID='{own[1]}'"
            ]  # fmt: skip
            identity, look, rotate = typed(FIRST)
            names = {**me.names, "BrIdGe456": own[1]}
            # What the page shows is the line that the script printed, with the vault's address behind it.
            line = next(each for each in told.splitlines() if each.startswith("export "))
            assert " ".join(me.named(identity, names).split()).startswith(line)
            me.type(me.named(identity, names))
            seen = me.type(me.named(look, names))
            assert not re.search(r"^ *wrong", seen, re.MULTILINE), seen
            printed = me.type(me.named(rotate, names) + ("" if filled else " --yes"))
            assert fits(me.named(shown(FIRST), names), printed), printed
            after = me.drill.values("billing")[-1]
            found = vault.see()
            assert (found.current, found.fallback) == (after, before)
            assert me.drill.accepts("billing", after)
        kept = "".join(path.read_text("utf-8") for path in me.directory.iterdir() if path.suffix != ".pem")
        assert [value for value in (before, after) if value in kept + printed + seen + told] == []


def test_the_variables_of_the_readme_are_those_of_the_page() -> None:
    (block,) = [fence.text for fence in fences(ROOT / "README.md", "sh") if "AUTH0_CLIENT_ID" in fence.text]
    found = commands(block)
    assert len(found) <= MOST
    assert [command.split()[:2] for command in found[1:]] == [command.split()[:2] for command in typed(FIRST)[1:]]
    names = [set(re.findall(r"\b((?:AUTH0|VAULT)_\w+)=", command)) for command in (found[0], typed(FIRST)[0])]
    assert names[0] == names[1]


@pytest.mark.parametrize(("page", "most"), [(FIRST, 800), (AUTH0, 650)], ids=["first-rotation", "auth0"])
def test_a_newcomers_page_is_short(page: Path, most: int) -> None:
    assert len(page.read_text("utf-8").split()) <= most

"""The units: what they say is valid, and their commands do what the page says. Not run: systemd itself, as PID 1."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.command import ROOT
from tests.e2e.world import MakeWorld, World
from tests.recipes.recipe import READERS, adopted, approle, asking, may_read, module, recipe

FETCHING = "systemd/billing-secret.service"


def said(unit: str, key: str) -> list[str]:
    """Return what a unit says for a key."""
    lines = (READERS / unit).read_text("utf-8").splitlines()
    return [line.partition("=")[2] for line in lines if line.startswith(f"{key}=")]


class Host:
    """The directories that systemd would make, and its programs that the commands call."""

    def __init__(self, world: World, directory: Path) -> None:
        self.run, self.etc, self.bin = (directory / name for name in ("run", "etc", "bin"))
        for made in (self.etc, self.bin, self.run / "billing-secret", self.run / "application"):
            made.mkdir(parents=True)
        self.restarts = directory / "restarts"
        self.published = self.run / "billing-secret" / "auth0.json"
        path = world.vault.path
        mounted = approle(world, may_read(path, f"{path}/pending"), self.etc)
        told = {
            "https://vault.example:8200": world.servers.bao.url,
            'mount = "approle"': f'mount = "{mounted}"',
            "/run/credentials/billing-secret.service": str(self.etc),
            "apps/billing": path,
        }
        (self.etc / "reader.toml").write_text(recipe("systemd/reader.toml", told))
        python = f'exec {shlex.quote(sys.executable)} -c "from bridge.cli import main; main()" "$@"'
        self._program("secret-bridge", f"PYTHONPATH={shlex.quote(str(ROOT))} {python}")
        self._program("systemctl", f'echo "$@" >> {shlex.quote(str(self.restarts))}')

    def _program(self, name: str, script: str) -> None:
        (self.bin / name).write_text(f"#!/bin/sh\n{script}\n")
        (self.bin / name).chmod(0o755)

    def start(self) -> int:
        """Do what `systemctl start billing-secret` would: its commands, one after the other, until one fails."""
        (umask,) = said(FETCHING, "UMask")
        for command in (*said(FETCHING, "ExecStart"), *said(FETCHING, "ExecStartPost")):
            text = command.removeprefix("+").replace("%t", str(self.run)).replace("/etc/billing", str(self.etc))
            assert "%" not in text
            assert "$" not in text  # systemd would take it for a variable
            environ = {"PATH": f"{self.bin}:{os.environ['PATH']}", "HOME": str(self.etc)}
            status = subprocess.run(
                shlex.split(text), env=environ, check=False, capture_output=True, umask=int(umask, 8)
            ).returncode
            if status:
                return status
        return 0

    @property
    def asked(self) -> list[str]:
        """Which restarts were asked for."""
        return self.restarts.read_text().splitlines() if self.restarts.exists() else []

    def credentials(self) -> Path:
        """Give the application what its unit loads."""
        (loaded,) = said("systemd/billing.service", "LoadCredential")
        name, _, source = loaded.partition(":")
        shutil.copy(source.replace("%t", str(self.run)), self.run / "application" / name)
        return self.run / "application"


def test_the_commands_fetch_the_candidates_and_restart_the_application_when_they_change(
    make_world: MakeWorld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = adopted(make_world(ends="vault"))
    host = Host(world, tmp_path / "host")
    asking(world, monkeypatch)
    for times, expected in enumerate((None, world.s0), 1):
        assert host.start() == 0
        assert host.start() == 0  # nothing changed: nobody is restarted
        found = json.loads(host.published.read_text())
        assert (found["current"], found["fallback"]) == (world.live, expected)
        assert host.published.stat().st_mode & 0o777 == 0o600
        assert host.asked == ["--no-block try-restart billing.service"] * times
        monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(host.credentials()))
        assert module("read_file", {}).token()["access_token"]
        if expected is None:
            world.rotate()


def test_what_is_there_stays_when_the_vault_does_not_let_it_in(make_world: MakeWorld, tmp_path: Path) -> None:
    host = Host(adopted(make_world(ends="vault")), tmp_path / "host")
    assert host.start() == 0
    before = host.published.read_text()
    (host.etc / "secret-id").write_text("of-nobody")
    assert host.start() != 0
    assert host.published.read_text() == before
    assert len(host.asked) == 1


def test_systemd_finds_nothing_wrong_with_the_units(tmp_path: Path) -> None:
    units = sorted(READERS.glob("systemd/*.*"))
    copied = []
    for unit in units:
        if unit.suffix in (".service", ".timer"):
            text = unit.read_text("utf-8").replace("/usr/local/bin/billing-server", "/bin/true")
            copied.append(tmp_path / unit.name)
            copied[-1].write_text(text)
    done = subprocess.run(
        ["systemd-analyze", "verify", *map(str, copied)], capture_output=True, text=True, check=False, timeout=120
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_no_unit_names_a_secret_or_puts_one_into_an_environment() -> None:
    for unit in READERS.glob("systemd/*.service"):
        assert not {"Environment=", "EnvironmentFile=", "PassEnvironment="} & {
            f"{line.partition('=')[0]}=" for line in unit.read_text("utf-8").splitlines()
        }

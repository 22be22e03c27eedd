"""`bao agent`, with the configuration and the templates of the documentation."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bridge.operations.adopt import AdoptOptions, adopt
from bridge.operations.resume import resume
from bridge.operations.retire import retire
from bridge.operations.rotate import RotateOptions, rotate
from bridge.operations.start import Options
from tests.e2e.taps import died
from tests.e2e.world import DAY, MakeWorld, World
from tests.recipes.recipe import adopted, approle, asking, may_read, module, recipe, running, until

STRICT = 'static_secret_render_interval = "1s"\n  exit_on_retry_failure = true  # any error of a template ends it'
GUARDED = '{{ with .Data.data }},\n  "fallback": {{ .client_secret | toJSON }}\n  {{- end }}'
UNGUARDED = ',\n  "fallback": {{ .Data.data.client_secret | toJSON }}'


class Agent:
    """An agent that renders one file; an error of its template ends it."""

    def __init__(self, world: World, directory: Path, template: str, text: str | None = None) -> None:
        directory.mkdir()
        self.file = directory / "auth0.json"
        self._directory = directory
        text = text or recipe(template, {"secret/data/apps/billing": f"secret/data/{world.vault.path}"})
        (directory / template).write_text(text)
        mounted = approle(world, may_read(world.vault.path), directory)
        told = {
            "https://vault.example:8200": world.servers.bao.url,
            "auth/approle": f"auth/{mounted}",
            "/etc/billing/sibling-keys.ctmpl": str(directory / template),
            "/etc/billing": str(directory),
            "/run/billing/auth0.json": str(self.file),
            'static_secret_render_interval = "5m"': STRICT,
        }
        (directory / "agent.hcl").write_text(recipe("agent.hcl", told))

    @contextmanager
    def running(self) -> Iterator[subprocess.Popen[bytes]]:
        with running(self._directory, "agent", "-config=agent.hcl") as self.process:
            yield self.process

    def shows(self, **values: str | None) -> None:
        """Wait until the file holds these values."""
        until(lambda: self.file.exists() and json.loads(self.file.read_text()) == values, ended=self.process)


@pytest.fixture
def vault(make_world: MakeWorld) -> World:
    return make_world(ends="vault")


def half_retired(world: World) -> None:
    """The version of the fallback is destroyed, and the tag still names it."""
    world.clock.advance(DAY)
    died(world, "vault.destroy", lambda trace: retire(world.session(trace=trace), Options()))
    assert world.vault.see().tags["bridge_fallback"]
    assert world.vault.see().fallback is None


def test_the_file_holds_current_and_fallback_at_every_stage(
    vault: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    adopted(vault)
    agent = Agent(vault, tmp_path / "agent", "fallback.ctmpl")
    with agent.running():
        agent.shows(current=vault.s0)
        assert agent.file.stat().st_mode & 0o777 == 0o600
        vault.rotate()
        agent.shows(current=vault.live, fallback=vault.s0)
        half_retired(vault)
        agent.shows(current=vault.live)
        vault.clock.advance(DAY)
        retire(vault.session(), Options())
        assert "bridge_fallback" not in vault.vault.see().tags
        before = vault.live
        vault.rotate()
        agent.shows(current=vault.live, fallback=before)
        asking(vault, monkeypatch)
        monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(agent.file.parent))
        assert module("read_file", {}).token()["access_token"]
        assert [path.name for path in agent.file.parent.glob("auth0.json*")] == ["auth0.json"]


def test_a_template_that_trusts_the_tag_alone_ends_the_agent(vault: World, tmp_path: Path) -> None:
    adopted(vault)
    vault.rotate()
    text = recipe("fallback.ctmpl", {"apps/billing": vault.vault.path, GUARDED: UNGUARDED})
    agent = Agent(vault, tmp_path / "agent", "fallback.ctmpl", text)
    with agent.running() as process:
        agent.shows(current=vault.live, fallback=vault.s0)
        half_retired(vault)
        assert process.wait(90) == 1


def test_with_companions_one_read_gives_all_three(vault: World, tmp_path: Path) -> None:
    vault.fill()
    kept: dict[str, Any] = {"sibling_keys": True, "consumer_refresh": timedelta(minutes=6)}
    adopt(vault.session(**kept), AdoptOptions())
    agent = Agent(vault, tmp_path / "agent", "sibling-keys.ctmpl")
    with agent.running():
        agent.shows(current=vault.s0, pending=vault.s0, fallback=vault.s0)
        died(vault, "auth0.set_secret", lambda trace: rotate(vault.session(trace=trace, **kept), RotateOptions()))
        agent.shows(current=vault.s0, pending=vault.live, fallback=vault.s0)
        resume(vault.session(**kept), Options(takeover=True))
        agent.shows(current=vault.live, pending=vault.live, fallback=vault.s0)
        vault.clock.advance(DAY)
        retire(vault.session(**kept), Options())
        agent.shows(current=vault.live, pending=vault.live, fallback=vault.live)

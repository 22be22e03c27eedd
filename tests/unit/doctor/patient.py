"""A client with its configuration, on real servers; what `doctor` finds there, and its remedies as they are pasted."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from bridge.doctor.known import known
from tests.e2e.command import Ended, invoke
from tests.e2e.sinks import REGION
from tests.e2e.world import World
from tests.unit.policy.iam import Guard
from tests.unit.policy.rights import Vault

CONFIG = """\
[tenants.local]
domain = "{AUTH0_DOMAIN}"
client_id = "env:AUTH0_CLIENT_ID"
client_secret = "env:AUTH0_CLIENT_SECRET"
propagation = "{BRIDGE_PROPAGATION}"

[vaults.eu]
type = "vault"
url = "{VAULT_ADDR}"

[vaults.use1]
type = "aws"
region = "{region}"
endpoint_url = "{AWS_ENDPOINT_URL}"

[clients.billing]
tenant = "local"
client_id = "{client_id}"
min_interval = "0s"
sinks = {sinks}
"""
UNDER = re.compile(r"# in bridge\.toml, under \[([^]]+)\](.*)")
INSTEAD = re.compile(r"in place of (\w+)")
WRITTEN = Path(sys.executable).parent
Finding = dict[str, Any]


class Patient:
    """`root` may do everything at Vault, and what `guard` is told is what AWS allows."""

    def __init__(
        self, world: World, root: Vault, guard: Guard, directory: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.world = world
        self.root = root
        self.guard = guard
        self.file = directory / "bridge.toml"
        self.patch = monkeypatch
        self.rules = ""
        self.statements: list[Any] | None = None

    def write(self, sinks: Sequence[str]) -> None:
        """Write the configuration anew."""
        told = {"region": REGION, "client_id": self.world.client_id, "sinks": json.dumps([*sinks])}
        self.file.write_text(CONFIG.format(**self.world.environment, **told), "utf-8")

    def healthy(self) -> None:
        """Adopt the sinks; nothing is wrong then."""
        ended = invoke("adopt", "billing", "--yes")
        assert ended.status == 0, ended.told
        self.well()

    def set(self, table: str, key: str, value: object, *, gone: str = "", raw: bool = False) -> None:
        """Set a key in a table of the configuration; None removes it. `raw`: the value is TOML already."""
        lines, found, inside = [], False, False
        for line in self.file.read_text("utf-8").splitlines():
            if line.startswith("["):
                inside = line == f"[{table}]"
            name = line.partition(" = ")[0]
            if inside and name in (key, gone):
                continue
            lines.append(line)
            if line == f"[{table}]" and value is not None:
                found = True
                lines.append(f"{key} = {value if raw else json.dumps(value)}")
        assert found or value is None, table
        self.file.write_text("\n".join(lines) + "\n", "utf-8")

    def run(self, *args: str) -> Ended:
        """Give a command, with what AWS allows."""
        with self.guard.enforcing([{"Statement": self.statements}] if self.statements is not None else None):
            return invoke(*args)

    def found(self, *options: str, status: int | None = None) -> list[Finding]:
        """Return what `doctor` tells, all but what is as it should be."""
        ended = self.run("doctor", "billing", "--json", "--quiet", *options)
        told = ended.objects
        wrong = any(one["severity"] == "wrong" for one in told)
        assert ended.status in ((5, 1) if wrong else (0,)) if status is None else (status,), ended.told
        assert "doctor-bug" not in [one["id"] for one in told], ended.told
        return told

    def well(self, *options: str) -> None:
        """Nothing is found but what cannot be known."""
        told = [one for one in self.found(*options) if one["severity"] != "unknown"]
        assert told == [], told

    def sees(self, kind: str, *, severity: str = "wrong", subject: str | None = None, **more: Any) -> Finding:
        """Return the one thing that is found: of this kind, and nothing else."""
        told = [one for one in self.found(**more) if one["severity"] != "unknown" or one["id"] == kind]
        assert [(one["id"], one["severity"]) for one in told] == [(kind, severity)], told
        assert subject is None or told[0]["subject"] == subject, told
        assert told[0]["why"]
        assert told[0]["remedy"] or not known()[kind].remedy
        return told[0]

    def paste(self, found: Finding, fill: Mapping[str, str] | None = None) -> None:
        """Do what a remedy says, as it stands; `fill` is what somebody puts in place of what stands in capitals."""
        text = found["remedy"]
        for name, value in (fill or {}).items():
            assert name in text, text
            text = text.replace(name, value)
        where = ""
        for line in text.splitlines():
            if line.startswith("#"):
                where = line
            else:
                self._paste(line, where)

    def _paste(self, line: str, where: str) -> None:
        if under := UNDER.match(where):
            key, _, value = line.partition(" = ")
            gone = INSTEAD.search(under.group(2))
            self.set(under.group(1), key, value, gone=gone.group(1) if gone else "", raw=True)
        elif where.startswith("# into the policy"):
            self.rules += f"\n{line}"
            self.root.allow(self.rules)
        elif line.startswith("{"):
            assert self.statements is not None
            self.statements.append(json.loads(line))
        elif line.startswith("export "):
            name, _, value = line.removeprefix("export ").partition("=")
            self.patch.setenv(name, value)
        elif line.startswith("secret-bridge "):
            asks = " adopt " in line or "--discard-foreign" in line
            ended = self.run(*shlex.split(line, comments=True)[1:], *(["--yes"] if asks else []))
            assert ended.status == 0, ended.told
        else:
            self.shell(line)

    def shell(self, line: str) -> None:
        """Run a line as somebody with all rights would, with the tools that are installed beside Python."""
        environ = {
            **{name: text for name, text in self.world.environment.items() if not name.startswith("AUTH0")},
            "PATH": f"{WRITTEN}:{os.environ['PATH']}",
            "HOME": str(self.file.parent),
        }
        environ["BAO_ADDR"] = environ["VAULT_ADDR"] = os.environ.get("TOOL_ADDR", environ["VAULT_ADDR"])
        environ["VAULT_TOKEN"] = os.environ.get("TOOL_TOKEN", environ["VAULT_TOKEN"])
        done = subprocess.run(["sh", "-c", line], env=environ, capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == 0, (line, done.stdout + done.stderr)

    def limited(self, rules: str, **more: Any) -> str:
        """Act in Vault with a token that has these rights; return it."""
        self.rules = rules
        self.root.allow(rules)
        token = self.root.token(**more)
        self.patch.setenv("VAULT_TOKEN", token)
        return token

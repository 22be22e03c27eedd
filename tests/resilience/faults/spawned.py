"""Runs a case on a process of its own, in real time, with a configuration file."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import IO

import pytest

from tests.e2e.command import ROOT, Ended
from tests.resilience.faults.case import Case
from tests.resilience.faults.run import Behind, Run
from tests.resilience.races.operators import Command, Operators

LIMIT = 10.0  # seconds from the signal to the end
NAME = "billing"


class Spawned(Run):
    """A case whose command is struck from outside; the remedy is run in this process."""

    def __init__(self, case: Case, world: Behind, patch: pytest.MonkeyPatch, operators: Operators, home: Path) -> None:
        super().__init__(case, world, patch)
        self.operators = operators
        self.config = home / "bridge.toml"
        self.config.write_text(configuration(world, case.environ), encoding="utf-8")
        patch.setenv("BRIDGE_CONFIG", str(self.config))

    @property
    def environ(self) -> dict[str, str]:
        return {
            **self.world.environment,
            "BRIDGE_CONFIG": str(self.config),
            "HOME": str(self.config.parent),
            "PATH": os.environ["PATH"],
        }

    def typed(self, verb: str, *options: str) -> Ended:
        """Run it, and see that it ends soon after the signal."""
        between = self.world.between
        if self.case.id.startswith("std"):
            return self._with_outputs((verb, NAME, *options))
        process = self.operators.spawn(Command((verb, NAME, *options), self.environ))
        between.pid = process.pid
        between.process.set()
        ended = process.ended(60)
        if between.struck.is_set():
            assert time.monotonic() - between.struck_at < LIMIT
        self.said.append(ended.out + ended.err)
        status = ended.status if ended.status >= 0 else 128 - ended.status
        return Ended(status, ended.out, ended.err)

    def argv_again(self) -> tuple[str, ...]:
        return self.case.command[0], NAME, *self.case.command[1:]

    def argv_verify(self) -> tuple[str, ...]:
        return "verify", NAME

    def argv_told(self) -> tuple[str, ...]:
        """A process that was killed tells nothing: `status` does."""
        return super().argv_told() if self.ended.err.count("secret-bridge") else ("resume", NAME, "--no-wait")

    def _with_outputs(self, argv: tuple[str, ...]) -> Ended:
        """Run it with one of its outputs broken."""
        which, _, how = self.case.id.partition("-")
        command = [sys.executable, "-c", "from bridge.cli import main; main()", *argv]
        with self._broken(which, how) as pipe:
            outputs: dict[str, IO[str] | int] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, which: pipe}
            done = subprocess.run(  # type: ignore[call-overload]  # the outputs
                command, env={**self.environ, "PYTHONPATH": str(ROOT)}, text=True, check=False, timeout=60, **outputs
            )
        self.said.append((done.stdout or "") + (done.stderr or ""))
        return Ended(done.returncode, done.stdout or "", done.stderr or "")

    def _broken(self, which: str, how: str) -> IO[str]:
        """An output that takes nothing, or that nobody reads: stderr until Auth0 is changed."""
        if how == "full":
            return Path("/dev/full").open("w", encoding="utf-8")
        reading, writing = os.pipe()
        self.between.reader = reading
        if which == "stdout":
            os.close(reading)
        return os.fdopen(writing, "w")


def configuration(world: Behind, told: Mapping[str, str]) -> str:
    """Write a `bridge.toml` for one client; `told` may name PROPAGATION, REFRESH and AFTER."""
    urls = world.between.urls
    sinks = ", ".join(f'"{place.uri}"' for place in world.sinks)
    lines = [
        *("[tenants.local]", f'domain = "{urls["AUTH0_DOMAIN"]}"', 'client_id = "env:AUTH0_CLIENT_ID"'),
        *('client_secret = "env:AUTH0_CLIENT_SECRET"', f'audience = "{world.tenant.audience}"'),
        f'propagation = "{told.get("PROPAGATION", "30s")}"',
        *("[vaults.vault]", 'type = "vault"', f'url = "{urls["VAULT_ADDR"]}"'),
        *("[vaults.aws]", 'type = "aws"', f'endpoint_url = "{urls["AWS_ENDPOINT_URL"]}"'),
        *(f"[clients.{NAME}]", 'tenant = "local"', f'client_id = "{world.client_id}"', f"sinks = [{sinks}]"),
        'min_interval = "0s"',
    ]
    if "REFRESH" in told:
        lines.append(f'consumer_refresh = "{told["REFRESH"]}"')
    if "AFTER" in told:
        lines.append(f"after = {told['AFTER']}")
    return "\n".join(lines)

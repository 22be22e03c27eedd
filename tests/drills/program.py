"""The program as a reader has it, except that the sandbox's AWS is the strict one.

A module of its own, run as a script's only line, so that `secret-bridge` in a test is a process like any other.
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def main() -> None:
    """Run the command line."""
    if sys.argv[1:2] == ["sandbox"]:
        _be_strict()
    from bridge.cli import main as command_line

    command_line()


def _be_strict() -> None:
    import httpx

    from bridge.sandbox import stack
    from bridge.sandbox.aws import LocalAws

    class StrictAws(LocalAws):
        """moto, made as strict as AWS."""

        def _command(self) -> list[str]:
            return [sys.executable, "-m", "tests.support.strict_moto", "--port", str(self.port)]

        def _environment(self) -> dict[str, str]:
            return {**super()._environment(), "PYTHONPATH": str(ROOT)}

        def _ready(self) -> bool:
            with httpx.Client(base_url=self.url, trust_env=False, timeout=2) as http:
                return http.get("/moto-api/data.json").status_code == 200

    stack.LocalAws = StrictAws  # type: ignore[misc]  # the stack makes its own

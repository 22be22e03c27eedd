"""Temporal's development server on loopback, and a Python path with its SDK, both from the dependency group `adapters`.

The group is installed once, into a directory of its own that is kept between runs.
"""

from __future__ import annotations

import functools
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path
from typing import Any

import httpx

from bridge.sandbox.process import LOOPBACK, ServerProcess, free_port

ROOT = Path(__file__).parents[2]
SCHEDULE = "secret-bridge"


@functools.cache
def installed() -> Path:
    """Return the directory that holds the group's packages, and their programs in `bin`."""
    wanted = sorted(tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["dependency-groups"]["adapters"])
    name = f"adapters-{hashlib.sha256(' '.join([sys.version, *wanted]).encode()).hexdigest()[:12]}"
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "secret-bridge-tests" / name
    if not home.is_dir():
        home.parent.mkdir(parents=True, exist_ok=True)
        made = Path(tempfile.mkdtemp(dir=home.parent))
        pip = [sys.executable, "-m", "pip", "install", "-q", "--no-compile", "--target", made]
        subprocess.run([*pip, *wanted], check=True, timeout=900)
        try:
            made.rename(home)
        except OSError:  # another process was faster
            shutil.rmtree(made)
    return home


class Temporal(ServerProcess):
    """A server with the namespace `default`. It keeps everything in the file `database`."""

    name = "temporal"

    @property
    def address(self) -> str:
        """Where workers connect."""
        return f"{LOOPBACK}:{self.port}"

    @property
    def url(self) -> str:
        """The address of its HTTP API."""
        return f"http://{LOOPBACK}:{self._http_port}/api/v1/namespaces/default"

    @property
    def database(self) -> Path:
        """The file that holds what went through it."""
        return self.home / "temporal.db"

    def ask(self, method: str, path: str, **more: Any) -> Any:
        """Return an answer of its HTTP API, or None where it knows no such thing."""
        told = httpx.request(method, f"{self.url}/{path}", trust_env=False, timeout=30, **more)
        return None if told.status_code == 404 else told.raise_for_status().json()

    def sweep(self) -> None:
        """Begin a sweep, if none is under way."""
        self.ask("POST", f"schedules/{SCHEDULE}/patch", json={"patch": {"triggerImmediately": {}}})

    def sweeps(self, status: str = "COMPLETED") -> list[str]:
        """Return the ids of the sweeps that have ended so, the latest first."""
        found = self.ask("GET", "workflows").get("executions", ())
        return [each["execution"]["workflowId"] for each in found if each["status"].endswith(f"_{status}")]

    def events(self, sweep: str) -> list[dict[str, Any]]:
        """Return the history of a sweep."""
        events: list[dict[str, Any]] = self.ask("GET", f"workflows/{sweep}/history")["history"]["events"]
        return events

    def _command(self) -> list[str]:
        self._http_port = free_port()
        return [
            str(installed() / "bin" / "temporal"), "server", "start-dev", "--headless", "--ip", LOOPBACK,
            "--port", str(self.port), "--http-port", str(self._http_port), "--metrics-port", str(free_port()),
            "--db-filename", str(self.database), "--log-level", "error",
        ]  # fmt: skip

    def _environment(self) -> dict[str, str]:
        return {"TEMPORAL_VERSION_CHECK_DISABLED": "1"}  # it would ask Temporal's own server

    def _ready(self) -> bool:
        return httpx.get(self.url, trust_env=False).status_code == 200

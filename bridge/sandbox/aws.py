"""A local AWS Secrets Manager: moto's server, in a process of its own because importing it takes long."""

from __future__ import annotations

import sys
from pathlib import Path

from bridge.sandbox.process import LOOPBACK, ServerProcess, program

REGION = "us-east-1"
SERVER = Path(__file__).with_name("moto_server.py")
_SERVING = b"Running on http://"


class LocalAws(ServerProcess):
    """A moto server; it accepts any credentials."""

    name = "moto"

    def __init__(self) -> None:
        super().__init__()
        program("moto_server", "moto[server]")

    @property
    def url(self) -> str:
        """Where it answers: what AWS_ENDPOINT_URL wants."""
        return f"http://{LOOPBACK}:{self.port}"

    def environment(self) -> dict[str, str]:
        """Return what the AWS libraries and the AWS CLI need to use it."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": "sandbox",
            "AWS_SECRET_ACCESS_KEY": "sandbox",
        }

    def _command(self) -> list[str]:
        # -P: the directory of the script is not to be searched for modules.
        return [sys.executable, "-P", str(SERVER), "-H", LOOPBACK, "-p", str(self.port)]

    def _environment(self) -> dict[str, str]:
        return {"AWS_EC2_METADATA_DISABLED": "true", "PYTHONUNBUFFERED": "1"}

    def _ready(self) -> bool:
        """Ask for its state page, once its own log says that the port is its own."""
        import httpx

        if _SERVING not in self.log_file.read_bytes():
            return False
        with httpx.Client(base_url=self.url, trust_env=False, timeout=2) as http:
            return http.get("/moto-api/data.json").status_code == 200

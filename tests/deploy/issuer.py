"""A local issuer of identity tokens: discovery and keys, as each system serves them, and GitHub's request."""

from __future__ import annotations

import json
import secrets
import threading
import time
from base64 import urlsafe_b64encode
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

LIFETIME = 300
"""Seconds, as GitHub's tokens live."""
KEY_ID = "local"


class Issuer:
    """Issues tokens for one subject. `changes` are claims that differ from the usual ones, for what must be refused."""

    def __init__(self, subject: str) -> None:
        self.subject = subject
        self.changes: dict[str, Any] = {}
        self.bearer = secrets.token_urlsafe(24)
        self.issued: list[str] = []
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def public_key(self) -> rsa.RSAPublicKey:
        return self._key.public_key()

    def token(self, audience: str) -> str:
        """Return a token for an audience."""
        now = int(time.time())
        claims = {"iss": self.url, "sub": self.subject, "aud": audience, "iat": now, "nbf": now, "exp": now + LIFETIME}
        made = jwt.encode(claims | self.changes, self._key, "RS256", {"kid": KEY_ID})
        self.issued.append(made)
        return made

    def variables(self) -> dict[str, str]:
        """Return what GitHub gives a job that may ask who it is."""
        return {
            "ACTIONS_ID_TOKEN_REQUEST_URL": f"{self.url}/token?api-version=2.0",
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN": self.bearer,
        }

    def answer(self, path: str, authorization: str) -> dict[str, Any] | None:
        """Return the answer to a request, or None: refused."""
        asked = urlsplit(path)
        if asked.path == "/.well-known/openid-configuration":
            return {
                "issuer": self.url, "jwks_uri": f"{self.url}/jwks", "authorization_endpoint": self.url,
                "response_types_supported": ["id_token"], "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["RS256"],
            }  # fmt: skip
        if asked.path == "/jwks":
            numbers = self.public_key.public_numbers()
            key = {"kty": "RSA", "use": "sig", "alg": "RS256", "kid": KEY_ID}
            return {"keys": [key | {"n": _number(numbers.n), "e": _number(numbers.e)}]}
        if asked.path == "/token" and authorization == f"Bearer {self.bearer}":
            return {"value": self.token(parse_qs(asked.query)["audience"][0])}
        return None

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def _number(number: int) -> str:
    return urlsafe_b64encode(number.to_bytes((number.bit_length() + 7) // 8)).decode().rstrip("=")


def _handler(issuer: Issuer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = issuer.answer(self.path, self.headers.get("Authorization", ""))
            body = json.dumps(found or {}).encode()
            self.send_response(200 if found else 403)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None: ...

    return Handler

"""docs/reference/read-order.json, and the simulated time, vault and Auth0 in which it is run."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from tests.docs.pages import DOCS

FILE: dict[str, Any] = json.loads((DOCS / "reference" / "read-order.json").read_text("utf-8"))
ACQUISITIONS: list[dict[str, Any]] = FILE["acquisitions"]
PLACES: list[dict[str, Any]] = FILE["sinks"]
CLIENT_ID: str = FILE["client_id"]
NOW = parsedate_to_datetime(FILE["now"]).astimezone(UTC)

REQUEST = 0.01  # seconds that a request to Auth0 takes
PAUSES = (0.2, 0.4, 0.8, 1.6, 3.2, *(5.0,) * 100)
COMPANIONS = {"current": "client_secret", "pending": "client_secret_next", "fallback": "client_secret_previous"}


def of(implementation: str) -> list[dict[str, Any]]:
    """The vectors that apply to an implementation."""
    return [vector for vector in ACQUISITIONS if implementation in vector.get("for", (implementation,))]


def name_of(vector: Mapping[str, Any]) -> str:
    return str(vector["name"])


def node() -> str:
    """Return where node is; a test without it fails."""
    found = shutil.which("node")
    assert found, "node is not installed: the reader for Node cannot be tested"
    return found


class Away(Exception):
    """The vault does not answer."""


class NoAnswer(Exception):
    """Auth0 does not answer."""


class Simulated:
    """A vector's time, vault and Auth0. It is a clock (`sinks.clock.Clock`)."""

    def __init__(self, vector: Mapping[str, Any]) -> None:
        self._vector = vector
        self.time = 0.0
        self.asked: list[str] = []
        self.pauses: list[float] = []
        self.count = 0  # of requests to Auth0
        self.reads = 0  # of stages since the last one

    def monotonic(self) -> float:
        return self.time

    def now(self) -> datetime:
        return NOW + timedelta(seconds=self.time)

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.time += seconds

    def begin(self, expected: Mapping[str, Any]) -> None:
        """Go to the time of an acquisition."""
        self.time = max(self.time, expected.get("at", 0.0))
        self.asked, self.pauses = [], []

    def ask(self, value: str) -> int:
        answers = self._at(self._vector["auth0"])["answers"]
        self.asked.append(value)
        self.count += 1
        self.reads = 0
        self.time += REQUEST
        status: int = answers.get(value, answers.get("*", 401))
        if status == 0:
            raise NoAnswer
        return status

    def stored(self) -> dict[str, Any]:
        """Return what the vault holds now: one reading."""
        now = self._at(self._vector["vault"])
        self.reads += 1
        if now.get("away"):
            raise Away
        return now

    def read(self, stage: str) -> str | None:
        """Return the value at a stage, as the short code on the page for applications wants it."""
        stored = self.stored()
        if "document" not in stored:
            return stored.get(stage)
        document = stored["document"]
        value: str = document[COMPANIONS[stage]]
        return value if stage == "current" or value != document["client_secret"] else None

    def _at(self, moments: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
        here = {"at": self.time, "after": self.count, "read": self.reads}
        return dict([m for m in moments if all(here[k] >= m.get(k, 0) for k in here)][-1])


def check(expected: Mapping[str, Any], asked: list[str], result: Any, first: str | None, pauses: list[float]) -> None:
    """Compare an acquisition with what is expected of it."""
    assert asked == expected["asked"]
    assert result == expected["result"]
    assert first == expected.get("first", first)
    assert pauses == list(PAUSES[: expected.get("pauses", len(pauses))])


@contextmanager
def recorded(answers: Mapping[str, Any]) -> Iterator[str]:
    """Serve what a vault answered: documents by their path, AWS's versions by their label."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = self.path.removeprefix("/v1/")
            settings = {"data": {"max_versions": 0, "delete_version_after": "0s"}}
            self._say(settings if path == "secret/config" else answers.get(path, 404))

        def do_POST(self) -> None:
            told = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            missing = {"__type": "ResourceNotFoundException", "Message": "no such label"}
            if not self.headers["X-Amz-Target"].endswith(".GetSecretValue"):
                self._say({"__type": "AccessDeniedException", "Message": "no"}, 400)
            elif told["VersionStage"] in answers:
                self._say({"ARN": "arn:aws:x", "Name": "apps/billing", **answers[told["VersionStage"]]})
            else:
                self._say(missing, 400)

        def _say(self, body: Any, status: int = 200) -> None:
            status, body = (body, {"errors": []}) if isinstance(body, int) else (status, body)
            text = json.dumps(body).encode()
            self.send_response_only(status)
            self.send_header("Date", FILE["now"])
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()

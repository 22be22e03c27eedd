"""The times that a real OpenBao tells, moved into the virtual time of the tests.

OpenBao dates versions by the machine's clock. The tests' clock runs ahead of it by every wait that was skipped. So what
an answer says is moved by how far ahead the clock was when the thing happened.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime
from typing import Any

PATH = re.compile(r"/v1/secret/(?P<kind>data|metadata|delete)/(?P<path>[^?]+)(?:\?version=(?P<version>\d+))?")
WRITES = ("POST", "PUT", "PATCH", "DELETE")


class Times:
    """`shift` tells how far the clock is ahead now."""

    def __init__(self, shift: Callable[[], timedelta]) -> None:
        self._shift = shift
        self._happened: dict[tuple[str, str, int], timedelta] = {}

    def date(self, text: str) -> str:
        """Move the header `Date`."""
        return format_datetime(parsedate_to_datetime(text) + self._shift(), usegmt=True)

    def body(self, method: str, url: str, asked: bytes | None, answered: bytes) -> bytes:
        """Move the times in an answer about a document, and remember when what it tells of happened."""
        found = PATH.fullmatch(url)
        if found is None:
            return answered
        kind, path = found["kind"], found["path"]
        if method in WRITES and kind in ("delete", "data") and not answered:
            self._remember("deletion_time", path, json.loads(asked or b"{}").get("versions", ()))
        try:
            told = json.loads(answered)
        except ValueError:
            return answered
        data = told.get("data") if isinstance(told, dict) else None
        if not isinstance(data, dict):
            return answered
        if kind == "data" and method in WRITES:
            self._remember("created_time", path, [data["version"]])
            self._move(path, int(data["version"]), data)
        elif kind == "data":
            self._move(path, int(data["metadata"]["version"]), data["metadata"])
        elif kind == "metadata" and "versions" in data:
            for number, version in data["versions"].items():
                self._move(path, int(number), version)
        return json.dumps(told).encode()

    def _remember(self, what: str, path: str, versions: Any) -> None:
        for version in versions:
            self._happened[what, path, int(version)] = self._shift()

    def _move(self, path: str, number: int, told: dict[str, Any]) -> None:
        for what in ("created_time", "deletion_time"):
            shift = self._happened.get((what, path, number))
            if told.get(what) and shift:
                moved = datetime.fromisoformat(told[what]) + shift
                told[what] = moved.isoformat().replace("+00:00", "Z")

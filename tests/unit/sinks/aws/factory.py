"""Sinks over strict moto, for use inside `mock_aws`. Free of pytest."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3

from sinks.aws import Settings
from sinks.aws import open as open_place
from sinks.aws.sink import AwsSink
from sinks.clock import Clock
from sinks.record import Lock, Record
from sinks.secret import Secret
from sinks.shared import Shared

REGION = "us-east-1"
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing", "AWS_SESSION_TOKEN": "testing"}
NOW = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)


@dataclass
class ManualClock:
    """Time that only moves when told; sleeping moves it."""

    seconds: float = 1000.0
    slept: list[float] = field(default_factory=list)

    def monotonic(self) -> float:
        return self.seconds

    def now(self) -> datetime:
        return NOW + timedelta(seconds=self.seconds - 1000.0)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.seconds += seconds


def no_references(name: str) -> Secret:
    raise AssertionError(f"nothing has to be resolved, but {name} was")


def make_sink(
    name: str = "apps/x",
    *,
    key: str | None = "client_secret",
    settings: Settings | None = None,
    clock: Clock | None = None,
    lease: timedelta = timedelta(seconds=10),
) -> AwsSink:
    """Return the sink at a name in the test region; `key` None for a bare value."""
    suffix = "?bare" if key is None else f"#{key}"
    return open_place(
        "aws",
        f"{REGION}/{name}{suffix}",
        settings or Settings(),
        resolve=no_references,
        clock=clock or ManualClock(),
        lease=lease,
        shared=Shared(),
    )


@functools.cache
def client(**more: Any) -> Any:
    """Return a plain client, for foreign writers and for looking from outside."""
    return boto3.client("secretsmanager", region_name=REGION, **more)


def make_lock(operation: str = "rotate", *, base: Secret | None = None, holder: str = "h1", **more: Any) -> Lock:
    """Return a lock that ends in five minutes."""
    told: dict[str, Any] = {
        "operation": operation,
        "id": "r-7f3a",
        "actor": "ci run 4711",
        "started": NOW,
        "expected_end": NOW + timedelta(minutes=5),
        "client_id": "AbC123",
        "tenant": "acme.eu.auth0.com",
        "sinks": (f"aws://{REGION}/apps/x",),
        "base": base.fingerprint("AbC123") if base else "",
        "holder": holder,
    }
    return Lock(**(told | more))


def make_record(value: Secret, *older: Secret, rotation: str = "r-7f3a") -> Record:
    """Return what a sink remembers after `value` became current."""
    recent = tuple(secret.fingerprint("AbC123") for secret in (value, *older))
    log = (f"{rotation} 2026-11-23T02:00:00.000Z rotate ci",)
    return Record("AbC123", "acme.eu.auth0.com", (f"aws://{REGION}/apps/x",), rotation, NOW, log=log, recent=recent)


def stages(name: str = "apps/x") -> dict[str, str]:
    """Return which version has which label, as anybody sees it."""
    answer = client().list_secret_version_ids(SecretId=name, IncludeDeprecated=True)
    return {stage: v["VersionId"] for v in answer["Versions"] for stage in v["VersionStages"]}


def text_at(stage: str, name: str = "apps/x") -> str:
    """Return the text at a label, as anybody reads it."""
    text: str = client().get_secret_value(SecretId=name, VersionStage=stage)["SecretString"]
    return text


def tags(name: str = "apps/x") -> Mapping[str, str]:
    """Return the tags, as anybody reads them."""
    return {tag["Key"]: tag["Value"] for tag in client().describe_secret(SecretId=name).get("Tags", ())}


class Tapped:
    """Stands before a sink's `Api`: `tap(number, name)` is told of every call before it is made, from 0 on."""

    def __init__(self, api: Any, tap: Callable[[int, str], None]) -> None:
        self._api = api
        self._tap = tap
        self.calls: list[str] = []

    def __getattr__(self, name: str) -> Callable[..., Any]:
        real = getattr(self._api, name)

        def call(*args: Any, **more: Any) -> Any:
            self.calls.append(name)
            self._tap(len(self.calls) - 1, name)
            return real(*args, **more)

        return call


def tapped(sink: AwsSink, tap: Callable[[int, str], None] = lambda number, name: None) -> Tapped:
    """Put a tap before a sink's calls."""
    api = sink._access.api = Tapped(sink._access.api, tap)  # type: ignore[assignment]  # it answers to every name
    return api

"""One client with real servers behind it, whose requests are counted and whose waits take no time."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import botocore.client
import httpx
import hvac
import pytest

from bridge.config.choose import choose
from bridge.execution.open import open_session
from bridge.execution.session import Session
from bridge.sandbox.stack import Stack
from sinks.vault.http import Adapter

VAULT, AWS = "vault://secret/apps/billing", "aws://us-east-1/apps/billing"


class SkippingClock:
    """The machine's clock, except that sleeping only moves it on."""

    def __init__(self) -> None:
        self._skipped = 0.0

    def monotonic(self) -> float:
        return time.monotonic() + self._skipped

    def now(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=self._skipped)

    def sleep(self, seconds: float) -> None:
        self._skipped += seconds


class Counted:
    def __init__(self, stack: Stack, place: str, requests: Counter[str]) -> None:
        self._place = place
        self._requests = requests
        self._client_id = stack.billing.client_id
        self.tenant = stack.auth0.tenant

    def session(self) -> Session:
        """A job of a process of its own: it logs in anew."""
        settings, client = choose(self._client_id, None, os.environ, sinks=(self._place,))
        opened = open_session(settings, replace(client, fallback_min_age=timedelta(hours=-1)))
        opened.clock = SkippingClock()
        return opened

    def in_dashboard(self, *value: str) -> None:
        """Change the value as somebody who does not know the bridge; what that asked of anybody does not count."""
        self.tenant.set_in_dashboard(self._client_id, *value)
        self._requests.clear()

    def taken(self) -> dict[str, int]:
        """The requests since the last call, by server."""
        found = dict(self._requests)
        self._requests.clear()
        return found


def count(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Count what leaves by each of the three client libraries."""
    requests: Counter[str] = Counter()

    def counting(owner: Any, method: str, server: str) -> None:
        original = getattr(owner, method)

        def counted(self: Any, *args: Any, **options: Any) -> Any:
            requests[server] += 1
            return original(self, *args, **options)

        monkeypatch.setattr(owner, method, counted)

    counting(Adapter, "send", "Vault")
    counting(botocore.client.BaseClient, "_make_api_call", "AWS")
    counting(httpx.Client, "send", "Auth0")
    return requests


@contextmanager
def counted(monkeypatch: pytest.MonkeyPatch, place: str) -> Iterator[Counted]:
    """A sandbox whose sink holds the live value, and in which changes spread at once."""
    with Stack(timedelta(0)) as stack:
        for name, value in stack.environment().items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("BRIDGE_PROPAGATION", "30s")  # the waits, and the leases, are Auth0's
        document = {"client_secret": stack.billing.client_secret, "db_url": "postgres://db"}
        if place == VAULT:
            vault = hvac.Client(url=stack.bao.url, token=stack.bao.token)
            vault.secrets.kv.v2.create_or_update_secret("apps/billing", document)
        else:
            import json

            import boto3

            boto3.client("secretsmanager").create_secret(Name="apps/billing", SecretString=json.dumps(document))
        yield Counted(stack, place, count(monkeypatch))

"""Strict moto within a test's process, and AWS clients that are made once."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3
import moto.core.models
import pytest
import stamina
from moto import mock_aws

from tests.resilience.deaths.clients import Clients
from tests.support.strict_moto import Controls, make_strict
from tests.unit.sinks.aws.factory import CREDENTIALS

FOREIGN = ("AWS_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL", "AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE")

ANEW = boto3.Session.client
"""How a session makes a client of its own."""


@functools.cache
def _clients() -> Clients:
    return Clients()


@contextmanager
def strict_aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[Controls]:
    """Have this process's AWS clients answered by strict moto, as its first user and without waits."""
    for name in FOREIGN:
        monkeypatch.delenv(name, raising=False)
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    models: Any = moto.core.models
    monkeypatch.setattr(models, "RESPONSES_METHODS", [])  # else each test gets 1,288 patterns for `requests` as well
    controls = make_strict()
    stamina.set_testing(True, attempts=3)
    with mock_aws(), _clients().installed(), _clients().lent():
        yield controls
    stamina.set_testing(False)
    controls.reset()

"""docs/guide/which-tool.md: the documents that other tools leave can be adopted as the page says."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import boto3
import hvac
import pytest

from bridge.config.choose import choose
from bridge.execution.open import open_session
from bridge.execution.session import Session
from bridge.operations.adopt import AdoptOptions, adopt
from bridge.operations.rotate import RotateOptions, rotate
from bridge.sandbox.stack import Stack
from sinks.port import Stage
from tests.docs.counting import SkippingClock
from tests.docs.pages import DOCS, section, spans, tables

PAGE = DOCS / "guide" / "which-tool.md"
OF_AWS = {"clientId": "AbC123", "domain": "acme.eu.auth0.com", "audience": "https://api.acme"}
"""The other fields of AWS's own format."""


@pytest.fixture
def stack(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stack]:
    monkeypatch.delenv("AWS_CA_BUNDLE", raising=False)
    with Stack(timedelta(0)) as running:
        for name, value in running.environment().items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv(
            "BRIDGE_PROPAGATION", "30s"
        )  # the waits, which take no time here, and the leases are Auth0's
        yield running


def opened(stack: Stack, sink: str) -> Session:
    settings, client = choose(stack.billing.client_id, None, os.environ, sinks=(sink,))
    session = open_session(settings, client)
    session.clock = SkippingClock()
    return session


class Aws:
    def __init__(self, stack: Stack) -> None:
        self._client: Any = boto3.client("secretsmanager")

    def fill(self, text: str) -> None:
        self._client.create_secret(Name="apps/billing", SecretString=text)

    def text(self) -> str:
        return str(self._client.get_secret_value(SecretId="apps/billing")["SecretString"])


class Vault:
    def __init__(self, stack: Stack) -> None:
        self._kv = hvac.Client(url=stack.bao.url, token=stack.bao.token).secrets.kv.v2

    def fill(self, text: str) -> None:
        self._kv.create_or_update_secret("apps/billing", json.loads(text))

    def text(self) -> str:
        return json.dumps(
            self._kv.read_secret_version("apps/billing", raise_on_deleted_version=True)["data"]["data"], sort_keys=True
        )


def shaped(key: str | None, value: str, **others: str) -> str:
    return value if key is None else json.dumps({key: value, **others}, sort_keys=True)


@pytest.mark.parametrize(
    ("sink", "key", "others"),
    [
        ("aws://us-east-1/apps/billing", "client_secret", {"db_url": "postgres://db"}),
        ("aws://us-east-1/apps/billing#clientSecret", "clientSecret", OF_AWS),
        ("aws://us-east-1/apps/billing?bare", None, {}),
        ("vault://secret/apps/billing", "client_secret", {"db_url": "postgres://db"}),
        ("vault://secret/apps/billing#clientSecret", "clientSecret", OF_AWS),
        ("vault://secret/apps/billing#AUTH0_SECRET", "AUTH0_SECRET", {}),
    ],
)
def test_it_is_adopted_where_it_is_and_rotated_in_its_own_shape(
    stack: Stack, sink: str, key: str | None, others: dict[str, str]
) -> None:
    store = Aws(stack) if sink.startswith("aws") else Vault(stack)
    first = stack.billing.client_secret
    before = shaped(key, first, **others)
    store.fill(before)
    adopt(opened(stack, sink), AdoptOptions())
    assert store.text() == before
    rotate(opened(stack, sink), RotateOptions())
    (live,) = [one.live.current for one in stack.auth0.tenant.clients() if one.client_id == stack.billing.client_id]
    assert live != first
    assert store.text() == shaped(key, live, **others)
    (there,) = opened(stack, sink).sinks.values()
    fallback = there.read().value(Stage.FALLBACK)
    assert fallback is not None
    assert fallback.reveal() == first


def test_the_page_names_the_shapes_that_are_tried() -> None:
    (shapes, _) = tables(section(PAGE, "Moving here"))
    named = {span for row in shapes for span in spans(row[1])}
    tried = {"aws://us-east-1/apps/billing", "aws://us-east-1/apps/billing#clientSecret", "#KEY", "--key KEY"}
    assert named == {*tried, "aws://us-east-1/apps/billing?bare", "vault://secret/apps/billing"}


def test_what_could_not_be_verified_is_marked() -> None:
    text = PAGE.read_text("utf-8")
    assert "**?**" in text.partition("## In short")[0]
    assert "None of the others was run here" in text

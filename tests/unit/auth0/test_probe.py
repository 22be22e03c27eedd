"""The probe: one request, decided by its status."""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import Any

import httpx
import pytest

from bridge.auth0.client import Client
from bridge.auth0.probe import Verdict
from sinks.secret import Secret

VALUE = Secret("a-value")


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        (httpx.Response(403, json={"error": "invalid_grant"}), Verdict.ACCEPTED),
        (httpx.Response(403, json={"error": "access_denied"}), Verdict.ACCEPTED),
        (httpx.Response(403, json={"error": "unauthorized_client"}), Verdict.ACCEPTED),
        (httpx.Response(200, json={"access_token": "t"}), Verdict.ACCEPTED),
        (httpx.Response(401, json={"error": "access_denied"}), Verdict.REFUSED),
        (httpx.Response(401, json={"error": "invalid_client"}), Verdict.REFUSED),
        (httpx.Response(500, text="<html>"), Verdict.UNKNOWN),
        (httpx.Response(301, headers={"location": "https://elsewhere.example"}), Verdict.UNKNOWN),
        (httpx.Response(400, json={"error": "invalid_request"}), Verdict.UNKNOWN),
        (httpx.Response(403, text="<html>blocked by a proxy"), Verdict.UNKNOWN),
        (httpx.Response(401, text="<html>sign in to the proxy"), Verdict.UNKNOWN),
    ],
)
def test_the_status_decides(connect: Any, wire: Any, client: Client, answer: Any, verdict: Verdict) -> None:
    wire.answers = [answer]
    assert connect().probe(client, VALUE) is verdict
    assert len(wire.requests) == 1


def test_a_limit_is_no_answer_so_it_is_asked_again(connect: Any, wire: Any, client: Client) -> None:
    limited = httpx.Response(429, json={"error": "too_many_requests"})
    wire.answers = [limited, httpx.Response(401, json={"error": "access_denied"})]
    assert connect().probe(client, VALUE) is Verdict.REFUSED
    wire.requests.clear()
    wire.answers = [limited]
    assert connect().probe(client, VALUE) is Verdict.UNKNOWN
    assert len(wire.requests) == 3


def test_a_probe_is_an_invented_code_from_a_recognisable_sender(connect: Any, wire: Any, client: Client) -> None:
    wire.answers = [httpx.Response(403, json={})]
    auth0 = connect()
    for _ in range(2):
        auth0.probe(client, VALUE)
    first, second = wire.bodies()
    assert first["grant_type"] == "authorization_code"
    assert first["code"] != second["code"]
    assert (first["client_id"], first["client_secret"]) == ("AbC123", "a-value")
    request = wire.requests[0]
    assert request.headers["user-agent"].endswith(" probe")
    assert "authorization" not in request.headers


def test_a_client_that_uses_basic_is_probed_by_basic(connect: Any, wire: Any, client: Client) -> None:
    wire.answers = [httpx.Response(403, json={})]
    connect().probe(replace(client, auth_method="client_secret_basic"), VALUE)
    assert "client_secret" not in wire.bodies()[0]
    expected = base64.b64encode(b"AbC123:a-value").decode()
    assert wire.requests[0].headers["authorization"] == f"Basic {expected}"


def test_a_lost_connection_is_tried_twice_more_and_then_not_known(connect: Any, wire: Any, client: Client) -> None:
    wire.answers = [httpx.ReadError("x"), httpx.ConnectError("x"), httpx.Response(401, json={})]
    assert connect().probe(client, VALUE) is Verdict.REFUSED
    wire.answers = [httpx.ReadError("x")]
    wire.requests.clear()
    assert connect().probe(client, VALUE) is Verdict.UNKNOWN
    assert len(wire.requests) == 3

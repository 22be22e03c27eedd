"""The Management API's answers, one by one."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from bridge.auth0.errors import Auth0Error, Forbidden, Limited, NotFound, Rejected, Unauthorised, Unreachable
from bridge.auth0.tenant import Credentials
from bridge.model.origin import Origin, Settable
from sinks import request_ids
from sinks.errors import Expired
from sinks.secret import Secret

MACHINE = Credentials("M2M", Secret("own-secret"))
NEW = Settable(Secret("the-new-value"), Origin.GENERATED)


def test_a_client_is_read_by_its_quoted_id_without_asking_for_its_secret(connect: Any, wire: Any) -> None:
    wire.answers = [httpx.Response(200, json={"client_id": "a/b c", "name": "billing"})]
    assert connect().get_client("a/b c").name == "billing"
    request = wire.requests[0]
    assert request.url.raw_path.startswith(b"/api/v2/clients/a%2Fb%20c?")
    assert "client_secret" not in request.url.params["fields"].split(",")
    assert request.headers["authorization"] == "Bearer ready-made"
    assert request.headers["user-agent"].startswith("secret-bridge/")


def test_a_secret_is_set_by_one_patch_that_changes_nothing_else(connect: Any, wire: Any) -> None:
    wire.answers = [httpx.Response(200, json={})]
    connect().set_secret("AbC123", NEW, before=None)
    assert [(r.method, r.url.path) for r in wire.requests] == [("PATCH", "/api/v2/clients/AbC123")]
    assert wire.bodies() == [{"client_secret": "the-new-value"}]


def test_rotate_secret_returns_what_auth0_generated(connect: Any, wire: Any) -> None:
    wire.answers = [httpx.Response(200, json={"client_secret": "generated"})]
    assert connect().rotate_secret("AbC123", before=None) == Secret("generated")
    assert [(r.method, r.url.path) for r in wire.requests] == [("POST", "/api/v2/clients/AbC123/rotate-secret")]


def test_a_change_bears_our_own_id_and_what_changes_or_fails_is_heard_by_its_requests_id(
    connect: Any, wire: Any, client: Any, refusal: Any
) -> None:
    heard: list[tuple[str, str]] = []
    wire.tokens[0].headers["x-request-id"] = "token"
    wire.answers = [
        httpx.Response(200, json={"client_id": "AbC123"}, headers={"x-auth0-requestid": "read"}),
        httpx.Response(200, json={}, headers={"x-auth0-requestid": "set", "x-request-id": "not this"}),
        refusal(401, "Unauthorized", "access_denied", x_request_id="probe"),
        refusal(404, "not there", x_request_id="absent"),
        refusal(403, "Insufficient scope", x_correlation_id="failed"),
    ]
    auth0 = connect(MACHINE)
    with request_ids.listening(lambda *told: heard.append(told), "r-1"):
        auth0.get_client("AbC123")
        auth0.set_secret("AbC123", NEW, before=None)
        auth0.probe(client, NEW.value)
        with pytest.raises(NotFound):
            auth0.get_client("AbC123")
        with pytest.raises(Forbidden):
            auth0.get_client("AbC123")
    own = [(request.method, request.headers.get("x-correlation-id")) for request in wire.requests]
    assert own == [("GET", None), ("PATCH", "r-1"), ("POST", None), ("GET", None), ("GET", None)]
    assert [request.headers.get("x-correlation-id") for request in wire.token_requests] == [None]
    assert heard == [("auth0", "set"), ("auth0", "failed")]


@pytest.mark.parametrize("body", [{}, {"client_secret": ""}, {"client_secret": None}, []])
def test_a_rotation_that_does_not_tell_the_new_secret_counts_as_done(connect: Any, wire: Any, body: Any) -> None:
    wire.answers = [httpx.Response(200, json=body)]
    with pytest.raises(Unreachable, match="did not tell") as caught:
        connect().rotate_secret("AbC123", before=None)
    assert caught.value.maybe_done


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(500, text="<html>"), httpx.Response(502), httpx.Response(200, text="half an ans"),
        httpx.ReadTimeout("x"), httpx.ReadError("x"), httpx.RemoteProtocolError("x"), httpx.ConnectError("x"),
    ],
)  # fmt: skip
def test_rotate_secret_is_never_repeated(connect: Any, wire: Any, clock: Any, answer: Any) -> None:
    wire.answers = [answer]
    with pytest.raises(Unreachable):
        connect().rotate_secret("AbC123", before=clock.monotonic() + 10)
    assert len(wire.requests) == 1


def test_rotate_secret_is_repeated_after_a_429_because_that_was_not_carried_out(
    connect: Any, wire: Any, refusal: Any
) -> None:
    wire.answers = [refusal(429, "Global limit has been reached"), httpx.Response(200, json={"client_secret": "x"})]
    assert connect().rotate_secret("AbC123", before=None) == Secret("x")
    assert len(wire.requests) == 2


@pytest.mark.parametrize("failure", [httpx.ReadError("x"), httpx.ConnectTimeout("x"), httpx.Response(503)])
def test_reading_is_repeated(connect: Any, wire: Any, failure: Any) -> None:
    wire.answers = [failure, failure, httpx.Response(200, json={"client_id": "AbC123"})]
    assert connect().get_client("AbC123").client_id == "AbC123"
    assert len(wire.requests) == 3


def test_reading_gives_up_after_four_attempts(connect: Any, wire: Any) -> None:
    wire.answers = [httpx.Response(503)]
    with pytest.raises(Unreachable, match="HTTP 503"):
        connect().get_client("AbC123")
    assert len(wire.requests) == 4


@pytest.mark.parametrize("failure", [httpx.ReadError("x"), httpx.Response(503)])
def test_setting_is_repeated_within_a_lease_and_not_without_one(
    connect: Any, wire: Any, clock: Any, failure: Any
) -> None:
    wire.answers = [failure, httpx.Response(200, json={})]
    connect().set_secret("AbC123", NEW, before=clock.monotonic() + 10)
    assert len(wire.requests) == 2
    wire.answers = [failure, httpx.Response(200, json={})]
    with pytest.raises(Unreachable) as caught:
        connect().set_secret("AbC123", NEW, before=None)
    assert caught.value.maybe_done
    assert len(wire.requests) == 3


@pytest.mark.parametrize("last", ["limited", "unsent", "forbidden", "too late"])
def test_a_doubtful_attempt_stays_doubtful_whatever_the_next_one_meets(
    connect: Any, wire: Any, clock: Any, refusal: Any, last: str
) -> None:
    def late(_: httpx.Request) -> httpx.Response:
        clock.passed += 10
        raise httpx.ConnectError("x")

    after = {
        "limited": refusal(429, "Global limit has been reached", retry_after="20"),
        "unsent": httpx.ConnectError("x"),
        "forbidden": refusal(403, "Insufficient scope, expected any of: update:client_keys"),
        "too late": late,
    }
    wire.answers = [httpx.ReadError("x"), after[last]]
    with pytest.raises(Unreachable, match="an earlier attempt") as caught:
        connect().set_secret("AbC123", NEW, before=clock.monotonic() + 10)
    assert caught.value.maybe_done
    assert len(wire.requests) >= 2


@pytest.mark.parametrize("left", [0.0, -1.0])
def test_nothing_is_sent_after_the_end_of_a_lease(connect: Any, wire: Any, clock: Any, left: float) -> None:
    auth0 = connect()
    with pytest.raises(Expired, match="nothing was sent"):
        auth0.set_secret("AbC123", NEW, before=clock.monotonic() + left)
    with pytest.raises(Expired):
        auth0.rotate_secret("AbC123", before=clock.monotonic() + left)
    assert not wire.requests


def test_a_slow_token_does_not_let_a_write_begin_after_its_lease(connect: Any, wire: Any, clock: Any) -> None:
    def slow(_: httpx.Request) -> httpx.Response:
        clock.sleep(11)
        return httpx.Response(200, json={"access_token": "t", "expires_in": 3600})

    wire.tokens = [slow]
    with pytest.raises(Expired):
        connect(MACHINE).set_secret("AbC123", NEW, before=clock.monotonic() + 10)
    assert not wire.requests


def test_a_write_may_take_no_longer_than_what_is_left_of_its_lease(connect: Any, wire: Any, clock: Any) -> None:
    wire.answers = [httpx.Response(200, json={})]
    connect().set_secret("AbC123", NEW, before=clock.monotonic() + 3)
    timeout = wire.requests[0].extensions["timeout"]
    assert max(timeout.values()) <= 3


def test_connecting_slowly_does_not_let_a_write_be_sent_after_its_lease(connect: Any, wire: Any, clock: Any) -> None:
    """httpcore tells each step; a connection that took too long is found out right before the request is written."""

    def connects_slowly(request: httpx.Request) -> httpx.Response:
        clock.sleep(4)
        request.extensions["trace"]("http11.send_request_headers.started", {})
        raise AssertionError("sent")

    wire.answers = [connects_slowly]
    with pytest.raises(Expired):
        connect().set_secret("AbC123", NEW, before=clock.monotonic() + 3)


def test_a_rate_limit_that_outlasts_the_lease_is_waited_out_before_the_caller_looks_again(
    connect: Any, wire: Any, clock: Any, refusal: Any
) -> None:
    wire.answers = [refusal(429, "Global limit has been reached", retry_after="20")]
    with pytest.raises(Expired):
        connect().set_secret("AbC123", NEW, before=clock.monotonic() + 10)
    assert clock.slept == [20]
    assert len(wire.requests) == 1


def test_a_rate_limit_beyond_all_patience_is_an_error_at_once(
    connect: Any, wire: Any, clock: Any, refusal: Any
) -> None:
    wire.answers = [refusal(429, "Global limit has been reached", retry_after="3600")]
    with pytest.raises(Limited, match="3600 s") as caught:
        connect().get_client("AbC123")
    assert caught.value.wait == 3600
    assert (len(wire.requests), clock.slept) == (1, [])


def test_the_next_request_waits_when_the_last_answer_said_that_none_is_free(
    connect: Any, wire: Any, clock: Any
) -> None:
    reset = str(int(clock.now().timestamp()) + 2)
    limits = {"x-ratelimit-remaining": "0", "x-ratelimit-reset": reset}
    wire.answers = [httpx.Response(200, json={}, headers=limits), httpx.Response(200, json={})]
    auth0 = connect()
    auth0.get_client("AbC123")
    assert clock.slept == []
    auth0.get_client("AbC123")
    assert sum(clock.slept) == 2


def test_an_unknown_client_is_named_with_its_tenant(connect: Any, wire: Any, refusal: Any) -> None:
    wire.answers = [refusal(404, "The client does not exist", "inexistent_client")]
    for call in (lambda a: a.get_client("AbC123"), lambda a: a.set_secret("AbC123", NEW, before=None)):
        with pytest.raises(NotFound, match=r"no application AbC123 in acme\.eu\.auth0\.com"):
            call(connect())


@pytest.mark.parametrize(
    ("message", "scopes", "told"),
    [
        ("Insufficient scope, expected any of: update:client_keys", ("update:client_keys",), "lacks the scope update"),
        ("Insufficient scope, expected any of: a:b, c:d", ("a:b", "c:d"), "lacks every one of the scopes a:b, c:d"),
        ("You cannot read the following fields: client_secret", ("read:client_keys",), "lacks the scope read"),
        ("Something else", (), "forbids"),
    ],
)
def test_a_missing_scope_is_named(
    connect: Any, wire: Any, refusal: Any, message: str, scopes: tuple[str, ...], told: str
) -> None:
    wire.answers = [refusal(403, message, "insufficient_scope")]
    with pytest.raises(Forbidden, match=told) as caught:
        connect().set_secret("AbC123", NEW, before=None)
    assert caught.value.scopes == scopes
    assert "Auth0 Management API" in str(caught.value.hint)
    assert caught.value.exit_status == 1


def test_the_live_secret_is_none_without_the_scope_and_an_error_for_every_other_refusal(
    connect: Any, wire: Any, refusal: Any
) -> None:
    wire.answers = [refusal(403, "You cannot read the following fields: client_secret", "insufficient_scope")]
    assert connect().live_secret("AbC123") is None
    wire.answers = [httpx.Response(200, json={"client_id": "AbC123"})]
    assert connect().live_secret("AbC123") is None
    wire.answers = [httpx.Response(200, json={"client_secret": "live"})]
    assert connect().live_secret("AbC123") == Secret("live")
    wire.answers = [refusal(403, "Insufficient scope, expected any of: read:clients", "insufficient_scope")]
    with pytest.raises(Forbidden):
        connect().live_secret("AbC123")


def test_a_bad_request_names_the_property_and_not_what_was_sent(connect: Any, wire: Any, refusal: Any) -> None:
    message = "Payload validation error: 'String too weird: the-new-value' on property client_secret."
    wire.answers = [refusal(400, message, "invalid_body")]
    with pytest.raises(Rejected) as caught:
        connect().set_secret("AbC123", NEW, before=None)
    assert "invalid_body" in caught.value.message
    assert "about client_secret" in caught.value.message
    assert "the-new-value" not in caught.value.message


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(301, headers={"location": "https://elsewhere.example/"}), httpx.Response(404, text="<html>"),
        httpx.Response(403, text="<html>blocked"),
    ],
)  # fmt: skip
def test_an_answer_that_is_not_auth0s_says_so_and_is_not_followed(connect: Any, wire: Any, answer: Any) -> None:
    wire.answers = [answer]
    with pytest.raises(Rejected, match="not as Auth0 does"):
        connect().get_client("AbC123")
    assert len(wire.requests) == 1


def test_an_expired_token_is_renewed_once(connect: Any, wire: Any, refusal: Any) -> None:
    expired = refusal(401, "Expired token received for JSON Web Token validation")
    wire.answers = [expired, httpx.Response(200, json={})]
    connect(MACHINE).set_secret("AbC123", NEW, before=None)
    assert (len(wire.requests), len(wire.token_requests)) == (2, 2)
    wire.answers = [expired]
    with pytest.raises(Unauthorised, match="has expired"):
        connect(MACHINE).get_client("AbC123")


def test_a_ready_made_token_that_expired_is_not_asked_for_again(connect: Any, wire: Any, refusal: Any) -> None:
    wire.answers = [refusal(401, "Expired token received for JSON Web Token validation")]
    with pytest.raises(Unauthorised, match="has expired"):
        connect().get_client("AbC123")
    assert (len(wire.requests), len(wire.token_requests)) == (1, 0)


def test_every_exception_of_httpx_becomes_one_of_ours(connect: Any, wire: Any) -> None:
    def below(kind: type[BaseException]) -> set[type[BaseException]]:
        return {kind}.union(*(below(sub) for sub in kind.__subclasses__()))

    foreign = set().union(*(below(k) for k in (httpx.HTTPError, httpx.StreamError, httpx.InvalidURL)))
    assert len(foreign) > 20
    for kind in foreign:
        error = kind.__new__(kind)
        Exception.__init__(error, "the-new-value")
        wire.answers = [error]
        with pytest.raises(Auth0Error) as caught:
            connect().set_secret("AbC123", NEW, before=None)
        assert caught.value.__cause__ is None
        assert "the-new-value" not in str(caught.value)


@pytest.mark.parametrize(
    ("error", "maybe"),
    [(httpx.ConnectError("x"), False), (httpx.ConnectTimeout("x"), False), (httpx.ReadTimeout("x"), True),
     (httpx.WriteError("x"), True), (httpx.RemoteProtocolError("x"), True)],
)  # fmt: skip
def test_it_is_told_whether_a_write_may_have_been_done(connect: Any, wire: Any, error: Exception, maybe: Any) -> None:
    wire.answers = [error]
    with pytest.raises(Unreachable) as caught:
        connect().set_secret("AbC123", NEW, before=None)
    assert caught.value.maybe_done is maybe

"""Whatever fails, no value stands in the message, the traceback, or the exception's representation."""

from __future__ import annotations

import traceback
from typing import Any

import httpx
import pytest

from bridge.auth0.tenant import Credentials
from bridge.model.errors import BridgeError
from bridge.model.origin import Origin, Settable
from sinks.errors import SinkError
from sinks.secret import Secret

CANARY = "canary-7f3a9c-value"


def echo(request: httpx.Request) -> httpx.Response:
    """Answer as the worst server would: with everything that was sent."""
    text = f"{request.content.decode()} {request.headers.get('authorization')}"
    return httpx.Response(400, json={"statusCode": 400, "message": text, "error": text, "errorCode": CANARY})


ANSWERS = [
    echo,
    httpx.Response(500, text=CANARY),
    httpx.Response(200, text=CANARY),
    httpx.Response(301, headers={"location": f"https://{CANARY}.example"}),
    httpx.Response(403, json={"message": f"Insufficient scope, expected any of: {CANARY}"}),
    httpx.Response(401, json={"message": CANARY, "error": CANARY}),
    httpx.Response(404, json={"message": CANARY}),
    httpx.Response(429, json={"message": CANARY}, headers={"retry-after": "9999"}),
    httpx.ReadError(CANARY),
    httpx.LocalProtocolError(CANARY),
    UnicodeEncodeError("ascii", CANARY, 0, 1, CANARY),
]
KINDS = {
    "ready-made": Credentials(api_token=Secret(CANARY)),
    "secret": Credentials("M2M", client_secret=Secret(CANARY)),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("number", range(len(ANSWERS)))
@pytest.mark.parametrize("at_token", [True, False])
def test_no_failure_shows_a_secret(connect: Any, wire: Any, kind: str, number: int, at_token: Any) -> None:
    wire.answers = [ANSWERS[number]]
    if at_token:
        wire.tokens = [ANSWERS[number]]
    auth0 = connect(KINDS[kind])
    calls = (
        lambda: auth0.get_client("AbC123"),
        lambda: auth0.set_secret("AbC123", Settable(Secret(CANARY), Origin.GENERATED), before=None),
        lambda: auth0.rotate_secret("AbC123", before=None),
        lambda: auth0.live_secret("AbC123"),
    )
    for call in calls:
        with pytest.raises((BridgeError, SinkError)) as caught:
            call()
        shown = "".join(traceback.format_exception(caught.value)) + repr(caught.value) + str(vars(caught.value))
        assert CANARY not in shown


def test_a_value_that_cannot_be_encoded_is_not_shown(connect: Any, wire: Any) -> None:
    wire.answers = [httpx.Response(200, json={})]
    with pytest.raises(BridgeError) as caught:
        connect().set_secret("AbC123", Settable(Secret(f"{CANARY}\udcff"), Origin.BROUGHT), before=None)
    assert "canary" not in "".join(traceback.format_exception(caught.value))


def test_objects_that_hold_secrets_do_not_show_them() -> None:
    assert CANARY not in repr(KINDS["secret"])

"""Whatever fails, no secret and no token stands in what is raised, chained, logged or shown."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest

from bridge.sandbox.openbao import OpenBao
from sinks.errors import SinkError
from sinks.secret import Secret
from sinks.vault import Auth, Settings
from tests.contract.harness import VaultHarness, admin
from tests.contract.operator import P1, S0, claimed, filled, lock, record
from tests.unit.sinks.vault.support import sink_at
from tests.unit.sinks.vault.test_refusals import serving

CANARY = Secret("canary-value-Zm9vYmFy-that-nobody-may-see")
TOKEN = "canary-token-c2VjcmV0"


def raised(call: Callable[[], object]) -> str:
    """Return all that a traceback, with everything chained to it, and the error's own fields say."""
    with pytest.raises(SinkError) as caught:
        call()
    chain = "".join(traceback.TracebackException.from_exception(caught.value, capture_locals=False).format())
    seen: BaseException | None = caught.value
    hidden = []
    while seen is not None:  # also what `from None` hides from print, but not from a debugger's report
        hidden.append(repr(seen) if isinstance(seen, SinkError) else type(seen).__name__)
        seen = seen.__cause__
    return "\n".join([chain, *hidden, str(caught.value.hint), repr(vars(caught.value))])


@pytest.fixture(autouse=True)
def everything_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)


def clean(text: str, caplog: pytest.LogCaptureFixture) -> None:
    for canary in (CANARY.reveal(), TOKEN, S0.reveal(), P1.reveal()):
        assert canary not in text
        assert canary not in caplog.text


class Strange(BaseHTTPRequestHandler):
    """Answers every call in one strange way, telling back whatever it was told."""

    status = 500
    cut = False

    def do_GET(self) -> None:
        told = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        secrets = f"{told} {self.headers.get('X-Vault-Token')} {CANARY.reveal()}".replace('"', "'")
        body = f'{{"errors": ["{secrets}"], "data": "{secrets}"}}'.encode()
        self.send_response(self.status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body) + 99 * self.cut))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_PUT = do_PATCH = do_GET  # noqa: N815  # http.server wants these names

    def log_message(self, *args: object) -> None: ...


@pytest.mark.parametrize("status", [200, 204, 400, 401, 403, 404, 405, 412, 429, 500, 502, 503, 504])
@pytest.mark.parametrize("cut", [False, True])
def test_no_answer_of_a_server_is_quoted(status: int, cut: bool, caplog: pytest.LogCaptureFixture) -> None:
    handler = type("Answer", (Strange,), {"status": status, "cut": cut})
    with serving(handler) as url:
        sink = sink_at(url, "secret/apps/x", references={"env:ROOT": TOKEN})
        clean(raised(sink.read), caplog)
        clean(raised(sink.survey), caplog)


@pytest.mark.parametrize("method", ["approle", "userpass", "jwt", "kubernetes"])
@pytest.mark.parametrize("status", [200, 400, 403, 500])
def test_no_credential_of_a_login_is_quoted(method: Any, status: int, caplog: pytest.LogCaptureFixture) -> None:
    told = ("role_id", "secret_id", "jwt", "password")
    auth = Auth(method=method, role="r", username="u", **{name: f"env:{name}" for name in told})
    with serving(type("Answer", (Strange,), {"status": status})) as url:
        references = {f"env:{name}": TOKEN for name in told}
        sink = sink_at(url, "secret/apps/x", settings=Settings(url, auth=auth), references=references)
        clean(raised(sink.read), caplog)


def test_no_value_is_quoted_when_a_place_is_busy_lost_too_large_or_refused(
    place: VaultHarness, caplog: pytest.LogCaptureFixture
) -> None:
    filled(place)
    free = place.sink().read()
    sink, held = claimed(place, CANARY)
    clean(raised(lambda: place.sink().claim(free, lock(place, "ci-2"), CANARY)), caplog)
    place.write_key("big", "x" * 999_950)
    clean(raised(lambda: sink.promote(held, CANARY, record(place, CANARY, S0))), caplog)
    sink.release(held, "given up")
    clean(raised(lambda: sink.store(held, CANARY)), caplog)
    clean(raised(lambda: sink.renew(held)), caplog)
    clean(repr(held) + repr(free) + repr(place.sink().read()) + repr(held.value), caplog)


def test_no_value_is_quoted_when_a_token_may_not_write(
    bao: OpenBao, place: VaultHarness, caplog: pytest.LogCaptureFixture
) -> None:
    filled(place)
    token = admin(bao).auth.token.create(policies=["default"])["auth"]["client_token"]
    allowed = place.sink()
    held = allowed.claim(allowed.read(), lock(place), CANARY)
    denied = sink_at(bao, f"secret/{place.path}", references={"env:ROOT": token})
    for call in (
        lambda: denied.store(held, CANARY),
        lambda: denied.promote(held, CANARY, record(place, CANARY, S0)),
        lambda: denied.retire(held),
        lambda: denied.release(held, "given up"),
    ):
        text = raised(call)
        clean(text, caplog)
        assert token not in text


def test_no_value_is_quoted_when_the_server_goes_away(unique: str, caplog: pytest.LogCaptureFixture) -> None:
    with OpenBao.dev() as server:
        place = VaultHarness(server, unique)
        filled(place)
        sink, held = claimed(place, CANARY)
        admin(server).sys.seal()
        clean(raised(lambda: sink.promote(held, CANARY, record(place, CANARY, S0))), caplog)
        clean(raised(lambda: sink.store(held, CANARY)), caplog)
    for call in (lambda: sink.store(held, CANARY), lambda: sink.release(held, "given up"), sink.read):
        clean(raised(call), caplog)

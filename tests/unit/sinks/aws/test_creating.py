"""Creating a secret at stores that are stranger than AWS: what may have been changed is never called unchanged."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from sinks.aws import Settings, parse
from sinks.aws import open as open_sink
from sinks.errors import Busy, Refused, Unavailable
from sinks.port import Stage
from sinks.secret import Secret
from sinks.shared import Shared
from tests.support.strict_moto import Controls
from tests.unit.sinks.aws.factory import ManualClock, client, make_lock, make_sink, no_references, tapped

S0, P = Secret("old-value"), Secret("new-value")
BASE = make_lock(base=S0)


@pytest.fixture
def ignores_tokens(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the store make up a version's id itself, whatever was sent."""
    from tests.support.strict_moto import StrictBackend

    real = StrictBackend.create_secret

    def create_secret(backend: Any, *args: Any, **more: Any) -> Any:
        return real(backend, *args, **{**more, "client_request_token": str(uuid.uuid4())})

    monkeypatch.setattr(StrictBackend, "create_secret", create_secret)


@pytest.fixture
def drops_tags(monkeypatch: pytest.MonkeyPatch, ignores_tokens: None) -> None:
    """The same, and forget the tags as well."""
    from tests.support.strict_moto import StrictBackend

    ignoring = StrictBackend.create_secret

    def create_secret(backend: Any, *args: Any, **more: Any) -> Any:
        return ignoring(backend, *args, **{**more, "tags": []})

    monkeypatch.setattr(StrictBackend, "create_secret", create_secret)


def test_a_secret_that_our_own_call_has_made_is_ours(ignores_tokens: None) -> None:
    sink = make_sink()
    sink.claim(sink.read(), BASE, P, initial=S0)
    seen = make_sink().read()
    assert (seen.value(Stage.CURRENT), seen.value(Stage.PENDING)) == (S0, P)


@pytest.mark.parametrize("initial", [S0, None])
def test_one_that_holds_what_was_sent_is_gone_on_with(drops_tags: None, initial: Secret | None) -> None:
    sink = make_sink()
    sink.claim(sink.read(), BASE, P, initial=initial)
    assert make_sink().read().value(Stage.PENDING) == P


@pytest.mark.parametrize("fault", ["error", "cut", "lost"])
def test_a_secret_that_our_own_call_may_have_made_is_never_called_unchanged(aws: Controls, fault: str) -> None:
    """The first answer says nothing, and the second that the secret exists: perhaps by the first."""
    sink = make_sink()
    aws.faults["CreateSecret"] = ["error"]
    state = sink.read()

    def tap(_: int, name: str) -> None:
        if name == "create" and calls.calls.count("create") == 2:
            client().create_secret(Name="apps/x", SecretString='{"client_secret": "foreign"}')
            aws.faults["CreateSecret"] = [fault] if fault != "error" else []

    calls = tapped(sink, tap)
    with pytest.raises(Unavailable) as caught:
        sink.claim(state, BASE, P, initial=S0)
    assert caught.value.unsure


def test_a_rival_that_takes_what_we_have_just_made_leaves_us_unsure() -> None:
    sink, rival = make_sink(), make_sink()
    views = sink.read(), rival.read()

    def tap(_: int, name: str) -> None:
        if name == "page" and "create" in calls.calls and calls.calls.count("page") == 1:
            rival.claim(rival.read(), make_lock(base=S0, id="r-2", holder="h2"), None)

    calls = tapped(sink, tap)
    with pytest.raises(Unavailable, match="this process had made it") as caught:
        sink.claim(views[0], BASE, P, initial=S0)
    assert caught.value.unsure
    assert caught.value.hint


def test_a_rival_that_was_there_first_leaves_us_sure() -> None:
    sink = make_sink()
    state = sink.read()
    client().create_secret(Name="apps/x", SecretString='{"client_secret": "foreign"}')
    with pytest.raises(Busy):
        sink.claim(state, BASE, P, initial=S0)


def test_no_secret_is_created_by_its_arn() -> None:
    arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:apps/x-AbCdEf"
    sink = open_sink(
        "aws",
        arn,
        Settings(),
        resolve=no_references,
        clock=ManualClock(),
        lease=BASE.expected_end - BASE.started,
        shared=Shared(),
    )
    calls = tapped(sink)
    assert parse(arn).account == "123456789012"
    with pytest.raises(Refused, match="no secret can be created by its ARN"):
        sink.claim(sink.read(), BASE, P, initial=S0)
    assert "create" not in calls.calls

"""Credentials that end: obtained again before that, and once after an answer that says so."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sinks.aws import Settings, open_reader
from sinks.aws.errors import NoLogin
from sinks.port import Stage
from sinks.secret import Secret
from sinks.shared import Shared
from tests.support.proxy import Answer, Proxy
from tests.unit.sinks.aws.factory import REGION, ManualClock, make_lock, make_record, make_sink, no_references

ROLE = "arn:aws:iam::123456789012:role/bridge"
S0, P = Secret("old-value"), Secret("new-value")
ENDED = b'{"__type": "ExpiredTokenException", "message": "The security token included in the request is expired"}'


class Sts:
    """Stands before the server. `ended`: requests are refused until somebody assumes a role again.

    `calls` are the requests to Secrets Manager, `assumed` is how often a role was. `lifetime` is what a role's
    credentials say of themselves.
    """

    def __init__(self) -> None:
        self.ended = False
        self.for_ever = False
        self.assumed = 0
        self.calls: list[str] = []
        self.refused: list[str] = []
        self.lifetime: timedelta | None = None
        self.code = b"ExpiredTokenException"

    def __call__(self, what: str, ask: Callable[[], Answer]) -> Answer:
        if what == "POST /":
            self.assumed += 1
            self.ended = self.for_ever
            return self._shortened(ask())
        self.calls.append(what)
        if self.ended:
            self.refused.append(what)
            body = ENDED.replace(b"ExpiredTokenException", self.code)
            return Answer(400, "Bad Request", (("Content-Type", "application/x-amz-json-1.1"),), body)
        return ask()

    def _shortened(self, answer: Answer) -> Answer:
        if self.lifetime is None:
            return answer
        ends = f"<Expiration>{datetime.now(UTC) + self.lifetime:%Y-%m-%dT%H:%M:%SZ}</Expiration>".encode()
        body = re.sub(rb"<Expiration>.*?</Expiration>", ends, answer.body)
        return Answer(answer.status, answer.reason, answer.headers, body)


@pytest.fixture
def sts() -> Sts:
    return Sts()


@pytest.fixture
def url(server: str, sts: Sts) -> Iterator[str]:
    with Proxy(server, gate=sts) as proxy:
        yield proxy.url


@pytest.fixture
def assuming(url: str) -> Settings:
    return Settings(role_arn=ROLE, endpoint_url=url)


def test_a_role_is_assumed_once_for_many_calls(assuming: Settings, sts: Sts, name: str) -> None:
    sink = make_sink(name, settings=assuming)
    assert sink.read().value(Stage.CURRENT) == S0
    assert sink.read().value(Stage.CURRENT) == S0
    assert sts.assumed == 1


@pytest.mark.parametrize("code", [b"ExpiredTokenException", b"ExpiredToken", b"InvalidClientTokenId"])
def test_a_role_that_ends_within_an_operation_is_assumed_again(
    assuming: Settings, sts: Sts, name: str, code: bytes
) -> None:
    sts.code = code
    sink = make_sink(name, settings=assuming)
    held = sink.claim(sink.read(), make_lock(base=S0), P)
    for _ in range(2):
        sts.ended = True
        held = sink.renew(held)
    sts.ended = True
    sink.promote(held, P, make_record(P, S0))
    sts.ended = True
    sink.release(held, "rotated")
    assert sink.read().value(Stage.CURRENT) == P
    assert len(sts.refused) == 4
    assert sts.assumed == 5


def test_a_reader_goes_on_when_its_role_ends(assuming: Settings, sts: Sts, name: str) -> None:
    reader = open_reader(
        "aws",
        f"{REGION}/{name}",
        assuming,
        resolve=no_references,
        clock=ManualClock(),
        timeout=timedelta(seconds=10),
        shared=Shared(),
    )
    assert reader.latest().value == S0
    sts.ended = True
    assert reader.latest().value == S0
    assert (len(sts.refused), sts.assumed) == (1, 2)
    reader.close()


def test_a_role_that_is_about_to_end_is_assumed_before_that(assuming: Settings, sts: Sts, name: str) -> None:
    sts.lifetime = timedelta(minutes=2)
    sink = make_sink(name, settings=assuming)
    sink.survey()
    assert sts.assumed > 1
    assert not sts.refused


def test_credentials_that_are_refused_at_once_are_obtained_once_more_only(
    assuming: Settings, sts: Sts, name: str
) -> None:
    sts.ended = sts.for_ever = True
    with pytest.raises(NoLogin, match="did not accept the credentials"):
        make_sink(name, settings=assuming).read()
    assert len(sts.calls) == 2
    assert sts.assumed == 2


def test_a_role_whose_credentials_have_ended_when_they_come_is_explained(
    assuming: Settings, sts: Sts, name: str
) -> None:
    sts.lifetime = -timedelta(hours=7)
    with pytest.raises(NoLogin, match="have ended") as caught:
        make_sink(name, settings=assuming).read()
    assert "this machine's clock" in str(caught.value.hint)


def test_keys_that_stay_the_same_are_not_sent_again(url: str, sts: Sts, name: str) -> None:
    sts.ended = True
    with pytest.raises(NoLogin):
        make_sink(name, settings=Settings(endpoint_url=url)).read()
    assert len(sts.calls) == 1


def test_keys_that_somebody_else_renews_are_read_again(
    url: str, sts: Sts, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a program beside the application writes them, every hour."""
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    file = tmp_path / "credentials"
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(file))
    file.write_text("[default]\naws_access_key_id = one\naws_secret_access_key = one\n", "utf-8")
    sink = make_sink(name, settings=Settings(endpoint_url=url))
    assert sink.read().exists
    file.write_text("[default]\naws_access_key_id = two\naws_secret_access_key = two\n", "utf-8")
    calls, sts.ended = len(sts.calls), True
    with pytest.raises(NoLogin):  # this server refuses these as well
        sink.read()
    assert len(sts.calls) == calls + 2


def test_a_profile_that_assumes_a_role_is_asked_again(
    url: str, sts: Sts, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "config"
    config.write_text(
        f"[profile bridge]\nrole_arn = {ROLE}\nsource_profile = base\n"
        "[profile base]\naws_access_key_id = x\naws_secret_access_key = y\n",
        "utf-8",
    )
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", url)
    sink = make_sink(name, settings=Settings(profile="bridge", endpoint_url=url))
    assert sink.read().exists
    sts.ended = True
    assert sink.read().exists
    assert (len(sts.refused), sts.assumed) == (1, 2)


def test_a_write_that_was_refused_is_done_once(assuming: Settings, sts: Sts, name: str) -> None:
    sink = make_sink(name, settings=assuming)
    state = sink.read()
    sts.ended = True
    sink.claim(state, make_lock(base=S0), P)
    assert sts.calls.count("POST PutSecretValue") == 2
    assert len(sink.read().history.versions) == 2

"""Where requests go: never in clear text to another machine, whoever named the address."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from sinks import open_sink
from sinks.aws import Settings, from_environment, parse
from sinks.errors import BadAddress
from sinks.port import Stage
from sinks.secret import Secret
from tests.support.proxy import Answer, Proxy
from tests.unit.sinks.aws.factory import ManualClock, make_sink, no_references

EVIL = "http://evil.example"
ROLE = "arn:aws:iam::123456789012:role/bridge"


@pytest.mark.parametrize(
    "url",
    [
        EVIL,
        "http://127.evil.example:8200",
        "http://localhost.evil.example",
        "http://127.0.0.1.evil.example",
        "http://user:pass@evil.example",
        "http://10.0.0.1:4566",
        "http://localstack:4566",
        "http://[2001:db8::1]",
        "HTTP://evil.example",
    ],
)
def test_plain_http_to_another_machine_is_refused_before_any_request(url: str) -> None:
    with pytest.raises(BadAddress, match="in clear text: plain http:// is for loopback only") as caught:
        parse("us-east-1/apps/x", Settings(endpoint_url=url))
    assert "use https://" in str(caught.value.hint)
    with pytest.raises(BadAddress):
        open_sink(
            "aws://us-east-1/apps/x",
            "aws",
            Settings(endpoint_url=url),
            resolve=no_references,
            clock=ManualClock(),
        )


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "http://[::1]:1", "http://localhost:1", "https://evil.example"])
def test_this_machine_and_https_are_not_refused(url: str) -> None:
    assert parse("us-east-1/apps/x", Settings(endpoint_url=url)).name == "apps/x"


@pytest.mark.parametrize("variable", ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_SECRETS_MANAGER"])
@pytest.mark.parametrize("from_file", [True, False])
def test_a_variable_that_says_so_is_named(variable: str, from_file: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a configuration file the settings name no endpoint, and boto3 reads the variable itself."""
    monkeypatch.setenv(variable, EVIL)
    settings = Settings() if from_file else from_environment(os.environ)
    with pytest.raises(BadAddress, match=rf"http://evil\.example \({variable}\) would get secrets in clear text"):
        make_sink(settings=settings).read()


def test_the_endpoint_of_sts_is_held_to_it_too(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", EVIL)
    with pytest.raises(BadAddress, match="AWS_ENDPOINT_URL_STS"):
        make_sink(settings=Settings(endpoint_url=server, role_arn=ROLE)).read()


def test_a_profiles_endpoint_is_held_to_it_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = tmp_path / "config"
    config.write_text(f"[profile p]\nendpoint_url = {EVIL}\naws_access_key_id = x\naws_secret_access_key = y\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    with pytest.raises(BadAddress, match="in clear text"):
        make_sink(settings=Settings(profile="p")).read()


@pytest.mark.parametrize("from_file", [True, False])
def test_plain_http_to_this_machine_goes_through_no_proxy(
    server: str, name: str, from_file: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would read what is sent."""
    seen: list[str] = []

    def gate(what: str, ask: object) -> Answer:
        seen.append(what)
        return Answer(502, "Bad Gateway", (), b"")

    monkeypatch.setenv("AWS_ENDPOINT_URL", server)
    with Proxy(server, gate=gate) as proxy:
        for variable in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
            monkeypatch.setenv(variable, proxy.url)
        settings = Settings() if from_file else from_environment(os.environ)
        assert make_sink(name, settings=settings).read().value(Stage.CURRENT) == Secret("old-value")
    assert seen == []


def test_the_address_of_secrets_manager_alone_is_none_of_sts() -> None:
    from sinks.aws.connection import _endpoint

    vpc = Settings(endpoint_url="https://vpce-1.secretsmanager.us-east-1.vpce.amazonaws.com")
    assert _endpoint("secretsmanager", vpc) == vpc.endpoint_url
    assert _endpoint("sts", vpc) is None

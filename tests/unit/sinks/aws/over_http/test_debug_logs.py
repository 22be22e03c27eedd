"""Everything that AWS's libraries can log is logged, and nothing of the bridge's calls is in it."""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import boto3
import pytest

from sinks.aws import Settings
from sinks.aws.connection import identifier
from sinks.secret import Secret
from sinks.shared import Shared
from sinks.versions import Stage
from tests.support.proxy import Answer, Proxy
from tests.unit.doctor.certificates import Authority, Behind
from tests.unit.sinks.aws.factory import REGION, make_lock, make_record, make_sink
from tests.unit.sinks.aws.over_http.test_credentials import ROLE

S0, P = Secret("old-value"), Secret("new-value")
GIVEN = re.compile(rb"<(?:SecretAccessKey|SessionToken|AccessKeyId)>(.*?)<")


@pytest.fixture
def given() -> list[str]:
    """What STS gave."""
    return []


@pytest.fixture
def url(server: str, given: list[str]) -> Iterator[str]:
    def gate(what: str, ask: Callable[[], Answer]) -> Answer:
        answer = ask()
        given.extend(found.decode() for found in GIVEN.findall(answer.body))
        return answer

    with Proxy(server, gate=gate) as proxy:
        yield proxy.url


@pytest.fixture
def everything(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    """The application's log, at DEBUG for each logger that there is."""
    caplog.set_level(logging.DEBUG)
    for name in list(logging.root.manager.loggerDict):
        caplog.set_level(logging.DEBUG, logger=name)
    return caplog


def of_libraries(log: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    """Return what AWS's libraries said in this thread. The server of this test uses them in another one."""
    found = [record for record in log.records if record.name.startswith(("botocore", "boto3", "urllib3"))]
    return [record for record in found if record.thread == threading.get_ident()]


def test_the_keys_of_connections_are_not_written_down(
    server: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever has them can read the secrets that were sent. botocore writes them where this variable says so."""
    written, authority = tmp_path / "keys", Authority(tmp_path)
    monkeypatch.setenv("SSLKEYLOGFILE", str(written))
    with Behind(server, authority.context()) as behind:
        settings = Settings(endpoint_url=behind.url, ca_file=str(authority.file))
        assert make_sink(name, settings=settings).read().value(Stage.CURRENT) == S0
    assert not [line for line in written.read_text().splitlines() if line[:1] != "#"]


def test_an_operation_under_a_role_logs_neither_its_credentials_nor_a_value(
    url: str, name: str, given: list[str], everything: pytest.LogCaptureFixture
) -> None:
    settings = Settings(role_arn=ROLE, endpoint_url=url)
    sink = make_sink(name, settings=settings)
    held = sink.claim(sink.read(), make_lock(base=S0), P)
    sink.promote(held, P, make_record(P, S0))
    sink.release(held, "rotated")
    sink.caller()
    identifier(settings, REGION, timedelta(seconds=10), Shared())()
    assert len(given) >= 6
    for text in (*given, "old-value", "new-value", "theirs"):
        assert text not in everything.text
    ours = of_libraries(everything)
    assert [record for record in ours if record.levelno <= logging.DEBUG] == []


def test_the_same_holds_for_a_profile_that_assumes_a_role(
    url: str,
    name: str,
    given: list[str],
    everything: pytest.LogCaptureFixture,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    config = tmp_path / "config"
    config.write_text(
        f"[profile bridge]\nrole_arn = {ROLE}\nsource_profile = base\n"
        "[profile base]\naws_access_key_id = x\naws_secret_access_key = hunter2hunter2\n",
        "utf-8",
    )
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", url)
    make_sink(name, settings=Settings(profile="bridge", endpoint_url=url)).read()
    assert given
    for text in (*given, "hunter2hunter2", "old-value"):
        assert text not in everything.text


def test_a_traceback_of_a_failed_renewal_is_not_logged(
    url: str, everything: pytest.LogCaptureFixture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "config"
    config.write_text("[profile p]\ncredential_process = sh -c 'echo hunter2 >&2; exit 1'\n", "utf-8")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    with pytest.raises(Exception, match="no usable AWS credentials"):
        make_sink(settings=Settings(profile="p", endpoint_url=url)).read()
    assert "hunter2" not in everything.text


def test_an_applications_own_calls_are_logged_as_usual(
    url: str, name: str, everything: pytest.LogCaptureFixture
) -> None:
    boto3.client("secretsmanager", region_name=REGION, endpoint_url=url).describe_secret(SecretId=name)
    assert any(record.name == "botocore.endpoint" for record in everything.records)
    everything.clear()
    make_sink(name, settings=Settings(endpoint_url=url)).read()
    ours = [record for record in everything.records if record.name.startswith("botocore")]
    assert [record for record in ours if record.levelno <= logging.DEBUG] == []


def test_every_module_that_has_a_logger_is_known() -> None:
    import sys

    names = [module for module in sys.modules if module.partition(".")[0] in ("boto3", "botocore", "urllib3")]
    loggers = [logging.getLogger(module) for module in names if module in logging.root.manager.loggerDict]
    assert len(loggers) > 50
    assert [logger.name for logger in loggers if not logger.filters] == []

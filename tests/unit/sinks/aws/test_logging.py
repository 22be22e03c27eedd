"""What botocore logs of our calls: never what quotes a secret's text."""

from __future__ import annotations

import logging

import pytest

import sinks.aws.connection  # noqa: F401  # which is what keeps contents out

QUOTES = 'Response body: {"SecretString": "hunter2"}'


@pytest.mark.parametrize("name", ["parsers", "endpoint", "hooks", "client", "httpsession"])
def test_lines_that_quote_contents_are_dropped_and_all_others_are_not(
    name: str, caplog: pytest.LogCaptureFixture
) -> None:
    log = logging.getLogger(f"botocore.{name}")
    with caplog.at_level(logging.DEBUG, logger=log.name):
        log.debug(QUOTES)
        log.debug("Response body: %s", {"SecretString": "hunter2"})
        log.debug("Response headers: 200")
        log.warning("Retrying")
    assert caplog.messages == ["Response headers: 200", "Retrying"]

from __future__ import annotations

from collections.abc import Iterator

import pytest
import stamina
from moto import mock_aws

from tests.aws.factory import CREDENTIALS, client
from tests.strict_moto import Controls, make_strict


@pytest.fixture(autouse=True)
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[Controls]:
    for name in (
        "AWS_PROFILE",
        "AWS_REGION",
        "AWS_DEFAULT_REGION",
        "AWS_ENDPOINT_URL",
        "AWS_CA_BUNDLE",
        "REQUESTS_CA_BUNDLE",
    ):
        monkeypatch.delenv(name, raising=False)
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    controls = make_strict()
    stamina.set_testing(True, attempts=3)
    with mock_aws():
        yield controls
    stamina.set_testing(False)
    controls.reset()


@pytest.fixture
def secret() -> str:
    """A secret as its users made it: our key and one of theirs."""
    client().create_secret(Name="apps/x", SecretString='{"client_secret": "old-value", "db": "theirs"}')
    return "apps/x"

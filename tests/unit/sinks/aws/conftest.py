from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.strict_moto import Controls
from tests.unit.sinks.aws.factory import client
from tests.unit.sinks.aws.mocked import strict_aws


@pytest.fixture(autouse=True)
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[Controls]:
    with strict_aws(monkeypatch) as controls:
        yield controls


@pytest.fixture
def secret() -> str:
    """A secret as its users made it: our key and one of theirs."""
    client().create_secret(Name="apps/x", SecretString='{"client_secret": "old-value", "db": "theirs"}')
    return "apps/x"

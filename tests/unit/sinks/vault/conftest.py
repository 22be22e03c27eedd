from __future__ import annotations

from typing import Any

import pytest

from bridge.sandbox.openbao import OpenBao
from tests.contract.harness import VaultHarness, admin


@pytest.fixture
def place(bao: OpenBao, unique: str) -> VaultHarness:
    """An empty sink on the shared server."""
    return VaultHarness(bao, unique)


@pytest.fixture
def root(bao: OpenBao) -> Any:
    """The shared server's administrator."""
    return admin(bao)

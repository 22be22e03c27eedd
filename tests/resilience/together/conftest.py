from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.conftest import servers
from tests.e2e.world import Servers
from tests.resilience.races.operators import Operators
from tests.resilience.together.fleet import Fleet
from tests.support.strict_moto import controls

__all__ = ["servers"]


@pytest.fixture(scope="session")
def operators() -> Iterator[Operators]:
    with Operators() as running:
        yield running


@pytest.fixture
def fleet(servers: Servers, operators: Operators, tmp_path: Path) -> Iterator[Fleet]:
    """Eight clients that are adopted."""
    controls.reset()
    controls.clock = time.time
    with Fleet(servers, operators, tmp_path) as made:
        made.must("adopt", "--all", "--yes")
        yield made
    controls.reset()

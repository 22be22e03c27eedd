from __future__ import annotations

import pytest

from tests.e2e.conftest import make_hasty, make_world, servers
from tests.e2e.world import MakeWorld
from tests.unit.evidence.tenancy import Tenancy

__all__ = ["make_hasty", "make_world", "servers"]


@pytest.fixture
def tenancy(make_world: MakeWorld) -> Tenancy:
    """A client that was used for two days, rotated, and whose change has spread."""
    return Tenancy.of(make_world)

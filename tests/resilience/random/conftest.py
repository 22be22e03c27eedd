from __future__ import annotations

from tests.e2e.conftest import make_world, servers, world

__all__ = ["make_world", "servers", "world"]

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.conftest import make_live, make_world, servers, world

__all__ = ["make_live", "make_world", "servers", "world"]


@pytest.fixture(autouse=True)
def empty_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No token and no profile of whoever runs the tests."""
    monkeypatch.setenv("HOME", str(tmp_path))

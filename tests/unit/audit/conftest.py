from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.conftest import hasty, live, make_hasty, make_live, make_world, servers, world
from tests.resilience.races.conftest import make_field, operators
from tests.unit.audit.record import Record

__all__ = ["hasty", "live", "make_field", "make_hasty", "make_live", "make_world", "operators", "servers", "world"]

KEY = "a key that nobody guesses, 0123456789"


@pytest.fixture
def record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Record:
    """A record in a file, with a key, switched on by the environment."""
    path = tmp_path / "recorded" / "audit.jsonl"
    path.parent.mkdir()
    monkeypatch.setenv("BRIDGE_AUDIT", f"file:{path}")
    monkeypatch.setenv("BRIDGE_AUDIT_KEY", KEY)
    return Record(path, KEY)


@pytest.fixture
def open_files() -> Iterator[None]:
    """Whatever is opened is closed again."""
    before = len([*Path("/proc/self/fd").iterdir()])
    yield
    assert len([*Path("/proc/self/fd").iterdir()]) == before

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.conftest import make_hasty, make_world, servers
from tests.e2e.world import MakeWorld, World
from tests.unit.policy.iam import Guard, guarded

__all__ = ["make_hasty", "make_world", "servers"]


@pytest.fixture(autouse=True)
def empty_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A working directory without anybody's configuration, token or profile."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def guard() -> Iterator[Guard]:
    """What stands before the local AWS, and lets everybody pass until it is told policies."""
    with guarded() as found:
        yield found


@pytest.fixture
def world(make_hasty: MakeWorld) -> World:
    return make_hasty()

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from tests.e2e.conftest import hasty, live, make_hasty, make_live, make_world, servers, world
from tests.unit.notify.receiver import Receiver, receiver

__all__ = ["hasty", "live", "make_hasty", "make_live", "make_world", "servers", "world"]

TOKEN = "T0kenThatNobodyMaySee"


@pytest.fixture
def hook(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    """A receiver, its URL in the variable HOOK."""
    with receiver() as found:
        monkeypatch.setenv("HOOK", found.url(TOKEN))
        yield found


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Take back what `--verbose` did in this process: the stream that it logs to ends with the command."""
    loggers = [logging.getLogger(name) for name in ("bridge", "sinks")]
    before = [(logger.handlers, logger.propagate, logger.level) for logger in loggers]
    yield
    for logger, (handlers, propagate, level) in zip(loggers, before, strict=True):
        logger.handlers, logger.propagate = handlers, propagate
        logger.setLevel(level)

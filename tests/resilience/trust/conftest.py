"""A bench of real servers under a virtual clock, and a client on it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.resilience.deaths.bench import Bench, Subject


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    with Bench() as found:
        yield found


@pytest.fixture
def client(bench: Bench, request: pytest.FixtureRequest) -> Iterator[Subject]:
    with bench.subject(getattr(request, "param", "vault"), seed=7) as found:
        yield found

"""Short random sequences, always the same; the long run is `python -m tests.resilience.random --steps 5000`."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from bridge.sandbox.openbao import OpenBao
from tests.e2e.world import World
from tests.resilience.random.__main__ import told_by
from tests.resilience.random.machine import Tally
from tests.resilience.random.servers import worlds

SEQUENCES = settings(
    max_examples=3, stateful_step_count=30, deadline=None, database=None, phases=(Phase.generate,), print_blob=False,
    suppress_health_check=list(HealthCheck),
)  # fmt: skip


@pytest.fixture
def make(bao: OpenBao) -> Iterator[Callable[..., World]]:
    with worlds(bao) as made:
        yield made


@pytest.mark.parametrize("number", range(10, 30))
def test_no_sequence_of_commands_faults_and_other_peoples_writes_breaks_an_invariant(
    make: Callable[..., World], number: int
) -> None:
    tally = Tally()
    machine = told_by(make, tally, aloud=False)
    try:
        run_state_machine_as_test(seed(number)(machine), settings=SEQUENCES)
    except Exception as error:
        error.add_note("\n".join(machine.story))  # type: ignore[attr-defined]  # ours alone has a story
        raise
    assert tally.steps > 60

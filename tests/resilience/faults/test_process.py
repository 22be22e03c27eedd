"""A process that is asked to stop, is killed, or cannot say anything any more, at any moment."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.resilience.faults.case import Case, marked
from tests.resilience.faults.conftest import MakeBehind
from tests.resilience.faults.process import CASES, OUTPUTS
from tests.resilience.faults.spawned import Spawned
from tests.resilience.races.operators import Operators


@pytest.mark.parametrize("case", [marked(case) for case in (*CASES, *OUTPUTS)])
def test_it_ends_in_time_and_as_the_table_says_and_the_advice_cures_it(
    case: Case, make_behind: MakeBehind, operators: Operators, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    Spawned(case, make_behind(), monkeypatch, operators, tmp_path).go()

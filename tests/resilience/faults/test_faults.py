"""The faults of docs/internals/reliability.md at Auth0, Vault, AWS and of clocks: what is seen, left, and cures."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest

from tests.resilience.faults.auth0 import ACCEPTED
from tests.resilience.faults.auth0 import CASES as AT_AUTH0
from tests.resilience.faults.aws import CASES as AT_AWS
from tests.resilience.faults.between import Fault, answers
from tests.resilience.faults.case import SET, TOKEN, WAITS, Case, Do, Left, marked
from tests.resilience.faults.clocks import CASES as BY_CLOCKS
from tests.resilience.faults.clocks import skewed
from tests.resilience.faults.conftest import MakeBehind
from tests.resilience.faults.run import Run
from tests.resilience.faults.vault import CASES as AT_VAULT

CASES = (*AT_AUTH0, *AT_VAULT, *AT_AWS, *BY_CLOCKS)


@pytest.mark.parametrize("case", [marked(case) for case in CASES])
def test_it_ends_as_the_table_says_and_the_advice_cures_it(
    case: Case, make_behind: MakeBehind, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = make_behind(request.getfixturevalue("sealable")) if "sealed" in case.id else make_behind()
    Run(case, world, monkeypatch).go()


def test_a_change_is_not_proven_while_auth0_still_accepts_the_old_value(
    make_behind: MakeBehind, monkeypatch: pytest.MonkeyPatch
) -> None:
    still = Fault(TOKEN, answers(403, ACCEPTED), after=SET)
    Run(Case("", 3, "not verified yet", Left.UNVERIFIED, Do.VERIFY, (still,), WAITS), make_behind(), monkeypatch).go()


@pytest.mark.parametrize("hours", [7, -7])
def test_whatever_this_machines_clock_says_times_are_told_by_the_vaults(
    hours: int, make_behind: MakeBehind, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = make_behind()
    world.fill()
    case = Case("", 0, "", Left.DONE, Do.NOTHING, before=skewed(timedelta(hours=hours)))
    run = Run(case, world, monkeypatch)
    case.before(run)
    ended = run.typed("rotate", "--adopt", "--no-wait")
    found = re.search(r"may be retired from (\S+)Z", ended.out)
    assert found, ended.told
    until = datetime.fromisoformat(found.group(1)).replace(tzinfo=UTC) - world.clock.now()
    assert abs(until - timedelta(hours=24)) < timedelta(minutes=5)

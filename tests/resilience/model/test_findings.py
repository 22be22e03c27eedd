"""What the search found, one scenario each: what is mended stays so."""

from __future__ import annotations

import pytest

from tests.resilience.model.program import deterministic
from tests.resilience.model.scenarios import BOTH, finishing, scenario
from tests.resilience.model.search import Search
from tests.resilience.model.states import Scenario

NAMELESS_ROLLBACK = scenario("rotated", "aws", "rollback")
LATE_NAME = scenario("managed", "aws", "rotate", "resume --takeover, rotate", preemptions=1)
TWO_NAMES = scenario("managed", BOTH, "rotate", "resume --takeover", preemptions=2)
WIPED_WHILE_PROMOTED = scenario("rotated", "aws", "rotate", foreign=("wipe",))
TAKEOVER_IN_THE_FENCE = scenario("managed", "vault", "rotate", "rotate", preemptions=0)
REPAIR_AFTER_FINISHING = finishing("rotate", 3, "vault", "resume", "rotate", preemptions=1, crash=False)

STALE_TAKEOVER = finishing("rotate", 12, BOTH, "resume", "rotate", preemptions=2)

FOUND = (
    pytest.param(NAMELESS_ROLLBACK, id="a rollback that died before it wrote its name can be finished"),
    pytest.param(LATE_NAME, id="a name that is written late does not hide the next holder's"),
    pytest.param(TWO_NAMES, id="a sink with a name and one without are one operation"),
    pytest.param(WIPED_WHILE_PROMOTED, id="a promoted sink whose tags somebody wiped can be finished"),
    pytest.param(TAKEOVER_IN_THE_FENCE, id="a takeover waits for the fence of what it finishes"),
    pytest.param(REPAIR_AFTER_FINISHING, id="resume that finished does not say that nothing was changed"),
    pytest.param(STALE_TAKEOVER, id="who takes over late does not take what was given back"),
)


@pytest.mark.parametrize("searched", FOUND)
def test_it_does_not_happen(searched: Scenario) -> None:
    with deterministic():
        found = Search(searched).run()
    assert not found.violations, "\n".join(next(iter(found.violations.values())))

"""One row of the table in docs/internals/reliability.md: a fault, what the user sees, what is left, what to do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

import pytest

from tests.resilience.faults.between import Fault

if TYPE_CHECKING:
    from tests.resilience.faults.run import Behind, Run


class Left(StrEnum):
    """What state is left. The words stand in the table."""

    UNTOUCHED = "as it was"
    """Nothing at all was written anywhere."""
    GIVEN_BACK = "given back"
    """Claimed and released: values and stages are as before, and nothing is held."""
    HELD = "held; Auth0 has the old value"
    PENDING = "held; no sink is published"
    """Every sink holds the old value as current and the new one as pending; Auth0 has either."""
    GAP = "held; Auth0 may have a value that no sink holds"
    """The one gap, of the strategy `auth0-generated`."""
    HALF = "held; one sink is published"
    """Auth0 has the new value; it is current in one sink, and pending in the other."""
    PUBLISHED = "held; every sink is published"
    MIXED = "held; Auth0 was not touched"
    """A retirement, or a sync, that is not done everywhere."""
    UNVERIFIED = "done, not proven"
    DONE = "done"


class Do(StrEnum):
    """What to do. The words stand in the table."""

    NOTHING = "nothing"
    AGAIN = "run it again"
    RESUME = "`secret-bridge resume NAME`"
    """The command that the message names."""
    VERIFY = "`secret-bridge verify NAME`"


def marked(case: Case) -> object:
    """Return a case as a parameter; one that shows a defect of the product is expected to fail."""
    marks = [pytest.mark.xfail(reason=case.defect, strict=True)] if case.defect else []
    return pytest.param(case, id=case.id, marks=marks)


def adopted(world: Behind) -> None:
    """The sinks were adopted a day ago."""
    world.prepare(fallback=False)


def rotated(world: Behind) -> None:
    """They were rotated a day ago, so that there is a fallback."""
    world.prepare(fallback=True)


def in_dashboard(world: Behind) -> None:
    """Somebody pressed Rotate in Auth0's dashboard."""
    world.prepare(fallback=True)
    world.tenant.set_in_dashboard(world.client_id)
    world.spread()


def forgotten(world: Behind) -> None:
    """The same after two rotations: the value before them was there lately, and is at no stage any more."""
    world.prepare(fallback=True)
    world.rotate()
    world.tenant.set_in_dashboard(world.client_id)
    world.spread()


LEAK = ("rotate", "--compromised", "--reason", "seen", "--yes")
RETIRE = ("retire", "--yes")
WAITS = ("rotate",)
"""Where settling matters; the others run with `--no-wait`."""


def nothing(run: Run) -> None:
    """Nothing has to be mended but the fault itself."""


@dataclass(frozen=True)
class Case:
    """`changes` is how many values Auth0 was given once all is well; `fallback` is which value is the fallback then:
    "old", the one that Auth0 had, "current", the one that the sinks had, "older", their fallback, or None. `environ`
    is added for the command. `slow`: nobody waits long for an answer. `defect`: why it fails for now."""

    id: str
    exit: int
    says: str
    left: Left
    do: Do
    faults: tuple[Fault, ...] = ()
    command: tuple[str, ...] = ("rotate", "--no-wait")
    scene: Callable[[Behind], None] = adopted
    mend: Callable[[Run], None] = nothing
    changes: int = 1
    fallback: str | None = "old"
    environ: Mapping[str, str] = field(default_factory=dict)
    before: Callable[[Run], None] = nothing
    slow: bool = False
    defect: str = ""

    def __str__(self) -> str:
        return self.id


# Calls, as `Fault` matches them.
SET = r"auth0 PATCH .*"
GENERATE = r"auth0 POST .*/rotate-secret"
CLIENT = r"auth0 GET /api/v2/clients/.*"
TOKEN = r"auth0 POST /oauth/token"
"""The management token's request is the first; the others are probes."""
AUTH0 = r"auth0 .*"
VAULT = r"vault .*"
V_READ = r"vault GET /v1/secret/(data|metadata)/.*"
V_WRITE = r"vault (POST|PUT|PATCH) .*"
V_CLAIM = r"vault (POST|PUT) /v1/secret/data/apps/[^/]*/pending"
V_LOOK = r"vault GET /v1/secret/data/apps/[^/]*/pending"
V_TAG = r"vault PATCH /v1/secret/metadata/apps/[^/]*"
V_DOC = r"vault (POST|PUT) /v1/secret/data/apps/[^/]*"
V_DESTROY = r"vault (POST|PUT) /v1/secret/destroy/apps/[^/]*"
AWS = r"aws .*"
A_LIST, A_PUT, A_LABEL, A_TAG = (
    "aws ListSecretVersionIds",
    "aws PutSecretValue",
    "aws UpdateSecretVersionStage",
    "aws TagResource",
)

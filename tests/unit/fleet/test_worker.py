"""How a sweep's work is cut, and when so much of it has failed that no further sweep should run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from bridge.fleet.worker import MOST, pieces, too_many_fail

Report = Mapping[str, Any]


def report(tenant: str, *exits: int, nothing: int = 0) -> Report:
    """Return a report of work whose results have these exit statuses."""
    return {"results": [{"tenant": tenant, "exit": each} for each in exits], "counts": {"nothing": nothing}}


FAILED, BROKEN, REFUSED, DONE, ATTENTION = 1, 3, 4, 0, 5
REPORTS: dict[str, tuple[list[Report], str | None]] = {
    "nothing was done": ([], None),
    "nineteen have failed": ([report("eu", *[FAILED] * 19)], None),
    "twenty have failed": ([report("eu", *[FAILED] * 20)], "20 of 20 clients have failed, in eu"),
    "some were left half done": ([report("eu", *[FAILED, BROKEN] * 10)], "20 of 20 clients have failed, in eu"),
    "a refusal is no failure": ([report("eu", *[FAILED] * 19, *[REFUSED] * 5)], None),
    "in several pieces": (
        [report("eu", *[FAILED] * 10), report("us", *[BROKEN] * 10)], "20 of 20 clients have failed, in eu, us",
    ),
    "a fifth": ([report("eu", *[FAILED] * 20, *[DONE] * 79, ATTENTION)], None),
    "more than a fifth": ([report("eu", *[FAILED] * 21, *[DONE] * 79)], "21 of 100 clients have failed, in eu"),
    "those with nothing to do have not failed": ([report("eu", *[FAILED] * 20, nothing=80)], None),
    "nor those of another piece": ([report("eu", *[FAILED] * 20), report("us", nothing=80)], None),
    "five tenants are named": (
        [report(name, *[FAILED] * 5) for name in "gfedcba"], "35 of 35 clients have failed, in a, b, c, d, e",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REPORTS)
def test_too_many_failures_are_named(name: str) -> None:
    reports, expected = REPORTS[name]
    assert too_many_fail(reports) == expected


def test_work_is_cut_into_pieces_and_a_tenant_at_work_gets_none() -> None:
    work = {"eu": [{"n": n} for n in range(2 * MOST + 1)], "us": [{"n": 0}], "asia": [{"n": 1}]}
    found = pieces({"work": work}, ["us"])
    assert [(tenant, len(actions)) for tenant, actions in found] == [("eu", MOST), ("eu", MOST), ("eu", 1), ("asia", 1)]
    assert [each for tenant, actions in found if tenant == "eu" for each in actions] == work["eu"]

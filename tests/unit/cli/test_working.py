"""What a worker says of its sweeps."""

from __future__ import annotations

import pytest

from bridge.cli.select import Filters
from bridge.cli.working import Working
from bridge.fleet.rules import Verb


def report(*attention: tuple[str, str], more: int = 0) -> dict[str, object]:
    """Return what a sweep tells, if so many more clients need attention than it names."""
    counts = {"attention": len(attention) + more, "unread": 0}
    return {"attention": [list(each) for each in attention], "unread": [], "counts": counts}


def test_a_sweep_says_only_what_the_one_before_has_not_said(capsys: pytest.CaptureFixture[str]) -> None:
    working = Working(Filters(), None, frozenset(Verb), 1, None, json=False)
    billing, orders = ("eu/billing", "drift"), ("eu/orders", "drift")
    said = []
    for sweep in (
        report(billing, more=3), report(billing, more=3), report(billing, orders, more=2), report(), report(billing),
    ):  # fmt: skip
        working._swept(sweep)
        said.append(capsys.readouterr().out.splitlines())
    assert said == [
        ["attention: eu/billing: drift", "attention: 3 clients more"],
        [],
        ["attention: eu/orders: drift", "attention: 2 clients more"],
        [],
        ["attention: eu/billing: drift"],
    ]

"""docs/guide/drills/compromise.md, typed from top to bottom. The servers say what became of it, not the bridge."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.canary.stage import leaks
from tests.docs.pages import DOCS
from tests.drills.drill import Drill, begun

PAGE = DOCS / "guide" / "drills" / "compromise.md"


@pytest.mark.timeout(600)
def test_the_drill_goes_as_the_page_says_and_the_servers_agree(tmp_path: Path) -> None:
    with begun(PAGE, tmp_path) as drill:
        drill.through("Preparation")
        first, second = drill.values("billing")
        assert drill.accepts("billing", second)
        drill.through("The leak is found")
        assert (drill.directory / "leaked.txt").read_text() == second
        drill.through("Answer")
        assert_dead(drill, {first, second})
        drill.through("Check")
        drill.through("A vault is down")
        assert len(drill.values("billing")) == 5  # one that only AWS had, and one that both have
        assert_dead(drill, {*drill.values("billing")[:-1]})
        drill.through("No vault can be reached")
        assert len(drill.values("billing")) == 6  # that of the dashboard
        assert_dead(drill, {*drill.values("billing")[:-1]})
        drill.through("The answer is interrupted")
        assert len(drill.values("billing")) == 8  # that of the dead run, which is ended as well, and another new one
        assert_dead(drill, {*drill.values("billing")[:-1]})
        drill.through("Afterwards")
        assert not drill.waiting
        assert_nothing_is_shown(drill)
        assert_the_record_holds(drill)


def assert_dead(drill: Drill, ended: set[str]) -> None:
    """Auth0 refuses the values, no version in Vault holds them, and no label of AWS leads to them."""
    live = drill.values("billing")[-1]
    assert drill.accepts("billing", live)
    assert [value for value in ended if drill.accepts("billing", value)] == []
    with drill.vault("billing") as vault, drill.aws("billing") as aws:
        for seen in (vault.see(), aws.see()):
            assert seen.current == live
            assert seen.readable & ended == frozenset()
            assert (seen.fallback, seen.pending) == (None, None)
        assert set(aws.see().labels) == {"AWSCURRENT"}


def assert_nothing_is_shown(drill: Drill) -> None:
    """Neither what was printed nor any file holds a secret, but for the two that are made to."""
    key = (drill.directory / "audit.key").read_text().strip()
    found = {"printed": drill.printed, **drill.files(but=("sandbox.env", "audit.key"))}
    assert {"timeline.txt", "timeline.jsonl", "incident.html", "audit.jsonl"} <= set(found)
    tokens = drill.type("printf '%s\\n' $OPERATOR $AUDITOR")[0].split()
    assert len(tokens) == 2
    for name, text in found.items():
        assert leaks(text, {*drill.secrets(), *tokens, key}) == [], name


def assert_the_record_holds(drill: Drill) -> None:
    found, anchor = drill.record()
    assert (found.faults, found.open, found.head) == ((), (), anchor)
    assert (drill.directory / "audit.jsonl").stat().st_mode & 0o077 == 0

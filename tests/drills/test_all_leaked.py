"""docs/guide/drills/all-leaked.md, typed from top to bottom. The servers say what became of forty applications."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from tests.canary.stage import leaks
from tests.docs.pages import DOCS
from tests.drills.drill import Drill, begun

PAGE = DOCS / "guide" / "drills" / "all-leaked.md"
APPLICATIONS = ("billing", *(f"client-{number}" for number in range(2, 41)))
PAYMENTS = APPLICATIONS[:9]
DONE = " rotated after a leak"


@pytest.mark.timeout(600)
def test_forty_answers_with_a_death_among_them_end_every_leaked_value(tmp_path: Path) -> None:
    with begun(PAGE, tmp_path) as drill:
        drill.through("The plan")
        leaked = values(drill)
        assert {len(each) for each in leaked.values()} == {1}  # a plan changes nothing
        drill.through("The most exposed first")
        assert {name for name, each in values(drill).items() if len(each) > 1} == {*PAYMENTS}
        drill.through("The rest, and a death")
        again = assert_what_the_death_left_is_done_once_more(drill)
        untold = told_by_none(drill) | {as_if_killed_before_its_line(drill)}
        drill.through("Proof")
        assert not drill.waiting
        assert told_by_none(drill) == set()
        assert {name for name, each in values(drill).items() if len(each) == 3} == again | untold
        for name in APPLICATIONS:
            assert_dead(drill, name)
        assert_nothing_is_shown(drill)
        assert_the_record_holds(drill, untold)


def values(drill: Drill) -> dict[str, list[str]]:
    """Return every different secret of each application, the oldest first."""
    state = drill.state()["clients"]
    found = {c["name"]: [*dict.fromkeys(change["value"] for change in c["history"])] for c in state}
    return {name: found[name] for name in APPLICATIONS}


def told(drill: Drill, log: str) -> set[str]:
    """Return the clients that a log tells as done."""
    return {line.split()[0] for line in (drill.directory / log).read_text().splitlines() if DONE in line}


def told_by_none(drill: Drill) -> set[str]:
    """Return the applications whose answer may have ended in the moment of the death: no log tells of them."""
    return {*APPLICATIONS} - {name for log in ("payments.log", "shop.log", "shop-2.log") for name in told(drill, log)}


def assert_what_the_death_left_is_done_once_more(drill: Drill) -> set[str]:
    """No application was answered twice but those that were under way. Returns these."""
    finished, later = told(drill, "shop.log"), told(drill, "shop-2.log")
    assert len(finished) >= 4
    assert finished.isdisjoint(later)
    again = {name for name, each in values(drill).items() if len(each) == 3}
    assert again
    assert again <= later
    for name in told_by_none(drill):
        assert len(values(drill)[name]) == 2, name
        assert_dead(drill, name)  # or the second command had to answer it
    return again


def as_if_killed_before_its_line(drill: Drill) -> str:
    """Take from the first log what tells that an application is done: death may come right before. Returns its name."""
    log = drill.directory / "shop.log"
    lines = log.read_text().splitlines(keepends=True)
    begins = next(number for number, line in enumerate(lines) if DONE in line)
    name = lines[begins].split()[0]
    ends = next(number for number, line in enumerate(lines) if line.startswith(f"result=rotated client={name} "))
    assert any(line.startswith("  proven: ") for line in lines[begins:ends])
    log.write_text("".join(lines[:begins] + lines[ends + 1 :]))
    return name


def assert_dead(drill: Drill, name: str) -> None:
    """Auth0 refuses what ended, no version in Vault holds it, and no label of AWS leads to it."""
    *ended, live = drill.values(name)
    assert drill.accepts(name, live)
    assert [value for value in ended if drill.accepts(name, value)] == []
    with drill.vault(name) as vault, drill.aws(name) as aws:
        for seen in (vault.see(), aws.see()):
            assert seen.current == live
            assert seen.readable == {live}
            assert (seen.fallback, seen.pending) == (None, None)
        assert set(aws.see().labels) == {"AWSCURRENT"}


def assert_nothing_is_shown(drill: Drill) -> None:
    key = (drill.directory / "audit.key").read_text().strip()
    found = {"printed": drill.printed, **drill.files(but=("sandbox.env", "audit.key"))}
    assert {"plan.txt", "payments.log", "shop-2.log", "incident.jsonl", "after.html", "audit.jsonl"} <= set(found)
    tokens = drill.type("printf '%s\\n' $VAULT_TOKEN")[0].split()
    assert len(tokens) == 1
    for name, text in found.items():
        assert leaks(text, {*drill.secrets(), *tokens, key}) == [], name


def assert_the_record_holds(drill: Drill, untold: set[str]) -> None:
    """It is whole since the anchor. Each application's answer ended well once, or again where no log told of it."""
    found, _ = drill.record()
    assert found.faults == ()
    ended = Counter(
        line.split()[1] for line in (drill.directory / "incident.txt").read_text().splitlines() if " done in " in line
    )
    assert ended.keys() == {*APPLICATIONS}
    assert {name for name, times in ended.items() if times > 1} <= untold
    assert max(ended.values()) <= 2

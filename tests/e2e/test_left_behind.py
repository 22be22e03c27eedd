"""What commands leave where somebody else may find it: what docs/guide/security.md says of a laptop and a log."""

from __future__ import annotations

from pathlib import Path

from tests.e2e.command import execute, fork, sinks
from tests.e2e.world import World
from tests.support.forks import Forks

LOOKING = (("status",), ("verify",), ("history",), ("history", "--json"), ("retire", "--dry-run"))
REPORTS = ((), ("--csv",), ("--json",), ("--prometheus",))


def fingerprints(world: World) -> set[str]:
    found = {text for place in world.sinks for text in place.see().tags["bridge_recent"].split()}
    assert len(found) == 2
    return found


def test_no_file_is_left_but_what_was_asked_for_and_no_output_holds_a_fingerprint(
    live: World, forks: Forks, tmp_path: Path
) -> None:
    live.fill()
    who = (live.client_id, *sinks(live))
    told = [execute(live, "rotate", *who, "--adopt", "--verbose", home=tmp_path)]
    told += [fork(forks, live, verb, *who, *options, home=tmp_path) for verb, *options in LOOKING]
    assert [*tmp_path.rglob("*")] == []
    told += [fork(forks, live, "report", *who, *form, home=tmp_path) for form in REPORTS]
    told.append(fork(forks, live, "report", *who, "--output", "report.html", home=tmp_path))
    assert [path.name for path in tmp_path.rglob("*")] == ["report.html"]
    assert [ended.status for ended in told if ended.status not in (0, 4)] == []  # 4: too young to be retired
    texts = [*(ended.told for ended in told), (tmp_path / "report.html").read_text("utf-8")]
    assert [one for one in fingerprints(live) if one in "".join(texts)] == []

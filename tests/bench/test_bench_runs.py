"""The benchmarks run, and count what they say; how long anything takes is never asserted."""

from __future__ import annotations

import subprocess
import sys

from tests.bench.world import ROOT

MOST = {"Auth0": 4, "Vault": 14, "AWS": 13}
"""The requests of a plain rotation (docs/internals/benchmarks.md); at Auth0 the token and one probe among them."""

COMMANDS = 10
"""What the start-up benchmark compares."""


def printed(name: str, *arguments: str) -> list[list[str]]:
    """Run a benchmark and return the cells of its tables, one list a row."""
    command = [sys.executable, "-m", f"tests.bench.{name}", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    lines = [line for line in done.stdout.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if "---" not in line]


def test_a_rotation_needs_no_more_requests_than_the_documentation_says() -> None:
    (_, *ends), plain, over, *_ = printed("calls", "--alone")  # the script's tools are not everywhere
    assert ends == list(MOST)
    assert [row[0] for row in (plain, over)] == ["rotation", "rotation over an open fallback"]
    for end, count in zip(ends, plain[1:], strict=True):
        assert 0 < int(count) <= MOST[end], end


def test_every_command_is_measured_in_time_and_memory() -> None:
    rows = printed("startup", "--runs", "0")
    times, memory = rows[: COMMANDS + 1], rows[COMMANDS + 1 :]
    assert len(memory) == COMMANDS + 1
    assert [row[0] for row in times[1:]] == [row[0] for row in memory[1:]]
    assert any("secret-bridge" in row[0] for row in times)


def test_readers_are_counted_across_a_rotation_and_none_that_tries_the_candidates_is_refused() -> None:
    head, ours, stored = printed("consumers", "--only", "ae", "--rotations", "1", "--poll", "30")
    asked, refused = head.index("acquisitions"), head.index("**refused**")
    assert int(ours[asked].replace(",", "")) > 100
    assert ours[refused] == "**0**"
    assert int(stored[refused].strip("*")) > 0


def test_a_variant_asks_those_who_are_told_of_it() -> None:
    head, *rows = printed("consumers", "--with", "killed", "--only", "ac", "--rotations", "1", "--poll", "30")
    assert [row[0][:3] for row in rows] == ["(a)", "(c)"]
    assert rows[0][head.index("**refused**")] == "**0**"


def test_of_clients_that_are_rotated_at_once_no_reader_that_tries_the_candidates_is_refused() -> None:
    head, ours, latest = printed("crowd", "--clients", "3", "--rotations", "1", "--scale", "30", "--rate", "2")
    refused = head.index("**refused**")
    assert int(ours[head.index("acquisitions")].replace(",", "")) > 50
    assert ours[refused] == "**0**"
    assert int(latest[refused].strip("*")) > 0


def test_a_thousand_threads_cause_one_request() -> None:
    rows = printed("cached", "--runs", "1")
    assert [row[1:] for row in rows if row[0] == "a value that is too old"] == [["1", "0"]] * 3
    assert [row[1:] for row in rows if row[0] == "a token, the first time"] == [["0", "1"]]


def test_many_clients_are_rotated_by_one_token_and_one_login() -> None:
    few = ("--clients", "2", "--most-looks", "2", "--propagation", "3", "--looks", "now")
    which = [word for name in ("now", "script", "status") for word in ("--only", name)]
    head, now, script, *rest = printed("many", *few, *which)
    for row in (now, script, *rest[1:3]):  # on loopback, and behind a delay
        assert [row[head.index(name)] for name in ("management tokens", "Vault logins", "failed")] == ["1", "1", "0"]
    assert rest[-1][:2] == ["**status, now**", "2"]


def test_a_run_that_is_killed_goes_on_and_rotates_each_client_once() -> None:
    head, row = printed("limits", "--clients", "3", "--plan", "enterprise", "--kill", "1")
    told = dict(zip(head, row, strict=True))
    assert (told["rotated once"], told["current value works"], told["and a while later"]) == ("3", "3", "0")
    assert (told["killed"], int(told["runs"]) >= 2) == ("1", True)
    assert (told["429"], int(told["most in a second"]) <= 16) == ("0", True)


def test_each_change_in_the_dashboard_is_repaired_once_or_told_by_watchers_that_are_killed() -> None:
    """A process that is killed, or held up for seconds, between a message and its note has it told twice."""
    few = ("--changes", "4", "--clients", "2", "--kill", "1", "--propagation", "3", "--delay", "1", "--never", "0")
    head, row = printed("watch", *few)
    told = dict(zip(head, row, strict=True))
    once = [told[name].split(" of ") for name in ("repaired exactly once", "told at all")]
    assert [done for done, _ in once] == [of for _, of in once]
    assert sum(int(of) for _, of in once) == 4
    assert [told[name] for name in ("foreign acted upon", "own counted")] == ["0", "0"]


def test_a_tenant_that_fails_leaves_the_clients_of_the_other_to_be_done() -> None:
    head, *rows = printed("tenants", "--clients", "2", "--runs", "1")
    assert [row[head.index("done")] for row in rows] == ["2"] * 3

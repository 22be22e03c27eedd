"""What becomes of a command at one of its requests, and what its server hears of it."""

from __future__ import annotations

import json
from datetime import datetime, timedelta

import pytest

from tests.e2e.taps import Killed
from tests.resilience.deaths.cases import Case, new_states
from tests.resilience.deaths.line import AT_LAST, At, Blow, Lease, Line, Lost, changes, touches
from tests.resilience.deaths.running import Slices
from tests.resilience.deaths.states import named
from tests.resilience.deaths.times import Times
from tests.resilience.kill.scenarios import SCENARIOS

READ, WRITE = "GET /v1/secret/data/apps/a", "POST /v1/secret/data/apps/a"


class Server:
    """Hears requests, and answers with their number."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    def send(self, line: Line, what: str) -> int:
        def ask() -> int:
            self.heard.append(what)
            return len(self.heard)

        answer: int = line.carry("vault", what, ask)
        return answer


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.mark.parametrize(
    ("blow", "error", "heard"),
    [
        (Blow.KILLED, Killed, [READ]),
        (Blow.KILLED_AFTER, Killed, [READ, WRITE]),
        (Blow.LATE, Killed, [READ]),
        (Blow.LATE_ALIVE, Lost, [READ]),
        (Blow.DROPPED, Lost, [READ, "others"]),
    ],
)
def test_a_blow_at_the_first_change(server: Server, blow: Blow, error: type[BaseException], heard: list[str]) -> None:
    line = Line(lambda: 0.0, At(1), blow, meanwhile=lambda _done: server.heard.append("others"))
    server.send(line, READ)
    with pytest.raises(error):
        server.send(line, WRITE)
    assert server.heard == heard
    assert line.struck == f"vault {WRITE}"


@pytest.mark.parametrize(("blow", "heard"), [(Blow.DELIVERED, ["others", WRITE]), (Blow.ANSWERED, [WRITE, "others"])])
def test_a_frozen_command_gets_its_answer_when_it_wakes(server: Server, blow: Blow, heard: list[str]) -> None:
    line = Line(lambda: 0.0, At(1), blow, meanwhile=lambda _done: server.heard.append("others"))
    assert server.send(line, WRITE)
    assert server.heard == heard


def test_a_dead_process_sends_nothing(server: Server) -> None:
    line = Line(lambda: 0.0, At(1), Blow.KILLED)
    with pytest.raises(Killed):
        server.send(line, WRITE)
    with pytest.raises(AssertionError, match="dead process"):
        server.send(line, READ)


@pytest.mark.parametrize(
    ("deliver", "heard"), [(2, [READ, "late", READ]), (AT_LAST, [READ, READ, "late"]), (0, [READ, READ])]
)
def test_what_was_held_back_is_carried_out_before_a_request_or_at_last(
    server: Server, deliver: int, heard: list[str]
) -> None:
    held = Lease(f"vault {WRITE}", lambda: server.heard.append("late"), since=0.0)
    line = Line(lambda: 1.0, held=held, deliver=deliver)
    server.send(line, READ)
    server.send(line, READ)
    line.end()
    assert server.heard == heard
    if not deliver:
        assert line.late == ["1", "2", "-1"]


def test_nothing_is_carried_out_later_than_a_change_spreads(server: Server) -> None:
    line = Line(lambda: 30.0, held=Lease(f"vault {WRITE}", lambda: server.heard.append("late"), 0.0), deliver=AT_LAST)
    server.send(line, READ)
    line.end()
    assert (server.heard, line.late) == ([READ], [])


@pytest.mark.parametrize(
    ("what", "told"),
    [
        ("vault GET /v1/secret/data/apps/a", False),
        ("vault POST /v1/secret/data/apps/a/pending", True),
        ("vault PATCH /v1/secret/metadata/apps/a", True),
        ("vault POST /v1/sys/capabilities-self", False),
        ("aws POST GetSecretValue", False),
        ("aws POST ListSecretVersionIds", False),
        ("aws POST UpdateSecretVersionStage", True),
        ("auth0 POST /oauth/token", False),
        ("auth0 GET /api/v2/clients/x", False),
        ("auth0 PATCH /api/v2/clients/x", True),
        ("auth0 POST /api/v2/clients/x/rotate-secret", True),
    ],
)
def test_what_changes_something_is_told_from_what_does_not(what: str, told: bool) -> None:
    assert changes(what) is told


@pytest.mark.parametrize(
    ("what", "held", "told"),
    [
        ("vault GET /v1/secret/data/apps/a?version=2", "vault PATCH /v1/secret/metadata/apps/a", True),
        ("vault GET /v1/secret/data/apps/a/pending", "vault PATCH /v1/secret/metadata/apps/a", False),
        ("aws POST DescribeSecret", "aws POST TagResource", True),
        ("aws POST ListSecretVersionIds", "aws POST TagResource", False),
        ("aws POST ListSecretVersionIds", "aws POST UpdateSecretVersionStage", True),
        ("auth0 POST /oauth/token", "auth0 PATCH /api/v2/clients/x", True),
        ("auth0 POST /oauth/token", "aws POST TagResource", False),
    ],
)
def test_a_late_request_is_met_by_what_reads_or_writes_the_same(what: str, held: str, told: bool) -> None:
    assert touches(what, held) is told


def test_a_state_that_was_seen_makes_no_new_case() -> None:
    seen = {"a"}
    assert new_states(["a", "b", "a", "c", "b"], seen) == [1, 3]
    assert new_states(["x", "c", "d"], seen) == [2]


def test_two_states_are_alike_but_for_time_and_chance() -> None:
    one = "r-0123abcd at 2026-11-28T15:34:42.004Z by r-0123abcd, not r-99999999"
    other = "r-aaaaaaaa at 2027-01-01T00:00:00Z by r-aaaaaaaa, not r-bbbbbbbb"
    assert named(one) == named(other) != named(other.replace("by r-aaaaaaaa", "by r-bbbbbbbb"))


def test_late_requests_beside_another_sink_are_drawn_and_elsewhere_all() -> None:
    case, found = Case(At(3), Blow.LATE), [str(number) for number in range(1, 9)]
    alone, beside = (list(case.children(SCENARIOS[name], found, set())) for name in ("retire/vault", "retire/both"))
    assert (len(alone), len(beside)) == (8, 2)
    assert set(beside) < set(alone)


def test_commits_come_to_every_scenario_and_every_share() -> None:
    slices = Slices(groups=4, shares=3)
    met = [slices.of(f"commit {number}", list(SCENARIOS)) for number in range(200)]
    assert {name for names, _ in met for name in names} == set(SCENARIOS)
    assert {share.number for _, share in met} == {1, 2, 3}


def test_openbaos_times_are_moved_by_what_was_skipped_when_it_happened() -> None:
    shift = timedelta(hours=1)
    times = Times(lambda: shift)
    when = {"version": 2, "created_time": "2026-01-01T00:00:00Z", "deletion_time": ""}
    url = "/v1/secret/data/apps/a"
    wrote = json.loads(times.body("POST", url, b"{}", json.dumps({"data": when}).encode()))
    assert wrote["data"]["created_time"] == "2026-01-01T01:00:00Z"
    times.body("POST", "/v1/secret/delete/apps/a", b'{"versions": [2]}', b"")
    shift = timedelta(hours=5)  # later: what has happened is dated as before
    told = {"data": {"versions": {"2": {**when, "deletion_time": "2026-01-01T00:00:00Z"}, "3": dict(when)}}}
    seen = json.loads(times.body("GET", "/v1/secret/metadata/apps/a", None, json.dumps(told).encode()))
    assert seen["data"]["versions"]["2"]["created_time"] == "2026-01-01T01:00:00Z"
    assert seen["data"]["versions"]["2"]["deletion_time"] == "2026-01-01T01:00:00Z"
    assert seen["data"]["versions"]["3"]["created_time"] == "2026-01-01T00:00:00Z"
    moved = datetime.strptime(times.date("Thu, 01 Jan 2026 00:00:00 GMT"), "%a, %d %b %Y %H:%M:%S GMT")  # noqa: DTZ007  # GMT
    assert moved == datetime(2026, 1, 1, 5)  # noqa: DTZ001  # GMT

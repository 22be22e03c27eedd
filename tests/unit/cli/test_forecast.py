"""What a run over many clients says beforehand, and how it stands meanwhile."""

from __future__ import annotations

import math
import time
from datetime import timedelta

import pytest

from bridge.auth0.pace import Pace, Pacing
from bridge.cli.forecast import Share, ask, forecast, reading
from bridge.cli.output import board
from bridge.cli.output.board import Board
from tests.contract.harness import ManualClock

SPREADING = timedelta(seconds=30)


def test_tenants_do_not_wait_for_each_other_so_the_slowest_one_counts() -> None:
    shares = {"eu": Share(300, 12.8), "test": Share(112, 1.6)}
    assert list(forecast(shares, SPREADING, None)) == [
        "  tenant  clients  requests/s  at least",
        "  eu          300        12.8      23 s",
        "  test        112         1.6     1 min",
        "412 clients, 2 tenants, at least 1 min at 80 % of the limits",
    ]


def test_a_rate_of_the_users_own_is_named() -> None:
    assert list(forecast({"eu": Share(60, 2.0)}, SPREADING, 2.0))[-1] == "60 clients, at least 1 min at 2 requests/s"


def test_where_a_tenant_did_not_tell_its_limit_no_time_is_promised() -> None:
    *_, row, told = forecast({"eu": Share(60, 2.0), "test": Share(10, None)}, SPREADING, None)
    assert row.split() == ["test", "10", "?", "?"]
    assert told == "70 clients, 2 tenants"


def test_a_tenant_without_a_limit_takes_as_long_as_a_change_spreads() -> None:
    *_, row, told = forecast({"eu": Share(60, math.inf)}, SPREADING, None)
    assert row == "  eu           60    no limit       0 s"
    assert told == "60 clients, at least 30 s"


@pytest.mark.parametrize(
    ("probes", "probing", "row"),
    [
        (16, 80.0, "eu 1000 12.8 3 min"),  # 200 s: five clients a second
        (30, 80.0, "eu 1000 12.8 6 min"),
        (6, 80.0, "eu 1000 12.8 1 min"),
        (0, 80.0, "eu 1000 12.8 1 min"),
        (16, math.inf, "eu 1000 12.8 1 min"),
    ],
)
def test_a_tenants_probes_count_where_they_take_longer(probes: int, probing: float, row: str) -> None:
    told = list(forecast({"eu": Share(1000, 12.8, probes, probing)}, SPREADING, None))
    assert told[1].split() == row.split()


def test_that_much_is_read_first_is_told() -> None:
    assert list(reading(99)) == []
    assert list(reading(10_000)) == ["reading the state of 10000 clients"]


def test_less_than_a_second_is_not_told() -> None:
    assert list(forecast({"eu": Share(60, math.inf)}, timedelta(), None))[-1] == "60 clients"
    assert list(forecast({"eu": Share(10, 12.8)}, timedelta(), None))[-1] == "10 clients"


def test_where_there_is_nothing_to_say_about_time_there_are_only_counts() -> None:
    assert list(forecast({"eu": Share(60, None)}, None, None)) == [
        "  tenant  clients", "  eu           60", "60 clients",
    ]  # fmt: skip


@pytest.mark.parametrize("otherwise", [None, 2.0], ids=["unknown", "set"])
def test_a_tenant_that_does_not_answer_delays_the_start_by_seconds(
    monkeypatch: pytest.MonkeyPatch, otherwise: float | None
) -> None:
    monkeypatch.setattr("bridge.cli.forecast.PATIENCE", 0.1)
    began = time.monotonic()
    assert ask({"eu": lambda: 3.0, "hangs": lambda: time.sleep(2)}, otherwise) == {"eu": 3.0, "hangs": otherwise}
    assert time.monotonic() - began < 1.5


@pytest.mark.parametrize(
    ("room", "line"),
    [
        (140, "eu  2/10 done, 1 failed, 3 running, 4 waiting, 0.6 of 1.6 requests/s"),
        (60, "eu  2/10 done, 1 failed, 3 running, 4 waiting"),
        (30, "eu  2/10 done, 1 failed"),
        (7, "eu  "),
    ],
)
def test_a_line_has_what_there_is_room_for_in_whole_words(
    monkeypatch: pytest.MonkeyPatch, room: int, line: str
) -> None:
    monkeypatch.setattr(board, "columns", lambda _: room)
    pace, shown = Pace(ManualClock(), Pacing(clients=10)), Board({"eu": 10})
    for _ in range(3):
        pace.take()
    shown.paces["eu"] = pace
    with shown.counting("eu"):
        pass
    with pytest.raises(ValueError, match="it failed"), shown.counting("eu"):
        raise ValueError("it failed")
    entered = [shown.counting("eu") for _ in range(7)]
    waits = [each.__enter__() for each in entered]
    for wait in waits[:5]:
        wait(True)
        wait(True)  # a second time it means nothing
    waits[4](False)
    assert shown.lines() == [line]
    for each in entered:
        each.__exit__(None, None, None)
    monkeypatch.setattr(board, "columns", lambda _: 140)
    assert shown.lines()[0].startswith("eu  9/10 done, 1 failed, ")

"""What `--due` may not begin now waits, what was interrupted does not, and all of it is said."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from tests.e2e.command import done, invoke
from tests.e2e.test_several_clients import adopted, results, write
from tests.e2e.world import DAY, MakeWorld, World
from tests.support.strict_moto import controls

MAX_AGE = 'max_age = "2d"'
HOUR = timedelta(hours=1)


@pytest.fixture
def three(make_hasty: MakeWorld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, World]:
    """Three clients, all of them due, and a `bridge.toml` in the working directory."""
    monkeypatch.chdir(tmp_path)
    worlds = adopted(make_hasty, tmp_path)
    write(tmp_path, worlds, MAX_AGE)
    worlds["billing"].clock.advance(3 * DAY)
    return worlds


def black_out(worlds: dict[str, World], *names: str, after: timedelta = -HOUR, last: timedelta = 13 * HOUR) -> None:
    """Give clients a blackout that begins some time from now. The moments are minutes, as people write them."""
    now = worlds["billing"].clock.now()
    first = now + after
    text = f'blackouts = ["{first:%Y-%m-%dT%H:%M:%S}/{first + last:%Y-%m-%dT%H:%M:%S} UTC: stock-taking"]'
    path = Path("bridge.toml")
    changed = path.read_text("utf-8")
    for name in names:
        changed = changed.replace(f"\n[clients.{name}]", f"\n[clients.{name}]\n{text}")
    path.write_text(changed, encoding="utf-8")


def test_in_a_blackout_what_is_due_waits_and_what_was_interrupted_is_settled(three: dict[str, World]) -> None:
    orders = three["orders"]
    orders.tenant.fault("error-before", method="PATCH", path=orders.client_id, count=100)
    done(invoke("rotate", "orders", "--no-wait"), 3)
    orders.tenant.clear_faults()
    orders.clock.advance(HOUR)  # by then it counts as dead
    black_out(three, "billing", "orders")

    told = done(invoke("rotate", "--due", "--no-wait", "--json")).objects
    assert [(each.get("client"), each.get("result")) for each in told[:2]] == [
        ("orders", "given-back"),
        ("mailer", "done"),
    ]
    (held,) = told[2]["held_back"]
    assert (held["client"], held["client_id"], held["blackout"]) == (
        "billing", three["billing"].client_id, "stock-taking",
    )  # fmt: skip
    assert told[3]["summary"]["clients"] == 2
    assert (three["billing"].live, orders.live) == (three["billing"].s0, orders.s0)
    assert three["mailer"].live != three["mailer"].s0

    # Settled, it is due and waits as any other.
    ended = done(invoke("rotate", "--due", "--no-wait"))
    assert (results(ended), three["billing"].live) == ([], three["billing"].s0)
    assert ended.err.startswith("2 clients are due and wait for their window; the next one opens ")
    assert ended.err.endswith(" UTC (blackout: stock-taking)\n")

    seen = {each["client"]: each for each in invoke("status", "--json").objects}
    assert seen["billing"]["held_until"] == held["until"]
    assert (seen["billing"]["kind"], seen["billing"]["attention"]) == ("due", True)
    assert "--due waits until " in seen["billing"]["state"]
    assert (seen["mailer"]["held_until"], seen["mailer"]["kind"]) == (None, "ok")
    done(invoke("status", "--check"), 5)

    three["billing"].clock.advance(12 * HOUR)
    ended = done(invoke("rotate", "--due", "--no-wait"))
    assert results(ended) == ["result=rotated client=billing exit=0", "result=rotated client=orders exit=0"]
    assert "wait" not in ended.err


@pytest.mark.parametrize("options", [("billing",), ("--due", "--compromised", "--reason", "in a log", "--yes")])
def test_who_is_named_and_what_leaked_never_wait(three: dict[str, World], options: tuple[str, ...]) -> None:
    black_out(three, *three)
    done(invoke("rotate", *options, "--no-wait"))
    assert three["billing"].live != three["billing"].s0


def test_named_with_due_it_waits(three: dict[str, World]) -> None:
    black_out(three, *three)
    ended = done(invoke("rotate", "billing", "--due"))
    assert ended.err.startswith("1 client is due and waits for its window; the next one opens ")
    assert three["billing"].live == three["billing"].s0


def test_a_run_begins_nothing_more_once_a_window_has_closed(three: dict[str, World]) -> None:
    black_out(three, *three, after=timedelta(seconds=20))  # a rotation takes 30 s until it has spread
    ended = done(invoke("rotate", "--due"))
    assert results(ended) == [
        "result=rotated client=billing exit=0",
        "result=nothing client=orders exit=0",
        "result=nothing client=mailer exit=0",
    ]
    assert ended.out.count("not begun: it waits for its window, until ") == 2
    assert "2 clients are due and wait for their window; the next one opens " in ended.err
    assert (three["billing"].live == three["billing"].s0, three["orders"].live) == (False, three["orders"].s0)


def test_a_limit_counts_what_may_begin(three: dict[str, World]) -> None:
    black_out(three, "billing")
    ended = done(invoke("rotate", "--due", "--limit", "1", "--no-wait"))
    assert results(ended) == ["result=rotated client=orders exit=0"]
    assert "--limit leaves out 1 client" in ended.err


def test_a_retirement_waits_too(three: dict[str, World], tmp_path: Path) -> None:
    done(invoke("rotate", "billing", "--no-wait"))
    three["billing"].clock.advance(25 * HOUR)
    black_out(three, *three)
    ended = done(invoke("retire", "--due", "--yes"))
    assert (ended.out, ended.err.count("1 client is due and waits for its window")) == ("", 1)
    assert "; --due waits until " in invoke("status", "billing").out
    write(tmp_path, three, MAX_AGE)
    assert results(done(invoke("retire", "--due", "--yes"))) == ["result=retired client=billing exit=0"]


def test_an_interrupted_retirement_is_settled_in_a_blackout_and_begun_again_after_it(
    three: dict[str, World], tmp_path: Path
) -> None:
    done(invoke("rotate", "billing", "--no-wait"))
    three["billing"].clock.advance(25 * HOUR)
    # The first call claims the sink, the others take labels away.
    controls.faults = {"UpdateSecretVersionStage": ["answer", *["error"] * 100]}
    done(invoke("retire", "billing", "--yes"), 3)
    controls.faults = {}
    three["billing"].clock.advance(HOUR)
    black_out(three, *three)
    ended = done(invoke("retire", "--due", "--yes"))
    assert results(ended) == ["result=given-back client=billing exit=0"]
    assert "1 client is due and waits for its window" in done(invoke("retire", "--due", "--yes")).err
    write(tmp_path, three, MAX_AGE)
    assert results(done(invoke("retire", "--due", "--yes"))) == ["result=retired client=billing exit=0"]

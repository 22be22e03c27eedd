"""A rotation that is given again, or a second one beside it, is not a second rotation."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.e2e.command import MAIN, environ, execute, on, sinks
from tests.e2e.sinks import AwsPlace, VaultPlace
from tests.e2e.world import MakeWorld, World


@pytest.fixture
def filled(make_hasty: MakeWorld, monkeypatch: pytest.MonkeyPatch) -> World:
    """A client about which commands that are run in this process keep the usual interval."""
    world = make_hasty()
    world.fill()
    monkeypatch.setenv("BRIDGE_MIN_INTERVAL", "")
    return world


@pytest.fixture
def rotated(filled: World) -> World:
    filled.rotate(adopt=True)
    return filled


def test_it_does_nothing_and_says_so(rotated: World) -> None:
    before, live = rotated.dump(), rotated.live
    for more in ((), ("--json",), ("--no-wait",)):
        ended = on(rotated, "rotate", *more)
        assert ended.status == 0, ended.told
        assert "s ago by" in ended.out
        assert "not rotating again (to rotate all the same: --again)" in ended.out
    assert (rotated.dump(), rotated.live) == (before, live)


def test_a_rollback_is_not_called_a_rotation(rotated: World) -> None:
    ended = on(rotated, "rollback", "--no-wait", "--yes")
    assert ended.status in (0, 3), ended.told
    ended = on(rotated, "rotate")
    assert ended.status == 0, ended.told
    assert "rolled back " in ended.out
    assert "not rotating again" in ended.out


def test_what_was_only_adopted_is_rotated(filled: World) -> None:
    was = filled.live
    for command in ("adopt", "rotate"):
        ended = on(filled, command, "--yes")
        assert ended.status == 0, ended.told
    assert filled.live != was


def test_again_does_it_all_the_same(rotated: World) -> None:
    was = rotated.live
    ended = on(rotated, "rotate", "--again", "--no-wait")
    assert ended.status in (0, 3), ended.told
    assert rotated.live != was


def test_a_leak_is_answered_at_once(rotated: World) -> None:
    was = rotated.live
    ended = on(rotated, "rotate", "--compromised", "--reason", "a test", "--yes")
    assert ended.status == 0, ended.told
    assert rotated.live != was


def test_a_value_that_is_handed_in_is_refused(rotated: World) -> None:
    was = rotated.live
    typed = "a-value-that-somebody-has-made-0123456789abcdef0123456789abcdef"
    ended = on(rotated, "rotate", "--secret-stdin", typed=typed)
    assert ended.status == 4, ended.told
    assert "is not published" in ended.told
    assert "--again" in ended.told
    assert rotated.live == was


@pytest.mark.parametrize(("text", "status"), [("1ms", 0), ("5 minutes", 2), ("-1s", 2)])
def test_the_interval_can_be_said(rotated: World, monkeypatch: pytest.MonkeyPatch, text: str, status: int) -> None:
    monkeypatch.setenv("BRIDGE_MIN_INTERVAL", text)
    ended = on(rotated, "rotate", "--no-wait", "--dry-run")
    assert ended.status == status, ended.told
    assert ("BRIDGE_MIN_INTERVAL" in ended.told) is (status == 2)


def test_tags_alone_hold_nothing_up(rotated: World) -> None:
    """Somebody who may write tags cannot keep a secret from being rotated."""
    for place in (rotated.vault, rotated.aws):
        place.tag("bridge_promoted_at", "2099-01-01T00:00:00.000Z")
    was = rotated.live
    ended = on(rotated, "rotate", "--no-wait")
    # The version itself is young, so it is held up for once: five minutes, and not until 2099.
    assert ended.status == 0, ended.told
    ended = on(rotated, "rotate", "--again", "--no-wait")
    assert ended.status in (0, 3), ended.told
    assert rotated.live != was


def test_a_rotation_that_another_one_has_replaced_says_so(live: World, tmp_path: Path) -> None:
    """The first is stopped where it waits for its value to spread; the second rotates; the first goes on.

    It is asked to end then, as by Ctrl-C. Otherwise it would probe for as long as a change may take.
    """
    live.fill()
    live.rotate(adopt=True)
    variables = environ(live, tmp_path)
    variables["BRIDGE_PROPAGATION"] = "5s"  # so that it still waits when it is stopped, on a busy machine too
    command = [sys.executable, "-c", MAIN, "rotate", live.client_id, *sinks(live)]
    was = live.live
    first = subprocess.Popen(command, env=variables, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        assert first.stderr
        told = next((line for line in first.stderr if " promote " in line), "")
        assert told
        while any(place.see().pending for place in places(live)):  # until the sinks are given back
            time.sleep(0.05)
        first.send_signal(signal.SIGSTOP)
        its = live.live
        assert its != was
        second = execute(live, "rotate", live.client_id, *sinks(live), "--again", "--no-wait", home=tmp_path)
        assert second.status in (0, 3), second.told
        assert live.live not in (was, its)
        first.send_signal(signal.SIGINT)
        first.send_signal(signal.SIGCONT)
        out, _ = first.communicate(timeout=120)
    finally:
        if first.poll() is None:
            first.kill()
        first.wait(10)
    assert "superseded: r-" in out
    assert "not verified yet" in out


def places(world: World) -> tuple[VaultPlace | AwsPlace, ...]:
    return (world.vault, world.aws)

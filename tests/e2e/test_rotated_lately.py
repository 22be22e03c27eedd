"""A rotation that is given again, or a second one beside it, is not a second rotation."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.command import execute, sinks
from tests.e2e.world import MakeWorld, World

USUAL = {"BRIDGE_MIN_INTERVAL": ""}


@pytest.fixture
def rotated(make_live: MakeWorld) -> World:
    world = make_live()
    world.fill()
    world.rotate(adopt=True)
    return world


def test_it_does_nothing_and_says_so(rotated: World, tmp_path: Path) -> None:
    before, live = rotated.dump(), rotated.live
    for more in ((), ("--json",), ("--no-wait",)):
        ended = execute(rotated, "rotate", rotated.client_id, *sinks(rotated), *more, home=tmp_path, **USUAL)
        assert ended.status == 0, ended.told
        assert "s ago by" in ended.out
        assert "not rotating again (to rotate all the same: --again)" in ended.out
    assert (rotated.dump(), rotated.live) == (before, live)


def test_again_does_it_all_the_same(rotated: World, tmp_path: Path) -> None:
    was = rotated.live
    options = ("--again", "--no-wait")
    ended = execute(rotated, "rotate", rotated.client_id, *sinks(rotated), *options, home=tmp_path, **USUAL)
    assert ended.status in (0, 3), ended.told
    assert rotated.live != was


def test_a_leak_is_answered_at_once(rotated: World, tmp_path: Path) -> None:
    was = rotated.live
    options = ("--compromised", "--reason", "a test", "--yes")
    ended = execute(rotated, "rotate", rotated.client_id, *sinks(rotated), *options, home=tmp_path, **USUAL)
    assert ended.status == 0, ended.told
    assert rotated.live != was


def test_a_value_that_is_handed_in_is_refused(rotated: World, tmp_path: Path) -> None:
    was = rotated.live
    ended = execute(
        rotated, "rotate", rotated.client_id, *sinks(rotated), "--secret-stdin", home=tmp_path,
        typed="a-value-that-somebody-has-made-0123456789abcdef0123456789abcdef", **USUAL,
    )  # fmt: skip
    assert ended.status == 4, ended.told
    assert "is not published" in ended.told
    assert "--again" in ended.told
    assert rotated.live == was


@pytest.mark.parametrize(("text", "status"), [("1ms", 0), ("5 minutes", 2), ("-1s", 2)])
def test_the_interval_can_be_said(rotated: World, tmp_path: Path, text: str, status: int) -> None:
    options = ("--no-wait", "--dry-run")
    said = {"BRIDGE_MIN_INTERVAL": text}
    ended = execute(rotated, "rotate", rotated.client_id, *sinks(rotated), *options, home=tmp_path, **said)
    assert ended.status == status, ended.told
    assert ("BRIDGE_MIN_INTERVAL" in ended.told) is (status == 2)


def test_tags_alone_hold_nothing_up(rotated: World, tmp_path: Path) -> None:
    """Somebody who may write tags cannot keep a secret from being rotated."""
    for place in (rotated.vault, rotated.aws):
        place.tag("bridge_promoted_at", "2099-01-01T00:00:00.000Z")
    was = rotated.live
    ended = execute(rotated, "rotate", rotated.client_id, *sinks(rotated), "--no-wait", home=tmp_path, **USUAL)
    # The version itself is young, so it is held up for once: five minutes, and not until 2099.
    assert ended.status == 0, ended.told
    options = ("--again", "--no-wait")
    ended = execute(rotated, "rotate", rotated.client_id, *sinks(rotated), *options, home=tmp_path, **USUAL)
    assert ended.status in (0, 3), ended.told
    assert rotated.live != was

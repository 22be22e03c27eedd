"""`watch`: one message for each thing that it sees."""

from __future__ import annotations

from pathlib import Path

from tests.e2e.world import SCOPES, MakeWorld, World
from tests.unit.notify.receiver import ERROR, Receiver
from tests.unit.notify.setting import TO_HOOK, configured, run


def changed(make_hasty: MakeWorld) -> World:
    """A client whose secret was changed in the dashboard."""
    world = make_hasty(scopes=(*SCOPES, "read:logs"))
    world.fill()
    world.rotate(adopt=True)
    world.tenant.set_in_dashboard(world.client_id)
    world.spread()
    return world


def test_a_change_outside_the_bridge_is_a_message_once(make_hasty: MakeWorld, hook: Receiver, tmp_path: Path) -> None:
    world = changed(make_hasty)
    path = configured(world, tmp_path)
    assert run(path, "watch", "--once").status == 5
    (got,) = hook.messages
    assert (got["event"], got["command"], got["client"]) == ("attention", "watch", "billing")
    assert (got["details"]["seen"], got["details"]["next"]) == ("drift", "secret-bridge sync billing")
    assert "secret-bridge sync billing" in got["message"]
    assert all(value not in str(got) for value in (world.live, world.s0))
    run(path, "watch", "--once")
    assert len(hook.messages) == 1


def test_a_message_that_is_not_taken_is_said_and_the_line_was_printed(
    make_hasty: MakeWorld, hook: Receiver, tmp_path: Path
) -> None:
    hook.behaviours = [ERROR]
    ended = run(configured(changed(make_hasty), tmp_path), "watch", "--once")
    assert "billing  drift: changed outside the bridge" in ended.out
    assert "not notified: env:HOOK" in ended.err


def test_who_does_not_want_the_event_gets_no_message(make_hasty: MakeWorld, hook: Receiver, tmp_path: Path) -> None:
    path = configured(changed(make_hasty), tmp_path, f'{TO_HOOK}on = ["rotated"]\n')
    assert run(path, "watch", "--once").status == 5
    assert hook.messages == []

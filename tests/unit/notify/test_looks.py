"""`status --notify` and `evidence --notify`: how all clients stand, in one message."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.e2e.command import invoke
from tests.e2e.world import DAY, MakeWorld, World
from tests.support.strict_moto import controls
from tests.unit.evidence.tenancy import BILLING, Tenancy
from tests.unit.notify.receiver import Receiver, receiver
from tests.unit.notify.setting import TO_HOOK, configured, run


@pytest.fixture
def rotated(world: World) -> World:
    """A client that was rotated just now; an hour of its clock is nothing."""
    world.fill()
    world.rotate(adopt=True)
    return world


def only(hook: Receiver) -> dict[str, object]:
    (got,) = hook.messages
    (client,) = got["clients"]
    assert (client["client"], client["event"]) == ("billing", got["event"])
    return got


# AWS's and Auth0's clock are the world's; so what status judges ages by, the latest time that any sink tells, is too.


def test_a_fallback_that_may_go_is_due_to_be_retired(rotated: World, hook: Receiver, tmp_path: Path) -> None:
    rotated.clock.advance(2 * DAY)
    done = run(configured(rotated, tmp_path), "status", "--notify")
    assert done.status == 0, done.told
    got = only(hook)
    assert (got["event"], got["command"]) == ("due-to-be-retired", "status")
    assert "secret-bridge retire billing" in str(got["message"])


@pytest.mark.parametrize(("days", "said"), [(20, "fallback overdue since"), (100, "overdue")])
def test_what_is_older_than_it_may_be_is_overdue(
    rotated: World, hook: Receiver, tmp_path: Path, days: int, said: str
) -> None:
    rotated.clock.advance(days * DAY)
    assert run(configured(rotated, tmp_path), "status", "--notify").status == 0
    got = only(hook)
    assert got["event"] == "overdue"
    assert said in str(got["message"])


def test_a_secret_that_is_due_is_overdue(world: World, hook: Receiver, tmp_path: Path) -> None:
    world.fill()
    world.adopt()
    world.clock.advance(100 * DAY)
    assert run(configured(world, tmp_path), "status", "--notify").status == 0
    got = only(hook)
    assert got["event"] == "overdue"
    assert "secret-bridge rotate billing" in str(got["message"])


def test_an_operation_that_died_without_a_word_is_told_of_as_incomplete(
    live: World, hook: Receiver, tmp_path: Path
) -> None:
    live.fill()
    live.adopt()
    live.spread()
    path = configured(live, tmp_path)
    live.tenant.fault("error-after", method="PATCH", count=100)
    assert invoke("rotate", live.client_id, *_sinks(live), "--no-wait").status == 3
    controls.clock = lambda: time.time() + 600  # by then it counts as dead
    assert run(path, "status", "--notify").status == 0
    got = only(hook)
    assert got["event"] == "incomplete"
    assert "INCOMPLETE: billing  interrupted: rotate r-" in str(got["message"])


def _sinks(world: World) -> list[str]:
    return [word for uri in world.uris for word in ("--sink", uri)]


def test_where_all_is_well_nobody_is_told(rotated: World, hook: Receiver, tmp_path: Path) -> None:
    assert run(configured(rotated, tmp_path), "status", "--notify").status == 0
    assert hook.got == []


def test_without_the_option_status_tells_nobody(rotated: World, hook: Receiver, tmp_path: Path) -> None:
    rotated.clock.advance(100 * DAY)
    assert run(configured(rotated, tmp_path), "status").status == 0
    assert hook.got == []


def test_several_clients_come_in_one_message_for_each_destination(
    make_world: MakeWorld, hook: Receiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    worlds = {"billing": make_world(), "orders": make_world(), "fine": make_world()}
    clients = []
    for name, one in worlds.items():
        one.fill()
        one.rotate(adopt=True)
        text = configured(one, tmp_path, "", name=name).read_text("utf-8")
        clients.append(text[text.index(f'[clients."{name}"]') :])
    worlds["billing"].clock.advance(20 * DAY)
    worlds["fine"].rotate()
    path = configured(worlds["billing"], tmp_path, "", name="spare")
    head = path.read_text("utf-8").partition("[clients.")[0]
    calm = clients[1] + 'fallback_max_age = "99d"\n'  # due to be retired, not overdue
    with receiver() as pager:
        monkeypatch.setenv("PAGER", pager.url())
        both = TO_HOOK + '[[notify]]\nurl = "env:PAGER"\non = ["overdue"]\n'
        path.write_text("\n".join([head, clients[0], calm, clients[2], both]), encoding="utf-8")
        done = invoke("status", "--config", str(path), "--notify", "--check")
        assert done.status == 5, done.told
        (everything,), (urgent,) = hook.messages, pager.messages
    assert [(told["client"], told["event"]) for told in everything["clients"]] == [
        ("billing", "overdue"),
        ("orders", "due-to-be-retired"),
    ]
    assert everything["event"] == "overdue"
    assert [told["client"] for told in urgent["clients"]] == ["billing"]


def test_a_client_that_cannot_be_read_is_told_of(
    rotated: World, hook: Receiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VAULT_TOKEN", "wrong")
    assert run(configured(rotated, tmp_path), "status", "--notify").status != 0
    assert only(hook)["event"] == "failed"


def test_a_known_consumer_with_an_old_value_is_told_as_fallback_used(
    make_world: MakeWorld, hook: Receiver, tmp_path: Path
) -> None:
    tenancy = Tenancy.of(make_world)
    path = configured(tenancy.world, tmp_path)
    assert run(path, "evidence", "--notify").status == 0
    assert hook.got == []
    tenancy.asks(BILLING)
    assert run(path, "evidence", "--notify").status == 5
    got = only(hook)
    assert got["event"] == "fallback-used"
    assert f"127.0.0.1 {BILLING}: 1 failure" in str(got["message"])


@pytest.mark.parametrize("command", ["status", "evidence"])
def test_asked_to_tell_without_anybody_to_tell_is_a_mistake(rotated: World, tmp_path: Path, command: str) -> None:
    done = run(configured(rotated, tmp_path, ""), command, "--notify")
    assert done.status == 2
    assert "--notify: there is no [[notify]] in" in done.err

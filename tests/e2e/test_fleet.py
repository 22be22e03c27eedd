"""`sweep` and `act`, the unit of work of many machines: they find what `--due` finds, and doing it twice is once."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import hvac
import pytest

from bridge.config.load import load
from bridge.config.settings import Settings
from bridge.fleet import act as acting
from bridge.fleet.act import Result, act
from bridge.fleet.batch import Means, do
from bridge.fleet.rules import Verb
from bridge.fleet.shard import Shard
from bridge.fleet.sweep import Action, Sweep, sweep
from bridge.model.errors import Refused, Usage
from bridge.model.progress import Stop
from tests.e2e.command import invoke
from tests.e2e.test_several_clients import adopted, write
from tests.e2e.world import DAY, MakeWorld, World

NAMES = ("billing", "orders", "mailer")


@dataclass
class Fleet:
    """Three clients in a configuration, whose secrets are young. Time is shifted, so waits take none."""

    worlds: dict[str, World]
    home: Path

    def settings(self, more: str = "") -> Settings:
        write(self.home, self.worlds, more)
        return load(self.home / "bridge.toml", {})

    def grow(self, days: int) -> None:
        next(iter(self.worlds.values())).servers.clock.advance(days * DAY)

    @property
    def changes(self) -> list[int]:
        return [len(world.tenant.secret_history(world.client_id)) for world in self.worlds.values()]


@pytest.fixture
def fleet(make_hasty: MakeWorld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fleet:
    monkeypatch.chdir(tmp_path)
    return Fleet(adopted(make_hasty, tmp_path), tmp_path)


def words(found: Sweep) -> list[str]:
    return [str(action) for action in found.actions]


def by_due(verb: str) -> list[str]:
    """Return the clients that a command would work on by `--due`."""
    ended = invoke(verb, "--due", "--dry-run", "--json")
    return [each["client"] for each in ended.objects if each.get("result") == "planned"]


def test_nothing_is_next_for_what_is_in_order(fleet: Fleet) -> None:
    found = sweep(fleet.settings())
    assert (found.actions, found.waiting, found.unread, found.looked_at) == ((), (), (), 3)


def test_it_finds_what_due_does_and_each_is_done_once(fleet: Fleet) -> None:
    fleet.grow(91)
    settings, before = fleet.settings(), fleet.changes
    found = sweep(settings)
    assert words(found) == [f"rotate {name}" for name in NAMES]
    assert by_due("rotate") == [*NAMES]
    done = [act(settings, action) for action in found.actions]
    assert [result.word for result in done] == ["rotated"] * 3
    for result, world in zip(done, fleet.worlds.values(), strict=True):
        assert result.rotation.startswith("r-")
        assert {place.see().current for place in world.sinks} == {world.live}
        assert set(result.versions) == {place.uri for place in world.sinks} or len(result.versions) == 2
    assert fleet.changes == [count + 1 for count in before]
    again = [act(settings, action) for action in found.actions]
    assert [(result.word, result.message) for result in again] == [
        ("nothing", "rotate is not what is next any more")
    ] * 3
    assert fleet.changes == [count + 1 for count in before]
    assert sweep(settings).actions == ()


def test_a_fallback_that_has_served_its_time_is_retired(fleet: Fleet) -> None:
    fleet.grow(91)
    settings = fleet.settings()
    assert {act(settings, action).word for action in sweep(settings).actions} == {"rotated"}
    assert sweep(settings).actions == ()
    fleet.grow(2)
    assert words(found := sweep(settings)) == [f"retire {name}" for name in NAMES]
    assert sorted(by_due("retire")) == sorted(NAMES)
    assert {act(settings, action).word for action in found.actions} == {"retired"}
    assert {place.see().fallback for world in fleet.worlds.values() for place in world.sinks} == {None}
    assert sweep(settings, verbs={Verb.ROTATE}).actions == ()


def test_what_was_interrupted_comes_first_and_its_window_does_not_matter(fleet: Fleet) -> None:
    fleet.grow(91)
    world = fleet.worlds["orders"]
    world.tenant.fault("error-after", method="PATCH", path=world.client_id, count=100)
    broken = act(fleet.settings(), Action(Verb.ROTATE, "local", "orders", world.client_id))
    assert (broken.word, broken.exit) == ("incomplete", 3)
    assert "resume orders" in broken.next
    world.tenant.clear_faults()
    fleet.grow(1)
    closed = 'windows = ["Mon 00:00-00:01 UTC"]'
    settings = fleet.settings(closed)
    found = sweep(settings)
    assert words(found) == ["resume orders"]
    assert [str(action) for action, _ in found.waiting] == ["rotate billing", "rotate mailer"]
    assert all(wait.words.startswith("until Mon") for _, wait in found.waiting)
    (result,) = (act(settings, action) for action in found.actions)
    assert (result.word, result.exit) == ("finished", 0)
    waiting = act(settings, found.waiting[0][0])
    assert (waiting.word, waiting.message[:37]) == ("nothing", "it waits for its window, until Mon 20")


def test_sinks_that_differ_are_repaired_where_the_configuration_says_so(fleet: Fleet) -> None:
    world = fleet.worlds["billing"]
    vault = hvac.Client(world.servers.bao.url, world.servers.bao.token).secrets.kv.v2
    vault.delete_latest_version_of_secret(world.vault.path, mount_point="secret")
    assert sweep(fleet.settings()).actions == ()
    settings = fleet.settings('on_drift = "sync"')
    assert words(found := sweep(settings)) == ["sync billing"]
    assert act(settings, found.actions[0]).word == "synced"
    assert {place.see().current for place in world.sinks} == {world.live}


def test_two_at_once_are_one_rotation(fleet: Fleet) -> None:
    fleet.grow(91)
    settings, before = fleet.settings(), fleet.changes
    action = sweep(settings).actions[0]
    results: list[Result] = []
    both = [threading.Thread(target=lambda: results.append(act(settings, action))) for _ in range(2)]
    for each in both:
        each.start()
    for each in both:
        each.join()
    assert sorted(result.word for result in results)[-1] == "rotated"
    assert {result.word for result in results} <= {"rotated", "refused", "nothing"}
    assert fleet.changes == [before[0] + 1, *before[1:]]


def test_a_client_that_is_gone_or_another_one_is_left_alone(fleet: Fleet) -> None:
    fleet.grow(91)
    settings, before = fleet.settings(), fleet.changes
    action = sweep(settings).actions[0]
    for other in (replace(action, client="nobody"), replace(action, client_id="x"), replace(action, tenant="x")):
        assert act(settings, other).message == "the configuration has no such client any more"
    assert fleet.changes == before


def test_an_error_is_a_result_and_costs_nobody_else(fleet: Fleet) -> None:
    fleet.grow(91)
    settings = fleet.settings()
    client = settings.clients["orders"]
    lost = replace(client, sinks=("eu://nowhere/apps/x", client.sinks[1]))
    settings = replace(settings, clients={**settings.clients, "orders": lost})
    found = sweep(settings)
    assert words(found) == ["rotate billing", "rotate mailer"]
    assert [name for name, _ in found.unread] == ["orders"]
    result = act(settings, Action(Verb.ROTATE, "local", "orders", client.client_id))
    assert (result.word, result.exit, result.failed) == ("refused", 4, True)
    assert "no mount serves" in result.message


def test_only_a_retirement_ends_something_for_good() -> None:
    with pytest.raises(Refused, match="asks for consent, and a sweep asks nobody"):
        acting._harmless(type("Plan", (), {"irreversible": True, "creates": ()})())


def test_a_batch_does_what_a_sweep_has_found(fleet: Fleet) -> None:
    fleet.grow(91)
    settings, before = fleet.settings(), fleet.changes
    actions = (*sweep(settings).actions, Action(Verb.ROTATE, "local", "nobody", "x"))
    heard: list[object] = []

    class Listener:
        def became(self, _settings: object, _client: object, done: object) -> None:
            heard.append(done)

        def failed(self, *_: object) -> None:
            raise AssertionError

    done = do(settings, actions, Means(jobs=1, listener=Listener()), Stop())
    assert sorted(result.word for result in done) == ["nothing", "rotated", "rotated", "rotated"]
    assert len(heard) == 3
    assert fleet.changes == [count + 1 for count in before]
    told = json.dumps([result.as_dict() for result in done])
    for world in fleet.worlds.values():
        assert world.live not in told


def test_a_batch_begins_nothing_after_a_request_to_stop_or_where_it_may_not(fleet: Fleet) -> None:
    fleet.grow(91)
    settings, before, stop = fleet.settings(), fleet.changes, Stop()
    actions = sweep(settings).actions
    assert {each.word for each in do(settings, actions, Means(jobs=1, may_begin=lambda: False), Stop())} == {
        "not-begun"
    }
    stop.ask()
    assert {each.word for each in do(settings, actions, Means(jobs=1), stop)} == {"not-begun"}
    assert fleet.changes == before


def test_a_share_has_the_clients_of_its_tenants(fleet: Fleet) -> None:
    fleet.grow(91)
    settings = fleet.settings()
    assert len(sweep(settings, shard=Shard(1, 2)).actions) == 3  # they are of one tenant
    assert sweep(settings, shard=Shard(2, 2)) == Sweep()
    assert by_due("rotate") == [*NAMES]
    for share, count in (("1/2", 3), ("2/2", 0)):
        ended = invoke("status", "--shard", share, "--json")
        assert (ended.status, len(ended.objects)) == (0, count)
    assert 'found "3/2", expected NUMBER/SHARES' in invoke("status", "--shard", "3/2").told


def test_a_moment_can_be_named_to_judge_by(fleet: Fleet) -> None:
    settings = fleet.settings()
    later = next(iter(fleet.worlds.values())).servers.clock.now() + 91 * DAY
    assert len(sweep(settings, later).actions) == 3
    assert sweep(settings, later - timedelta(days=10)).actions == ()


def test_an_action_is_read_as_it_is_written() -> None:
    action = Action(Verb.ROTATE, "local", "billing", "AbC")
    assert Action.of(json.loads(json.dumps(action.as_dict()))) == action
    for wrong in ({}, {**action.as_dict(), "verb": "rollback"}, {**action.as_dict(), "client": 7}):
        with pytest.raises(Usage, match="this is no action"):
            Action.of(wrong)

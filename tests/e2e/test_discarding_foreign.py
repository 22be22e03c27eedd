"""Somebody else's text stands where a lock would: it is shown, asked about, gone over, and stays readable."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from bridge.model.errors import Refused
from bridge.model.operation import Operation
from bridge.model.plan import Plan
from bridge.operations.resume import resume
from bridge.operations.start import Options
from tests.e2e.command import Ended, invoke, on, sinks
from tests.e2e.observe import assert_rotated, unsettled
from tests.e2e.taps import died
from tests.e2e.world import DAY, MakeWorld, World

THEIRS = "text-of-another-team"


def used(world: World) -> World:
    """Rotate once; a day passes."""
    world.used().clock.advance(DAY)
    return world


def write_to_vault(world: World) -> None:
    world.vault.kv.create_or_update_secret(f"{world.vault.path}/pending", {"note": THEIRS, "b": 1})


def write_to_aws(world: World) -> None:
    text = f'{{"client_secret": "{THEIRS}"}}'
    world.aws.client.put_secret_value(SecretId=world.aws.name, SecretString=text, VersionStages=["AWSPENDING"])


def unknown_operation(world: World) -> None:
    """Write what a later version of the bridge might."""
    died(world, "vault.tag")
    path = f"{world.vault.path}/pending"
    document = world.vault.document(path=path) or {}
    said = {**document["secret-bridge"], "bridge_lock_operation": "frobnicate"}
    world.vault.kv.create_or_update_secret(path, {"secret-bridge": said, "client_secret": THEIRS})
    world.clock.advance(DAY)


def discard(world: World, **options: Any) -> Any:
    done = resume(world.session(), Options(discard_foreign=True, settle=False, **options))
    world.spread()
    return done


WRITES = {"vault": write_to_vault, "aws": write_to_aws}
writes = pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)


@writes
@pytest.mark.parametrize("verb", ["rotate", "resume", "rollback", "sync", "retire", "forget", "adopt"])
def test_every_command_refuses_it_and_names_the_one_that_goes_over_it(
    make_hasty: MakeWorld, write: Callable[[World], None], verb: str
) -> None:
    live = make_hasty()
    live.fill()
    assert on(live, "rotate", "--adopt", "--no-wait").status == 0
    live.spread()
    write(live)
    before = live.dump()
    ended = on(live, verb)
    assert ended.status == 4, ended.told
    assert f"secret-bridge resume {live.client_id}" in ended.err
    assert "--discard-foreign" in ended.err
    assert THEIRS not in ended.told
    assert live.dump() == before


def test_what_stands_in_vault_is_named_by_version_time_and_keys(make_hasty: MakeWorld) -> None:
    live = make_hasty()
    live.fill()
    live.adopt()
    write_to_vault(live)
    shown = r"somebody else's text stands at secret/apps/\S+/pending \(v\d+, \d{4}-\d\d-\d\dT\S+Z, keys: b, note\)"
    assert re.search(shown, on(live, "rotate").err)


def test_going_over_it_needs_a_name_and_consent(make_hasty: MakeWorld) -> None:
    live = make_hasty()
    live.fill()
    live.adopt()
    write_to_vault(live)
    before = live.dump()
    assert "--discard-foreign: found no NAME" in invoke("resume", "--discard-foreign").err
    refused: Ended = invoke("resume", live.client_id, *sinks(live), "--discard-foreign")
    assert refused.status == 4
    assert "add --yes" in refused.err
    assert re.search(r"pending \(v\d+, .*keys: b, note\)", refused.err)
    assert live.dump() == before
    done = on(live, "resume", "--discard-foreign", "--yes")
    assert done.status == 0, done.told
    assert re.search(r"pending \(v\d+, .*; what is foreign stays readable as an older version", done.told)
    assert "nothing is interrupted" in on(live, "resume").out


@writes
def test_the_text_stays_readable_and_everything_else_is_as_it_was(world: World, write: Callable[[World], None]) -> None:
    before = [(seen.current, seen.fallback) for seen in (place.see() for place in used(world).sinks)]
    write(world)
    shown: list[Plan] = []
    done = discard(world, agree=lambda plan: not shown.append(plan))
    assert (done.operation, done.exit_status) == (Operation.SETTLE, 0)
    assert any("stays readable as an older version" in note for note in shown[0].notes)
    assert [(seen.current, seen.fallback) for seen in (place.see() for place in world.sinks)] == before
    assert THEIRS in str([place.dump() for place in world.sinks])
    assert unsettled(world) == []
    assert resume(world.session(), Options()) is None


@writes
def test_who_does_not_agree_changes_nothing(world: World, write: Callable[[World], None]) -> None:
    write(used(world))
    before = world.dump()
    with pytest.raises(Refused, match="not confirmed"):
        discard(world, agree=lambda plan: False)
    assert world.dump() == before


@writes
def test_a_live_value_below_it_is_found_and_published(world: World, write: Callable[[World], None]) -> None:
    """A rotation reached Auth0 and died; then somebody wrote over its lock."""
    old = used(world).live
    died(world, "auth0.set_secret")
    value = world.live
    world.clock.advance(DAY)
    write(world)
    done = discard(world)
    assert done.published
    assert world.live == value
    for seen in (place.see() for place in world.sinks):
        assert (seen.current, seen.fallback, seen.pending) == (value, old, None)
    assert THEIRS in str([place.dump() for place in world.sinks])


def test_an_operation_that_this_version_does_not_know_is_somebody_elses(world: World) -> None:
    old = used(world).live
    unknown_operation(world)
    with pytest.raises(Refused, match="frobnicate") as refused:
        resume(world.session(), Options())
    assert "--discard-foreign" in str(refused.value.hint)
    assert discard(world)
    assert THEIRS in str(world.vault.dump())
    before, count = old, len(world.tenant.secret_history(world.client_id))
    world.rotate()
    assert len(world.tenant.secret_history(world.client_id)) == count + 1
    assert [place.see().fallback for place in world.sinks] == [before] * 2


def test_another_clients_operation_is_somebody_elses(make_world: MakeWorld) -> None:
    mine, theirs = used(make_world()), used(make_world())
    died(theirs, "vault.tag")
    path = f"{theirs.vault.path}/pending"
    mine.vault.kv.create_or_update_secret(f"{mine.vault.path}/pending", theirs.vault.document(path=path))
    mine.clock.advance(DAY)
    with pytest.raises(Refused, match=f"of {theirs.client_id} in .*, another client") as refused:
        mine.rotate()
    assert "--discard-foreign" in str(refused.value.hint)
    old = mine.live
    assert discard(mine)
    assert mine.live == old
    mine.rotate()
    assert_rotated(mine, old=old, kept=theirs.vault.see().pending)

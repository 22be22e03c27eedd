"""One state, one advice: what `status`, `doctor`, `verify` and `read` say of it, and whether it helps."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from tests.e2e.command import Ended, invoke, on
from tests.e2e.world import World


def managed(world: World) -> None:
    world.fill()
    assert on(world, "adopt", "--yes").status == 0


def nothing_yet(world: World) -> None:
    """No sink holds anything."""


def one_is_empty(world: World) -> None:
    world.fill(world.aws)
    assert on(world, "adopt", "--yes").status == 0
    world.vault.kv.delete_metadata_and_all_versions(path=world.vault.path)


def not_adopted(world: World) -> None:
    world.fill()


def tags_wiped(world: World) -> None:
    managed(world)
    assert on(world, "rotate", "--no-wait").status == 0
    world.spread()
    world.vault.wipe()


def foreign_lock(world: World) -> None:
    managed(world)
    text = '{"client_secret": "what is this"}'
    world.aws.client.put_secret_value(SecretId=world.aws.name, SecretString=text, VersionStages=["AWSPENDING"])


def interrupted(world: World) -> None:
    managed(world)
    world.tenant.fault("error-after", method="PATCH", count=100)
    assert on(world, "rotate").status == 3
    world.tenant.clear_faults()
    world.clock.advance(timedelta(minutes=5))  # a lock of now counts as dead then


def current_destroyed(world: World) -> None:
    managed(world)
    number = world.vault.kv.read_secret_metadata(world.vault.path)["data"]["current_version"]
    world.vault.kv.destroy_secret_versions(world.vault.path, [number])


STATES: dict[Callable[[World], None], str] = {
    nothing_yet: "adopt",
    not_adopted: "adopt",
    tags_wiped: "adopt --repair",
    foreign_lock: "resume --discard-foreign",
    interrupted: "resume",
    current_destroyed: "sync",
}


def remedies(ended: Ended) -> set[str]:
    """Return the commands of this program that `doctor` advises about sinks."""
    found = [one["remedy"] or "" for one in ended.objects if one["id"].startswith("sink-")]
    return {re.split(r"\s+#", line)[0] for text in found for line in text.splitlines() if line.startswith("secret-")}


@pytest.mark.parametrize("make", STATES, ids=lambda make: make.__name__)
def test_every_command_advises_the_same_and_it_helps(hasty: World, make: Callable[[World], None]) -> None:
    make(hasty)
    (status,) = on(hasty, "status", "--json").objects
    advice = status["next"]
    assert advice.startswith(f"secret-bridge {STATES[make]} {hasty.client_id}")
    assert remedies(on(hasty, "doctor", "--json")) <= {advice}
    verified = on(hasty, "verify", "--json")
    assert {sink["next"] for sink in verified.objects[0].get("sinks", ())} - {None} <= {advice}
    if verified.status:
        assert advice in on(hasty, "verify").told
    shown = on(hasty, "read", "--stage", "current").err
    assert not [line for line in shown.splitlines() if "-> " in line and "secret-bridge" in line and advice not in line]
    done = invoke(*advice.split()[1:], "--yes")
    assert done.status == 0, done.told
    assert on(hasty, "status", "--check").status == 0


def test_what_cannot_be_read_at_all_is_advised_as_status_does(hasty: World) -> None:
    (status,) = on(hasty, "status", "--json").objects
    refused = on(hasty, "read")
    assert refused.status == 4
    assert f"to have the value put there: {status['next']}" in refused.err


def test_verify_says_what_to_do_about_another_value_at_auth0(hasty: World) -> None:
    managed(hasty)
    hasty.tenant.set_in_dashboard(hasty.client_id)
    hasty.spread()
    told = on(hasty, "verify")
    assert told.status == 5
    assert "look at this" not in told.out
    (advice,) = re.findall(r"-> secret-bridge (.*)", told.out)
    assert advice.startswith("sync ")
    assert invoke(*advice.split(), "--yes").status == 0
    assert on(hasty, "verify").status == 0


def test_every_verb_of_the_table_is_a_command(hasty: World) -> None:
    from typer.main import get_command

    from bridge.cli.commands import loaded
    from bridge.planning.advice import NEXT, Trouble

    commands: Any = get_command(loaded())
    assert set(NEXT) == set(Trouble)
    for verb in NEXT.values():
        name, *options = verb.split()
        known = {option for each in commands.commands[name].params for option in each.opts}
        assert set(options) <= known

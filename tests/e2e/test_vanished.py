"""A sink that is suddenly empty, and one that a rotation would create."""

from __future__ import annotations

import pytest

from tests.e2e.command import invoke, on
from tests.e2e.world import MakeWorld, World


def elsewhere(world: World) -> list[str]:
    """Return the sinks of a command whose AWS region is another one than it was."""
    uris = [uri.replace("us-east-1", "eu-west-1") for uri in world.uris]
    return [word for uri in uris for word in ("--sink", uri)]


@pytest.mark.parametrize("command", ["rotate", "rollback"])
@pytest.mark.parametrize("gone", ["aws", "vault"])
def test_what_the_others_record_and_is_not_found_is_not_created(make_hasty: MakeWorld, command: str, gone: str) -> None:
    world = make_hasty()
    world.fill()
    world.rotate(adopt=True)
    if gone == "aws":
        world.aws.client.delete_secret(SecretId=world.aws.name, ForceDeleteWithoutRecovery=True)
    else:
        world.vault.kv.delete_metadata_and_all_versions(world.vault.path)
        world.vault.kv.delete_metadata_and_all_versions(f"{world.vault.path}/pending")
    live = world.live
    ended = on(world, command, "--yes")
    assert ended.status == 4, ended.told
    assert f"{(world.aws if gone == 'aws' else world.vault).uri} was managed, and is not found now" in ended.told
    assert "region, account, namespace" in ended.told
    assert world.live == live


def test_a_wrong_region_is_not_filled(make_hasty: MakeWorld) -> None:
    """By the list of sinks where there are several, by consent where it is the only one."""
    for ends in ("", "aws"):
        world = make_hasty(ends=ends) if ends else make_hasty()
        world.fill()
        world.rotate(adopt=True)
        live = world.live
        ended = invoke("rotate", world.client_id, *elsewhere(world))
        assert ended.status == 4, ended.told
        assert world.live == live
        if ends:
            assert "NEW SECRET aws://eu-west-1/" in ended.told
            assert "--yes" in ended.told


@pytest.mark.parametrize("ends", ["vault", "aws"])
def test_a_new_secret_needs_consent(make_hasty: MakeWorld, ends: str) -> None:
    world = make_hasty(ends=ends)
    live = world.live
    ended = on(world, "rotate")
    assert ended.status == 4, ended.told
    assert f"NEW SECRET {world.uris[0]}" in ended.told
    assert world.live == live
    planned = on(world, "rotate", "--dry-run")
    assert f"NEW SECRET {world.uris[0]}" in planned.out
    ended = on(world, "rotate", "--yes", "--no-wait")
    assert ended.status in (0, 3), ended.told
    assert world.live != live

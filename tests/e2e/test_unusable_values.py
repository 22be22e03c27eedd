"""A key that is there and holds no secret: what is said of it, and what fills it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.e2e.command import invoke, on
from tests.e2e.world import MakeWorld, World

EMPTY = [(None, "null"), ("", "an empty text")]
OTHER = [(7, "a number"), (True, "true or false"), (["x"], "an array"), ({"x": "y"}, "an object")]


def with_value(make_hasty: MakeWorld, ends: str, value: Any, monkeypatch: pytest.MonkeyPatch) -> World:
    world = make_hasty(ends=ends)
    world.fill()
    (world.vault if ends == "vault" else world.aws).edit("client_secret", value)
    for name, text in world.environment.items():
        monkeypatch.setenv(name, text)
    return world


@pytest.mark.parametrize("ends", ["vault", "aws"])
@pytest.mark.parametrize(("value", "words"), [*EMPTY, *OTHER])
def test_it_is_said_which_and_nothing_is_changed(
    make_hasty: MakeWorld, monkeypatch: pytest.MonkeyPatch, ends: str, value: Any, words: str
) -> None:
    world = with_value(make_hasty, ends, value, monkeypatch)
    before = world.dump()
    for verb in ("adopt", "rotate"):
        ended = on(world, verb, "--yes")
        assert ended.status == 4, ended.told
    ended = on(world, "adopt", "--yes")
    assert f"the key 'client_secret' in {world.uris[0]} holds {words}, and not the secret" in ended.told
    assert ("--add-key" in ended.told) is ((value, words) in EMPTY)
    read = invoke("read", world.client_id, "--sink", world.uris[0])
    assert read.status == 4, read.told
    assert f"the key 'client_secret' in {world.uris[0]} holds {words}" in read.told
    assert world.dump() == before


@pytest.mark.parametrize("ends", ["vault", "aws"])
@pytest.mark.parametrize("value", [value for value, _ in EMPTY])
def test_nothing_is_filled_on_request(
    make_hasty: MakeWorld, monkeypatch: pytest.MonkeyPatch, ends: str, value: Any
) -> None:
    world = with_value(make_hasty, ends, value, monkeypatch)
    ended = on(world, "adopt", "--add-key", "--yes", "--secret-stdin", typed=world.live)
    assert ended.status == 0, ended.told
    assert (world.vault if ends == "vault" else world.aws).see().current == world.live


@pytest.mark.parametrize("option", ["--add-key", "--repair"])
@pytest.mark.parametrize("value", [value for value, _ in OTHER])
def test_what_else_stands_there_is_never_overwritten(
    make_hasty: MakeWorld, monkeypatch: pytest.MonkeyPatch, option: str, value: Any
) -> None:
    world = with_value(make_hasty, "vault", value, monkeypatch)
    before = world.dump()
    ended = on(world, "adopt", option, "--yes", "--secret-stdin", typed=world.live)
    assert ended.status == 4, ended.told
    assert world.dump() == before

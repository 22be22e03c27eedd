"""`read`: a stored value for scripts, in the form that they want, with no more rights than an application has."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import hvac
import pytest

from tests.e2e.command import invoke, on
from tests.e2e.taps import Killed, Trace, kill_after
from tests.e2e.world import DAY, MakeWorld, World


def rotated(world: World) -> World:
    world.fill()
    world.rotate(adopt=True)
    world.clock.advance(DAY)
    return world


def one(world: World, number: int, *options: str) -> Any:
    return invoke("read", world.client_id, "--sink", world.uris[number], *options)


@pytest.mark.parametrize("number", [0, 1], ids=["vault", "aws"])
@pytest.mark.parametrize("bare", [False, True], ids=["json", "bare"])
def test_current_and_fallback_are_printed_and_nothing_else(make_world: MakeWorld, number: int, bare: bool) -> None:
    world = rotated(make_world(bare=bare))
    assert (one(world, number).status, one(world, number).out) == (0, world.live)
    assert one(world, number, "--stage", "fallback").out == world.s0
    pending = one(world, number, "--stage", "pending")
    assert (pending.status, pending.out) == (4, "")
    assert "there is no pending value" in pending.err


def test_all_of_them_as_json(world: World) -> None:
    rotated(world)
    trace = Trace(world.clock)
    kill_after(trace, 3)
    with pytest.raises(Killed):
        world.rotate(trace)
    for number in (0, 1):
        told = json.loads(one(world, number, "--all", "--json").out)
        seen = world.sinks[number].see()
        assert told == {
            "schema": 1,
            "client_id": world.client_id,
            "sink": world.sinks[number].uri,
            "current": seen.current,
            "pending": seen.pending,
            "fallback": seen.fallback,
        }
        assert None not in told.values()


@pytest.mark.parametrize("how", ["env", "dotenv", "shell"])
def test_as_variables_they_mean_the_same_in_each_form(make_world: MakeWorld, how: str) -> None:
    world = make_world(ends="vault")
    odd = "a$b\"c'd\\e #f"
    world.vault.fill(odd)
    told = one(world, 0, "--format", how, "--prefix", "APP_").out
    if how == "shell":
        script = f'{told}printf \'%s|%s\' "$APP_CLIENT_ID" "$APP_CLIENT_SECRET"'
        done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True)
        assert done.stdout == f"{world.client_id}|{odd}"
        return
    lines = dict(line.split("=", 1) for line in told.splitlines())
    assert list(lines) == ["APP_CLIENT_ID", "APP_CLIENT_SECRET"]
    found = lines["APP_CLIENT_SECRET"]
    assert found == (odd if how == "env" else '"a\\$b\\"c\'d\\\\e #f"')


def test_all_as_variables_have_names_of_their_own(world: World) -> None:
    rotated(world)
    told = one(world, 1, "--all", "--format", "env").out.splitlines()
    assert told == [
        f"AUTH0_CLIENT_ID={world.client_id}",
        f"AUTH0_CLIENT_SECRET={world.live}",
        f"AUTH0_CLIENT_SECRET_FALLBACK={world.s0}",
    ]


def test_a_value_with_line_breaks_is_no_variable(make_world: MakeWorld) -> None:
    world = make_world(ends="vault")
    world.vault.fill("two\nlines")
    ended = one(world, 0, "--format", "env")
    assert (ended.status, ended.out) == (4, "")
    assert "has line breaks in it" in ended.err
    assert "two" not in ended.err
    assert one(world, 0).out == "two\nlines"


def test_in_github_actions_the_values_are_masked_before_they_are_printed(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    rotated(world)
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    ended = one(world, 0, "--all", "--json")
    assert ended.err.splitlines() == [f"::add-mask::{world.live}", f"::add-mask::{world.s0}"]
    assert json.loads(ended.out)["current"] == world.live


def test_the_rights_of_an_application_suffice(make_world: MakeWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    world = rotated(make_world(ends="vault"))
    root = hvac.Client(world.servers.bao.url, token=world.servers.bao.token)
    path = world.vault.path
    rules = "".join(f'path "secret/data/{p}" {{ capabilities = ["read"] }}\n' for p in (path, f"{path}/pending"))
    root.sys.create_or_update_policy(path.replace("/", "-"), rules)
    token = root.auth.token.create(policies=[path.replace("/", "-")])["auth"]["client_token"]
    root.adapter.close()
    monkeypatch.setenv("VAULT_TOKEN", token)
    told = json.loads(one(world, 0, "--all", "--json").out)
    assert (told["current"], told["fallback"]) == (world.live, world.s0)


def test_the_place_that_answers_serves_it(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    rotated(world)
    monkeypatch.setenv("VAULT_TOKEN", "of-nobody")
    assert on(world, "read").out == world.live
    assert one(world, 0).status == 1


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--all", "--stage", "current"), "found --all and --stage"),
        (("--json", "--format", "env"), "found --json and --format"),
        (("--all",), "found neither --json nor --format"),
    ],
)
def test_what_cannot_be_meant_so_is_told(hasty: World, options: tuple[str, ...], says: str) -> None:
    ended = one(hasty, 0, *options)
    assert ended.status == 2
    assert says in ended.err

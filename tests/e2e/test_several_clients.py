"""Several clients of one configuration: each has its line, and the most serious status wins."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from tests.e2e.command import Ended, done, execute, invoke
from tests.e2e.sinks import REGION
from tests.e2e.world import MakeWorld, World

TENANT = """
[tenants.local]
domain = "{domain}"
client_id = "env:AUTH0_CLIENT_ID"
client_secret = "env:AUTH0_CLIENT_SECRET"
propagation = "{propagation}"

[vaults.eu]
type = "vault"
url = "{vault}"
auth = {{ method = "token", token = "env:VAULT_TOKEN" }}

[vaults.use1]
type = "aws"
region = "{region}"
endpoint_url = "{aws}"
"""
CLIENT = """
[clients.{name}]
tenant = "local"
client_id = "{client_id}"
min_interval = "0s"
owner = "team-{name}"
sinks = ["eu://secret/{path}", "use1://{path}"]
{more}
"""


@pytest.fixture
def three(make_hasty: MakeWorld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, World]:
    """Three clients, their sinks filled and adopted, and a `bridge.toml` in the working directory."""
    monkeypatch.chdir(tmp_path)
    return adopted(make_hasty, tmp_path)


def adopted(make: MakeWorld, directory: Path) -> dict[str, World]:
    """Make three clients, their sinks filled and adopted, and write the configuration."""
    worlds = {name: make() for name in ("billing", "orders", "mailer")}
    write(directory, worlds)
    for name, world in worlds.items():
        world.fill()
        assert invoke("adopt", name, "--yes", "--config", str(directory / "bridge.toml")).status == 0
    return worlds


def write(directory: Path, worlds: dict[str, World], more: str = "") -> None:
    world = next(iter(worlds.values()))
    variables = world.environment
    text = TENANT.format(
        domain=variables["AUTH0_DOMAIN"],
        propagation=variables["BRIDGE_PROPAGATION"],
        vault=variables["VAULT_ADDR"],
        region=REGION,
        aws=variables["AWS_ENDPOINT_URL"],
    )
    for name, of in worlds.items():
        text += CLIENT.format(name=name, client_id=of.client_id, path=of.vault.path, more=more)
    (directory / "bridge.toml").write_text(text, "utf-8")


def results(ended: Ended) -> list[str]:
    return [line for line in ended.out.splitlines() if line.startswith("result=")]


def test_all_clients_are_rotated_in_turn(three: dict[str, World]) -> None:
    ended = invoke("rotate", "--all", "--no-wait")
    assert ended.status == 0, ended.told
    assert results(ended) == [f"result=rotated client={name} exit=0" for name in three]
    for world in three.values():
        assert {place.see().current for place in world.sinks} == {world.live}
        assert world.live != world.s0


def test_how_many_are_left_out_because_they_were_rotated_meanwhile_is_told(three: dict[str, World]) -> None:
    world = three["orders"]
    world.clock.advance(timedelta(minutes=10))
    since = (world.clock.now() - timedelta(minutes=1)).isoformat()
    assert invoke("rotate", "orders", "--no-wait").status == 0
    live = world.live
    ended = invoke("rotate", "--all", "--not-since", since, "--no-wait")
    assert (ended.status, world.live) == (0, live), ended.told
    assert "--not-since leaves out 1 client\n" in ended.err
    assert results(ended) == [f"result=rotated client={name} exit=0" for name in ("billing", "mailer")]


def test_a_refusal_does_not_keep_the_others_from_being_rotated(three: dict[str, World]) -> None:
    three["orders"].vault.tag("managed-by", "external-secrets")
    ended = invoke("rotate", "--all", "--no-wait")
    assert ended.status == 4
    assert [line.rpartition("exit=")[2] for line in results(ended)] == ["0", "4", "0"]
    assert "orders: Refused: eu://" in ended.err


def test_the_most_serious_status_wins(three: dict[str, World]) -> None:
    """Incomplete before failed before refused."""
    three["mailer"].vault.tag("managed-by", "external-secrets")
    three["billing"].tenant.fault("error-before", method="PATCH", path=three["billing"].client_id, count=100)
    ended = invoke("rotate", "--all", "--no-wait")
    assert [line.rpartition("exit=")[2] for line in results(ended)] == ["3", "0", "4"]
    assert ended.status == 3
    three["billing"].tenant.clear_faults()
    tenant = three["orders"].tenant
    tenant.fault("error-before", method="GET", path=three["orders"].client_id, count=100)
    ended = invoke("rotate", "mailer", "orders", "--no-wait")
    assert [line.rpartition("exit=")[2] for line in results(ended)] == ["4", "1"]
    assert ended.status == 1


def test_json_is_one_object_for_each_client_and_one_for_all(three: dict[str, World]) -> None:
    three["orders"].vault.tag("managed-by", "external-secrets")
    ended = invoke("rotate", "--all", "--no-wait", "--json")
    *each, summed_up = ended.objects
    assert [(told["client"], told["result"], told["exit"]) for told in each] == [
        ("billing", "done", 0),
        ("orders", "refused", 4),
        ("mailer", "done", 0),
    ]
    assert summed_up["summary"]["results"] == {"rotated": 2, "refused": 1}, summed_up
    assert all(told["schema"] == 1 for told in ended.objects)


def test_status_lists_every_client_those_that_need_attention_first(three: dict[str, World]) -> None:
    three["orders"].vault.tag("managed-by", "external-secrets")
    ended = invoke("status", "--check")
    assert ended.status == 5
    lines = ended.out.splitlines()
    assert lines[1].startswith("! orders")
    assert [line.split()[0] for line in lines[2:4]] == ["billing", "mailer"]
    assert lines[-1].startswith("3 clients, 1 need attention")


def test_a_hook_runs_after_the_rotation_and_its_failure_is_attention(make_live: MakeWorld, tmp_path: Path) -> None:
    world = make_live()
    write(tmp_path, {"billing": world}, 'after = ["touch", "ran"]')
    ended = execute(world, "rotate", "billing", "--no-wait", "--yes", home=tmp_path)
    assert ended.status == 0, ended.told
    assert (tmp_path / "ran").exists()
    assert "after hook: touch ran … ok" in ended.out
    write(tmp_path, {"billing": world}, 'after = ["false"]')
    world.spread()
    ended = execute(world, "rotate", "billing", "--no-wait", home=tmp_path)
    assert ended.status == 5, ended.told
    assert "'false' exited with 1" in ended.out
    assert {place.see().current for place in world.sinks} == {world.live}
    assert results(ended) == ["result=attention client=billing exit=5"]


def test_the_least_age_of_a_fallback_comes_from_the_configuration(
    make_hasty: MakeWorld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = make_hasty()
    monkeypatch.chdir(tmp_path)
    write(tmp_path, {"billing": world})
    assert invoke("rotate", "billing", "--no-wait", "--yes").status == 0
    world.spread()
    early = invoke("retire", "billing", "--yes")
    assert early.status == 4
    assert "stays until" in early.err
    assert "min 1 d" in early.err
    write(tmp_path, {"billing": world}, 'fallback_min_age = "10m"')
    world.clock.advance(timedelta(seconds=601))
    asked = invoke("retire", "billing")
    assert asked.status == 4
    assert "add --yes" in asked.err
    late = invoke("retire", "billing", "--yes")
    assert late.status == 0, late.told
    assert late.out.splitlines()[-1] == "result=retired client=billing exit=0"
    assert not any(world.s0 in place.see().readable for place in world.sinks)


def test_a_client_whose_settings_cannot_be_meant_so_is_told_in_the_status(
    three: dict[str, World], tmp_path: Path
) -> None:
    settings = (tmp_path / "bridge.toml").read_text("utf-8")
    tenant = '\n[tenants.other]\ndomain = "acme.eu.auth0.com"\napi_token = "env:NOT_SET"\n'
    other = tenant + '\n[clients.orders]\ntenant = "other"'
    (tmp_path / "bridge.toml").write_text(
        settings.replace('\n[clients.orders]\ntenant = "local"', other), encoding="utf-8"
    )
    ended = invoke("rotate", "--all", "--no-wait")
    assert ended.status == 2, ended.told
    assert [line.split()[0] for line in results(ended)] == ["result=rotated", "result=usage", "result=rotated"]
    assert "NOT_SET" in ended.err


def test_a_place_that_cannot_be_read_does_not_keep_what_is_due_elsewhere_from_being_done(
    three: dict[str, World], tmp_path: Path
) -> None:
    assert invoke("rotate", "mailer", "--no-wait").status == 0
    write(tmp_path, three, more='max_age = "1s"\nfallback_min_age = "0s"')
    three["mailer"].spread()  # a value that may still be accepted is not retired
    settings = (tmp_path / "bridge.toml").read_text("utf-8")
    away = f"eu://elsewhere/{three['billing'].vault.path}"
    (tmp_path / "bridge.toml").write_text(settings.replace(f"eu://secret/{three['billing'].vault.path}", away), "utf-8")
    ended = invoke("retire", "--all", "--due", "--yes")
    assert (ended.status, results(ended)) == (
        4, ["result=refused client=billing exit=4", "result=retired client=mailer exit=0"],
    )  # fmt: skip
    assert "billing: Refused: no mount serves" in ended.err
    ended = invoke("rotate", "--due", "--no-wait")
    assert [line.rpartition("exit=")[2] for line in results(ended)] == ["4", "0", "0"]
    assert (three["billing"].live, three["orders"].live == three["orders"].s0) == (three["billing"].s0, False)


def test_asked_to_stop_it_begins_no_other_client(make_live: MakeWorld, tmp_path: Path) -> None:
    three = adopted(make_live, tmp_path)
    settings = (tmp_path / "bridge.toml").read_text("utf-8")
    hook = 'after = ["sh", "-c", "kill -TERM $PPID; sleep 0.3"]'
    (tmp_path / "bridge.toml").write_text(
        settings.replace("\n[clients.orders]", f"{hook}\n\n[clients.orders]"), encoding="utf-8"
    )
    ended = execute(three["billing"], "rotate", "--all", "--no-wait", "--jobs", "1", home=tmp_path)
    assert ended.status == 1, ended.told
    assert [line.split()[0] for line in results(ended)] == ["result=rotated", "result=failed", "result=failed"]
    assert ended.err.count("stopped as asked, before it was begun\n  Nothing was changed.") == 2


def test_verify_and_status_without_a_name_are_about_all(three: dict[str, World]) -> None:
    ended = invoke("verify")
    assert ended.status == 0, ended.told
    assert all(name in ended.out for name in three)


def test_what_an_interrupted_release_left_is_tidied_up_when_it_is_due_and_rotates_nothing(
    three: dict[str, World],
) -> None:
    world = three["orders"]
    leave_something(world)
    assert "secret-bridge resume orders" in invoke("status").told
    ended = invoke("rotate", "--due", "--no-wait")
    assert (ended.status, results(ended)) == (0, ["result=cleaned-up client=orders exit=0"])
    assert world.live == world.s0
    assert results(invoke("rotate", "--due", "--no-wait")) == []


def test_a_leak_is_answered_also_where_only_something_was_left_to_tidy_up(three: dict[str, World]) -> None:
    world = three["orders"]
    leave_something(world)
    ended = invoke("rotate", "--due", "--compromised", "--reason", "in a log", "--yes")
    assert (ended.status, results(ended)) == (0, ["result=rotated client=orders exit=0"])
    assert world.live != world.s0


def leave_something(world: World) -> None:
    """Leave what a process does that dies between its last write and the destruction of what it left."""
    lock = f"{world.vault.path}/pending"
    idle = world.vault.kv.read_secret_version(lock, raise_on_deleted_version=True)["data"]["data"]
    world.vault.kv.create_or_update_secret(lock, idle)


def test_the_output_of_the_hooks_names_its_client_where_there_are_several(make_live: MakeWorld, tmp_path: Path) -> None:
    worlds = {name: make_live() for name in ("one", "another")}
    for world in worlds.values():
        world.fill()
    write(tmp_path, worlds, 'after = ["sh", "-c", "echo restarted; echo and a warning >&2; exit 3"]')
    first = next(iter(worlds.values()))
    assert execute(first, "adopt", "--all", "--yes", home=tmp_path).status == 0
    for json in ((), ("--json",)):
        ended = execute(first, "rotate", "--all", "--no-wait", "--again", "--yes", *json, home=tmp_path)
        assert ended.status == 5, ended.told
        said = sorted(line[9:].rstrip() for line in ended.err.splitlines() if " after " in line)
        assert said == sorted(
            f"{name:<7} after    {text}" for name in worlds for text in ("restarted", "and a warning")
        ), ended.err
    alone = execute(first, "rotate", "one", "--no-wait", "--again", "--yes", home=tmp_path)
    assert [line for line in alone.err.splitlines() if line in ("restarted", "and a warning")] == [
        "restarted",
        "and a warning",
    ]


@pytest.mark.parametrize("command", ["rotate", "status"])
def test_a_selection_that_fits_nothing_is_refused_in_its_own_words(three: dict[str, World], command: str) -> None:
    asked = ("--tenant", "productoin", "--match", "bil*")
    told = done(invoke(command, *asked), 2).err
    assert "has no client with --tenant productoin --match 'bil*'" in told
    assert "its tenants are local" in told

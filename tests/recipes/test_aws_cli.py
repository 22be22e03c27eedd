"""The AWS CLI, by the script of the documentation, at each stage of a rotation."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bridge.sandbox.process import free_port
from tests.e2e.taps import died
from tests.e2e.world import MakeWorld, World
from tests.recipes.recipe import READERS, adopted

STAGES = ("AWSCURRENT", "AWSPENDING", "FALLBACK")
NONE = 4


def read(world: World, *stages: str) -> list[str | int]:
    """Return the value at each stage, or how the script ended. The three are asked side by side."""
    beside = str(Path(sys.executable).parent)
    environ = {**os.environ, "PATH": os.pathsep.join((beside, os.environ["PATH"]))}
    script = str(READERS / "read_aws.sh")
    asked = [
        subprocess.Popen(
            ["sh", script, world.aws.name, stage], env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        for stage in stages or STAGES
    ]
    told = [process.communicate(timeout=150) for process in asked]
    return [
        process.returncode or out.decode().removesuffix("\n") for process, (out, _) in zip(asked, told, strict=True)
    ]


def test_it_prints_the_values_at_each_stage_of_a_rotation(make_world: MakeWorld) -> None:
    world = adopted(make_world(ends="aws"))
    assert read(world) == [world.s0, NONE, NONE]
    died(world, "auth0.set_secret")
    assert read(world) == [world.s0, world.live, NONE]
    world.clock.advance(world.tenant.settings.propagation * 10)
    world.rotate()
    assert read(world) == [world.live, NONE, world.s0]


def test_what_cannot_be_asked_is_an_error_and_not_no_value(
    make_world: MakeWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = make_world(ends="aws")
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{free_port()}")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    assert read(world, "AWSCURRENT") == [1]

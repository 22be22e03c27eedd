"""Who may import whom, and what the command line's start may not load."""

from __future__ import annotations

import ast
import functools
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.sources import ROOT, SOURCES, nodes, text

HEAVY = ("boto3", "botocore", "hvac", "httpx", "requests", "pydantic", "jwt", "flask", "moto", "stamina", "apprise")


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


@functools.cache
def imported(path: Path) -> set[str]:
    found: set[str] = set()
    for node in nodes(path):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def offenders(importers: tuple[str, ...], forbidden: tuple[str, ...], allowed: tuple[str, ...] = ()) -> list[str]:
    def within(name: str, packages: tuple[str, ...]) -> bool:
        return any(name == package or name.startswith(f"{package}.") for package in packages)

    return [
        f"{name_of(path)} imports {target}"
        for path in SOURCES
        if within(name_of(path), importers) and not within(name_of(path), allowed)
        for target in imported(path)
        if within(target, forbidden)
    ]


def test_there_are_sources_to_check() -> None:
    assert len(SOURCES) > 50
    assert {"bridge.execution.executor", "sinks.port"} <= {name_of(path) for path in SOURCES}


@pytest.mark.parametrize(
    ("importers", "forbidden", "allowed"),
    [
        (("sinks",), ("bridge",), ()),
        (("bridge",), ("bridge.cli",), ("bridge.cli", "bridge.sandbox.demo")),
        (("bridge",), ("bridge.sandbox",), ("bridge.sandbox", "bridge.cli.starting")),
        (
            ("bridge.auth0",),
            ("bridge.execution.executor", "bridge.planning.change", "bridge.execution.session", "bridge.cli"),
            (),
        ),
        (
            ("bridge.planning.change", "bridge.model.steps", "bridge.planning.guards", "bridge.planning.status"),
            ("bridge.execution.executor", "bridge.execution.session"),
            (),
        ),
        (("bridge",), ("hvac", "boto3", "botocore"), ("bridge.sandbox",)),
        (("sinks",), ("httpx", "typer"), ()),
        (("sinks",), ("hvac", "requests"), ("sinks.vault",)),
        (("sinks",), ("boto3", "botocore"), ("sinks.aws",)),
        (("bridge",), ("typer", "rich"), ("bridge.cli",)),
        (
            ("bridge.consumer",),
            (
                "bridge.execution.executor",
                "bridge.planning.change",
                "bridge.execution.session",
                "bridge.config",
                "bridge.cli",
            ),
            (),
        ),
        (("bridge.consumer",), ("httpx",), ("bridge.consumer.client_credentials",)),
        (("bridge", "sinks"), ("opentelemetry",), ("bridge.consumer.telemetry",)),
        (("bridge", "sinks"), ("apprise",), ("bridge.notify.deliver",)),
        (("bridge", "sinks"), ("bridge.notify.deliver",), ("bridge.notify.messenger",)),
        (("bridge", "sinks"), ("bridge.notify.messenger",), ()),
        (("bridge.notify",), ("bridge.execution.session", "bridge.config", "bridge.execution.executor"), ()),
    ],
    ids=lambda value: ",".join(value) or "-",
)
def test_arrows_run_one_way(importers: tuple[str, ...], forbidden: tuple[str, ...], allowed: tuple[str, ...]) -> None:
    assert offenders(importers, forbidden, allowed) == []


def test_only_the_planner_is_pure_and_stays_so() -> None:
    impure = ("time", "os", "socket", "random", "secrets", "subprocess", "pathlib", "httpx")
    pure = (
        "bridge.planning.change",
        "bridge.model.steps",
        "bridge.planning.guards",
        "bridge.planning.interruption",
        "sinks.versions",
        "sinks.vault.place",
    )
    assert offenders(pure, impure) == []


def loaded_by(statement: str) -> set[str]:
    code = f"import sys; {statement}; print(' '.join(m.partition('.')[0] for m in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    return set(done.stdout.split())


@pytest.mark.parametrize(
    "statement",
    ["import bridge.cli.app", "import bridge.consumer", "import sinks, sinks.vault, sinks.aws", "import sinks.port"],
)
def test_the_start_loads_no_back_end(statement: str) -> None:
    assert loaded_by(statement).isdisjoint(HEAVY)


def test_a_vault_only_command_does_not_load_boto3() -> None:
    assert "boto3" not in loaded_by("import sinks.vault.sink, sinks.vault.login, bridge.auth0.api")


def test_no_module_is_longer_than_300_lines() -> None:
    long = {name_of(path): n for path in SOURCES if (n := len(text(path).splitlines())) > 300}
    assert long == {}


def test_no_function_is_longer_than_40_lines_without_a_reason() -> None:
    # A command's options are its function's parameters: their declaration is the length, not the body.
    long = []
    for path in SOURCES:
        for node in nodes(path):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                begin = node.body[0].lineno if name_of(path).startswith("bridge.cli") else node.lineno
                length = (node.end_lineno or begin) - begin + 1
                if length > 40:
                    long.append(f"{name_of(path)}.{node.name}: {length}")
    assert long == []

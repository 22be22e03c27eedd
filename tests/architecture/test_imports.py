"""Who may import whom, and what the command line's start may not load."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture import picture
from tests.architecture.rooms import KINDS, ROOMS, floors, imported, name_of, room_of
from tests.architecture.sources import ROOT, SOURCES, nodes, text

HEAVY = ("boto3", "botocore", "hvac", "httpx", "requests", "pydantic", "jwt", "flask", "moto", "stamina", "apprise")


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


def test_every_module_is_in_a_room() -> None:
    assert {room_of(name_of(path)) for path in SOURCES} - {None} == set(ROOMS)


def test_the_picture_is_drawn_from_the_table() -> None:
    assert picture.FILE.read_text("utf-8") == picture.drawn(), "run: python -m tests.architecture.picture"


def test_the_table_has_floors_and_no_circle() -> None:
    assert max(floors().values()) == 8  # the agent stands between the command line and the library for applications


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_a_module_imports_only_what_its_room_may_know(path: Path) -> None:
    own = room_of(name_of(path))
    known = ROOMS[own] | {own} if own else set[str]()
    rooms = {found: target for target in imported(path) if (found := room_of(target)) and found != "__version__"}
    assert {target for found, target in rooms.items() if found not in known} == set()


@pytest.mark.parametrize(
    ("importers", "forbidden", "allowed"),
    [
        *[((kind,), tuple(other for other in KINDS if other != kind), ()) for kind in KINDS],
        (("bridge",), ("bridge.sandbox",), ("bridge.sandbox", "bridge.cli.commands.demo", "bridge.cli.story")),
        (("bridge.cli.app",), ("bridge.cli.commands",), ()),
        (("bridge",), KINDS, ("bridge.sandbox", "bridge.cli.story")),
        (("bridge",), ("hvac", "boto3", "botocore"), ("bridge.sandbox", "bridge.cli.story")),
        (("sinks",), ("httpx", "typer"), ()),
        (("sinks",), ("hvac", "requests"), ("sinks.vault",)),
        (("sinks",), ("boto3", "botocore"), ("sinks.aws",)),
        (("bridge",), ("typer", "rich"), ("bridge.cli",)),
        (("bridge.consumer",), ("httpx",), ("bridge.consumer.client_credentials", "bridge.consumer.tokens")),
        (("bridge", "sinks"), ("uvicorn",), ("bridge.agent.server",)),
        (("bridge", "sinks"), ("opentelemetry",), ("bridge.consumer.telemetry",)),
        (("bridge", "sinks"), ("apprise",), ("bridge.notify.deliver",)),
        (("bridge", "sinks"), ("bridge.notify.deliver",), ("bridge.notify.messenger",)),
        (("bridge", "sinks"), ("bridge.notify.messenger",), ()),
    ],
    ids=lambda value: ",".join(value) or "-",
)
def test_libraries_and_back_ends_are_known_where_they_are_used(
    importers: tuple[str, ...], forbidden: tuple[str, ...], allowed: tuple[str, ...]
) -> None:
    assert offenders(importers, forbidden, allowed) == []


IMPURE = ("time", "os", "socket", "random", "secrets", "subprocess", "pathlib", "httpx", "requests", "boto3", "hvac")
OF_WATCH = tuple(f"bridge.watch.{name}" for name in ("entries", "window", "notes", "decide", "cases"))
PURE = ("bridge.planning", "bridge.model", *OF_WATCH, *(f"sinks.{name}" for name in (
    "sibling_keys", "document", "record", "rights", "seal", "versions", "vault.state", "vault.rights", "aws.rights",
)))  # fmt: skip


def test_what_is_called_pure_is() -> None:
    there = {name_of(path) for path in SOURCES}
    assert set(PURE) <= there
    assert offenders(PURE, IMPURE, ("bridge.model.progress",)) == []


def loaded_by(statement: str) -> set[str]:
    code = f"import sys; {statement}; print(' '.join(m.partition('.')[0] for m in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    return set(done.stdout.split())


@pytest.mark.parametrize(
    "statement",
    [
        "import bridge.cli.commands",
        "from bridge.cli.commands import loaded; loaded()",
        "import bridge.consumer",
        "import sinks, sinks.vault, sinks.aws",
        "import sinks.port",
    ],
)
def test_the_start_loads_no_back_end(statement: str) -> None:
    assert loaded_by(statement).isdisjoint(HEAVY)


def test_a_vault_only_command_does_not_load_boto3() -> None:
    assert "boto3" not in loaded_by("import sinks.vault.sink, sinks.vault.connection, bridge.auth0.api")


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

"""README.md against the code."""

from __future__ import annotations

import inspect
import re

import typer

import bridge.auth0.errors
import bridge.model.outcome
from bridge.cli.commands import loaded
from bridge.cli.listed import LISTED
from bridge.cli.runner import SEVERITY
from bridge.model.errors import ATTENTION, BridgeError
from tests.docs.pages import ROOT, fences, section, spans, tables

README = ROOT / "README.md"
app = loaded()
DEMO = "python3 -m venv .venv && .venv/bin/pip install -q '.[sandbox]' && .venv/bin/secret-bridge demo\n"
TESTS = (
    "python3 -m venv .venv && .venv/bin/pip install -q -U pip && "
    ".venv/bin/pip install -q -e '.[agent,fleet,notify,otel,sandbox]' --group dev && "
    ".venv/bin/python -m pytest -n auto\n"
)


def help_of(command: typer.models.CommandInfo) -> str:
    assert command.callback
    return inspect.getdoc(command.callback).partition("\n\n")[0].replace("\n", " ")  # type: ignore[union-attr]  # every command has one


def test_the_first_two_shell_blocks_are_the_demo_and_the_tests() -> None:
    assert [fence.text for fence in fences(README, "sh")[:2]] == [DEMO, TESTS]


def groups() -> list[typer.models.TyperInfo]:
    """Commands that have commands of their own."""
    inner = [(group, group.typer_instance.info) for group in app.registered_groups if group.typer_instance]
    return [
        typer.models.TyperInfo(name=info.name, help=info.help, rich_help_panel=group.rich_help_panel)
        for group, info in inner
    ]


def test_its_commands_are_the_programs_with_their_help_and_their_groups() -> None:
    (told,) = tables(section(README, "Commands"))
    there = {
        (str(command.rich_help_panel), f"`{command.name or command.callback.__name__}`", help_of(command))
        for command in app.registered_commands
        if command.callback
    } | {(str(group.rich_help_panel), f"`{group.name}`", str(group.help)) for group in groups()}
    assert {tuple(row) for row in told} == there


def test_its_groups_stand_in_the_order_of_the_help() -> None:
    (told,) = tables(section(README, "Commands"))
    assert list(dict.fromkeys(row[0] for row in told)) == list(dict.fromkeys(one.panel for one in LISTED))


def kinds(base: type[BridgeError] = BridgeError) -> set[type[BridgeError]]:
    return {base}.union(*(kinds(kind) for kind in base.__subclasses__()))


def test_its_exit_statuses_are_the_codes() -> None:
    assert {bridge.auth0.errors.Auth0Error, bridge.model.outcome.Stopped} <= kinds()
    (told,) = tables(section(README, "Exit statuses"))
    assert [int(row[0]) for row in told] == sorted(SEVERITY)
    assert {0, ATTENTION} | {kind.exit_status for kind in kinds()} == set(SEVERITY)


def test_the_help_and_the_readme_tell_the_same_statuses() -> None:
    assert app.registered_callback
    assert app.registered_callback.callback
    helped = inspect.getdoc(app.registered_callback.callback) or ""
    (told,) = tables(section(README, "Exit statuses"))
    assert set(re.findall(r"(\d) \w", helped.partition("Exit status")[2])) == {row[0] for row in told}


def test_it_tells_which_status_is_the_most_serious() -> None:
    assert " > ".join(map(str, SEVERITY)) in section(README, "Exit statuses")


def test_its_first_rotation_names_the_variables_and_commands_that_there_are() -> None:
    text = "".join(fence.text for fence in fences(README, "sh")[2:])
    assert {"AUTH0_DOMAIN", "VAULT_ADDR", "AWS_PROFILE"} <= set(re.findall(r"[A-Z0-9]+_[A-Z_]+", text))


def test_readers_who_lose_nothing_come_before_those_who_are_refused() -> None:
    text = README.read_text("utf-8")
    assert 0 < text.index("lose nothing") < text.index("only see the latest value") < text.index("shorten")


def test_every_variable_stands_once_in_the_table() -> None:
    (told,) = tables(section(README, "Environment variables"))
    named = [name for row in told for name in spans(row[0])]
    assert len(named) == len(set(named))

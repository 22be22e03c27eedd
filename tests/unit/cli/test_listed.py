"""What the program's --help says of its commands without loading them, against the commands."""

from __future__ import annotations

import inspect
import subprocess
import sys
from pathlib import Path

import pytest
from typer.main import get_command

from bridge.cli.commands import loaded
from bridge.cli.listed import LISTED

ROOT = Path(__file__).parents[3]
PACKAGE = "bridge.cli.commands."


def test_the_list_has_every_command_as_it_is() -> None:
    there = [
        (name, command.rich_help_panel, inspect.cleandoc(command.help).partition("\n\n")[0].replace("\n", " "))
        for name, command in get_command(loaded()).commands.items()
    ]
    assert [(one.name, one.panel, one.help) for one in LISTED] == there


def modules(*words: str) -> set[str]:
    """Return the modules of commands that a process has loaded when it has shown a help."""
    code = (
        f"import sys, bridge.cli; sys.argv = ['secret-bridge', *{list(words)!r}]\n"
        "try: bridge.cli.main()\n"
        f"finally: print('loaded:', *(n for n in sys.modules if n.startswith({PACKAGE!r})))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    return {name.removeprefix(PACKAGE) for name in done.stdout.rpartition("loaded:")[2].split()}


def test_the_help_of_the_program_loads_no_command() -> None:
    assert modules("--help") == set()


@pytest.mark.parametrize("one", LISTED, ids=lambda one: one.name)
def test_a_command_is_in_the_module_that_the_list_names(one: object) -> None:
    command = get_command(loaded()).commands[one.name]
    inner = getattr(command, "commands", {"": command})
    assert {inspect.unwrap(each.callback).__module__ for each in inner.values()} == {f"{PACKAGE}{one.module}"}


@pytest.mark.parametrize(
    ("words", "module"), [(("read",), "use"), (("audit", "show"), "audit"), (("status",), "security")]
)
def test_a_command_loads_its_own_module_only(words: tuple[str, ...], module: str) -> None:
    assert modules(*words, "--help") == {module}

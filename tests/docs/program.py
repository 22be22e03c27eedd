"""The program as it describes itself: its commands, their arguments, options and examples."""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import typer

from bridge.cli.commands import loaded
from bridge.cli.listed import LISTED


@dataclass(frozen=True)
class Parameter:
    """An option, or an argument; `names` are what is typed, with the word for its value."""

    names: str
    help: str
    is_option: bool

    @property
    def flag(self) -> str:
        """What an option is called in full."""
        return self.names.split(", ")[-1].split(" ")[0]


@dataclass(frozen=True)
class Command:
    """A command of the program, or one below it (`audit verify`)."""

    name: str
    panel: str
    help: str
    example: str
    usage: str
    parameters: tuple[Parameter, ...]


def commands() -> list[Command]:
    """Return every command, in the order of --help."""
    group = typer.main.get_command(loaded())
    return [found for one in LISTED for found in _described(one.name, one.panel, group.commands[one.name])]  # type: ignore[attr-defined]  # a group


def common() -> list[Parameter]:
    """Return the options that most commands have: they are described once."""
    every = commands()
    counted = Counter(each for command in every for each in command.parameters if each.is_option)
    return [each for each, count in sorted(counted.items(), key=lambda one: one[0].flag) if 2 * count > len(every)]


def _described(name: str, panel: str, command: Any) -> Iterator[Command]:
    inner = getattr(command, "commands", None)
    if inner:
        for below, each in inner.items():
            yield from _described(f"{name} {below}", panel, each)
        return
    parameters = tuple(_parameter(each) for each in command.params if not each.hidden)
    words = [f"[{each.names}]" for each in parameters if not each.is_option]
    example = (command.epilog or "").partition("Example:")[2].strip()
    yield Command(
        name, panel, inspect.cleandoc(command.help or ""), example,
        " ".join([f"secret-bridge {name} [OPTIONS]", *words]), parameters,
    )  # fmt: skip


def _parameter(found: Any) -> Parameter:
    if found.param_type_name == "argument":
        several = "..." if found.nargs != 1 else ""
        return Parameter(f"{found.metavar or found.name.upper()}{several}", found.help or "", is_option=False)
    names = ", ".join([*sorted(found.opts, key=len), *found.secondary_opts])
    value = "" if found.is_flag else f" {found.metavar or 'VALUE'}"
    default = found.default() if callable(found.default) else found.default
    shown = found.show_default and not found.is_flag and default not in (None, (), []) and default != ""
    about = f"{found.help or ''}{f' [default: {_plain(default)}]' if shown else ''}"
    return Parameter(f"{names}{value}", about, is_option=True)


def _plain(value: Any) -> str:
    return str(getattr(value, "value", value))

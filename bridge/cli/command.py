"""The decorator that makes a function a command, and gives it what all commands have in common."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import is_dataclass
from inspect import Parameter, Signature, signature
from typing import Any

import typer

from bridge.cli.app import app
from bridge.cli.options import Verbose
from bridge.cli.runner import configure, usage_errors
from bridge.cli.shown_help import Command

Function = Callable[..., None]


def command(
    panel: str | None = None,
    name: str | None = None,
    *,
    example: str,
    group: typer.Typer = app,
    verbose: bool = True,
) -> Callable[[Function], Function]:
    """Return a decorator that makes a function a command of `group`, in a panel of its --help.

    `example` is a command line for the end of its --help, without the program's name.

    A parameter whose type is a dataclass stands for the dataclass's fields. Each field is an argument or an option of
    the command line, and the function gets them as one object. So a signature names only a command's own options.

    The command configures logging, by --verbose unless `verbose` is False. It prints a `BridgeError` that the function
    raises, as JSON if there is an option --json and it was given.
    """

    def decorate(function: Function) -> Function:
        parameters, groups = _expanded(function)
        if verbose:
            parameters.append(Parameter("verbose", Parameter.KEYWORD_ONLY, default=False, annotation=Verbose))

        @functools.wraps(function)
        def run(**given: Any) -> None:
            configure(verbose=given.pop("verbose", False))
            with usage_errors(json=given.get("json", False)):
                for parameter, (kind, fields) in groups.items():
                    given[parameter] = kind(**{field: given.pop(field) for field in fields})
                function(**given)

        run.__dict__["__signature__"] = Signature(parameters)  # what Typer reads, through `inspect.signature`
        run.__annotations__ = {}  # Typer would evaluate the function's own ones, which the signature has already
        # A backslash keeps the markup of the help from reading brackets in it.
        epilog = f"Example:  secret-bridge {example}".replace("[", "\\[")
        group.command(name, cls=Command, rich_help_panel=panel, epilog=epilog)(run)
        return run

    return decorate


def _expanded(function: Function) -> tuple[list[Parameter], dict[str, tuple[type, tuple[str, ...]]]]:
    """Return a function's parameters with each dataclass replaced by its fields, and these fields' names.

    All of them are for keywords only, because an option without a default may follow one that has one.
    """
    parameters: list[Parameter] = []
    groups: dict[str, tuple[type, tuple[str, ...]]] = {}
    # `eval_str`, because the modules use postponed annotations, which are texts.
    for name, parameter in signature(function, eval_str=True).parameters.items():
        kind = parameter.annotation
        mine: tuple[Parameter, ...] = (parameter,)
        if isinstance(kind, type) and is_dataclass(kind):
            mine = _fields(kind)
            groups[name] = kind, tuple(field.name for field in mine)
        parameters += (each.replace(kind=Parameter.KEYWORD_ONLY) for each in mine)
    return parameters, groups


@functools.cache
def _fields(group: type) -> tuple[Parameter, ...]:
    return tuple(signature(group, eval_str=True).parameters.values())

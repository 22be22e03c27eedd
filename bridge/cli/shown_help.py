"""Commands and groups whose --help shows no type where there is none to choose."""

from __future__ import annotations

from typing import Any

from typer.core import TyperCommand, TyperGroup


def _without_types(parameters: list[Any]) -> list[Any]:
    """Leave out `<bool>` behind flags and `<list[str]>` behind arguments, which are named by what they are."""
    for each in parameters:
        if getattr(each, "is_flag", False):
            each.metavar = ""
        elif each.param_type_name == "argument":
            each.display_type_rich = lambda ctx: None  # noqa: ARG005  # Typer passes it by name
    return parameters


class Command(TyperCommand):
    """A command of ours."""

    def get_params(self, ctx: Any) -> list[Any]:
        """Return the parameters, --help among them, as they are shown."""
        return _without_types(super().get_params(ctx))


class Group(TyperGroup):
    """A command that has commands of its own."""

    def get_params(self, ctx: Any) -> list[Any]:
        """Return the parameters, --help among them, as they are shown."""
        return _without_types(super().get_params(ctx))

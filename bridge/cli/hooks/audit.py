"""The audit record of a command's attempt, if the configuration asks for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from bridge.cli.output import text as show
from bridge.cli.output.console import say
from bridge.fleet.recorded import Asked
from bridge.fleet.recorded import recorded as record

if TYPE_CHECKING:
    import typer

    from bridge.config.settings import Settings
    from bridge.execution.session import Session
    from bridge.model.outcome import Outcome
    from sinks.shared import Shared

# --sink and --key are in the list of sinks, and --json and --verbose change nothing but the output.
TOLD_ELSEWHERE = frozenset({"json", "verbose", "dry_run", "sink", "key", "config", "strategy", "reason"})
"""The options that do not describe the attempt, or that have a key of their own in the record."""


def _was_typed(context: typer.Context, name: str) -> bool:
    """Return whether an option stands on the command line. Defaults and variables of the environment do not."""
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


def _typed(flag: str, value: Any) -> Iterator[str]:
    for each in value if isinstance(value, list | tuple) else (value,):
        yield flag if each is True else f"{flag} {each}"


def asked_by(context: typer.Context) -> Asked:
    """Return the command that Typer's context describes, without the options in `TOLD_ELSEWHERE`.

    A new option of a command is recorded without being listed anywhere.
    """
    given: dict[str, Any] = context.params
    flags = {option.name: option.opts[0] for option in context.command.params if option.opts[0].startswith("--")}
    return Asked(
        command=context.info_name or "?",
        options=tuple(
            text
            for name, value in given.items()
            if name in flags and name not in TOLD_ELSEWHERE and _was_typed(context, name)
            for text in _typed(flags[name], value)
        ),
        strategy=given.get("strategy"),
        reason=given.get("reason") or "",
        dry_run=bool(given.get("dry_run")),
    )


def recorded(
    settings: Settings,
    session: Session,
    asked: Asked,
    work: Callable[[], Outcome | None],
    shared: Shared,
    *,
    quiet: bool,
) -> Outcome | None:
    """Do `work` between the two lines of its audit record (`bridge.fleet.recorded`), and print what it has to say.

    With `quiet`, the anchor of a failure is not printed.

    Raises:
        BridgeError: as there.
    """

    def anchor(text: str) -> None:
        if not quiet:
            say(show.recorded(text), err=True)

    return record(settings, session, asked, work, shared, anchor=anchor, warn=lambda text: say(text, err=True))

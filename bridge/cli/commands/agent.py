"""The command that serves applications: agent."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Annotated

import typer

from bridge.cli.command import command
from bridge.cli.installed import to_install
from bridge.cli.listed import USE
from bridge.cli.options import Config
from bridge.cli.output.console import say
from bridge.cli.select import settings_of
from bridge.model.errors import ATTENTION, Failed, Usage

if TYPE_CHECKING:
    from bridge.config.settings import Settings


@command(USE, example="agent --config agent.toml")
def agent(
    *,
    config: Config = None,
    check: Annotated[
        bool, typer.Option("--check", help="Read the configuration and each secret once, and end.")
    ] = False,
) -> None:
    """Serve tokens to applications on this machine: a token endpoint that tries the candidates."""
    if find_spec("uvicorn") is None:
        raise Failed("the extra 'agent' is not installed (uvicorn missing)", to_install("agent"))
    from bridge.agent import run

    def load() -> Settings:
        settings = settings_of(config)
        if settings is None:
            raise Usage("there is no configuration", hint="name it: --config FILE (BRIDGE_CONFIG)")
        return settings

    if check:
        raise typer.Exit(0 if run.checked(load(), say) else ATTENTION)
    run.run(load, say)

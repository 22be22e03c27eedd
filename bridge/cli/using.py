"""Commands for applications and scripts: read."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from bridge.cli.app import app
from bridge.cli.opening import Typed, chosen, open_places
from bridge.cli.options import USE, Config, Key, Name, Sinks, Verbose
from bridge.cli.run import configure, each
from bridge.cli.say import is_terminal, silence
from bridge.errors import Failed, Refused
from bridge.timing import Timing
from sinks.errors import SinkError
from sinks.versions import Stage

if TYPE_CHECKING:
    from bridge.config.settings import ClientSettings, Settings
    from sinks.secret import Secret


@app.command(rich_help_panel=USE)
def read(
    name: Name,
    *,
    sink: Sinks = None,
    key: Key = None,
    config: Config = None,
    stage: Annotated[Stage, typer.Option(help="Which value: current, fallback or pending.")] = Stage.CURRENT,
    verbose: Verbose = False,
) -> None:
    """Print a stored value on standard output, for scripts; the first place that answers serves it."""
    from bridge.job import translate

    configure(verbose=verbose)
    typed = Typed(tuple(sink or ()), key, config, tenant=False)

    def do(settings: Settings, client: ClientSettings) -> Secret:
        failure: SinkError | None = None
        for uri, place in open_places(settings, client, Timing()).items():
            try:
                value = place.read().value(stage)
            except SinkError as error:
                failure = error
                continue
            if value is None:
                raise Refused(f"there is no {stage} value in {uri}")
            return value
        raise translate(failure) if failure else Refused("no place is named")

    def present(_client: ClientSettings, value: Secret) -> int:
        try:
            sys.stdout.write(value.reveal() + ("\n" if is_terminal(sys.stdout) else ""))
            sys.stdout.flush()
        except OSError as error:
            silence(sys.stdout.fileno())
            raise Failed(f"the value could not be written to standard output ({type(error).__name__})") from None
        return 0

    each(lambda: chosen([name], typed), do, present, json=False)

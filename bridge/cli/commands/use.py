"""The commands for applications and scripts: read, exec."""

from __future__ import annotations

import json as json_text
import os
import signal
import sys
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Annotated

import typer

from bridge.cli.command import command
from bridge.cli.listed import USE
from bridge.cli.output.console import is_terminal, say, silence
from bridge.cli.output.env_files import PREFIX, Format, line, variables
from bridge.cli.runner import each, usage_errors
from bridge.cli.select import OneClient, chosen
from bridge.execution.open import open_readers, variables_of
from bridge.model.errors import BridgeError, Failed, Refused, Usage
from sinks.errors import SinkError
from sinks.versions import Stage

if TYPE_CHECKING:
    from bridge.cli.child_process import Change
    from bridge.config.settings import ClientSettings, Settings
    from sinks.reader import Reader
    from sinks.secret import Secret

Prefix = Annotated[str, typer.Option("--prefix", metavar="TEXT", help="What the variables' names begin with.")]
EVERY = (Stage.CURRENT, Stage.PENDING, Stage.FALLBACK)


@command(USE, example="read billing --stage fallback")
def read(
    client: OneClient,
    *,
    stage: Annotated[
        Stage | None, typer.Option(metavar="STAGE", help="Which value: current (default), fallback or pending.")
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Every value there is; with --json or --format.")] = False,
    json: Annotated[bool, typer.Option("--json", help="One JSON object, with the values in it.")] = False,
    how: Annotated[
        Format | None,
        typer.Option("--format", metavar="FORMAT", help="As variables, one line each: env, dotenv or shell."),
    ] = None,
    prefix: Prefix = PREFIX,
) -> None:
    """Print a stored value on standard output, for scripts. The first sink that answers serves it."""
    with usage_errors():  # they are for people even with --json, which is about the values
        _understood(stage, how, every=every, json=json)
    wanted = EVERY if every else (stage or Stage.CURRENT,)

    def do(settings: Settings, client: ClientSettings) -> tuple[str, dict[Stage, Secret]]:
        return values(settings, client, wanted, PassedOver(client))

    def present(client: ClientSettings, found: tuple[str, dict[Stage, Secret]]) -> int:
        uri, known = found
        if (stage and stage not in known) or not known:
            raise Refused(f"there is no {stage or Stage.CURRENT} value in {uri}")
        _mask(known.values())
        if json:
            told = {each: known[each].reveal() if each in known else None for each in wanted}
            _print([json_text.dumps({"schema": 1, "client_id": client.client_id, "sink": uri, **told})])
        elif how is not None:
            _print([line(n, value, how) for n, value in variables(client.client_id, known, prefix).items()])
        else:
            # Without a line break in a pipe: `$(…)` drops it, but a file or another program would take
            # it for a part of the value.
            _print([known[wanted[0]].reveal()], last="\n" if is_terminal(sys.stdout) else "")
        return 0

    each(lambda: chosen(client, tenant=False), do, present, json=False, looking=True)


@command(USE, "exec", example="exec billing -- python app.py")
def execute(
    client: OneClient,
    command: Annotated[
        list[str], typer.Argument(metavar="COMMAND", help="What to start, with its arguments; put -- before it.")
    ],
    *,
    prefix: Prefix = PREFIX,
    keep_env: Annotated[
        bool, typer.Option("--keep-env", help="Leave the bridge's own credentials in its environment.")
    ] = False,
    on_change: Annotated[
        str | None, typer.Option(metavar="WHAT", help="When the secret changes: restart, or a signal such as HUP.")
    ] = None,
    interval: Annotated[
        int, typer.Option("--every", metavar="SECONDS", min=1, help="How often to look for that.")
    ] = 60,
) -> None:
    """Start a command with the secret in its environment: AUTH0_CLIENT_ID, …_SECRET, …_SECRET_FALLBACK."""
    from bridge.cli.child_process import Supervised, become, cleaned, restart_without_credentials

    change = _change(on_change, interval)
    if change is not None and not keep_env:  # this process stays as the parent, whose first environment is readable
        restart_without_credentials(sys.orig_argv)

    def do(settings: Settings, client: ClientSettings) -> int:
        passed_over = PassedOver(client)

        def given() -> dict[str, Secret]:
            _, found = values(settings, client, (Stage.CURRENT, Stage.FALLBACK), passed_over)
            return variables(client.client_id, found, prefix)

        # The configuration may name any variable as a credential, so the well-known prefixes are not enough.
        hidden = variables_of(settings.tenants, settings.vaults, settings.audit, settings.notify)
        environ = dict(os.environ) if keep_env else cleaned(os.environ, hidden)
        if change is None:
            # It does not return. The application has this process's id, so a supervisor sees its
            # end and its signals reach it.
            become(command, environ, given())
        return Supervised(command, environ, given, change).run()

    each(lambda: chosen(client, tenant=False), do, lambda _client, status: status, json=False)


def _change(what: str | None, interval: int) -> Change | None:
    """Return the reaction to a change of the secret that --on-change names, or None without --on-change.

    Raises:
        Usage: the text is neither `restart` nor a signal.
    """
    from bridge.cli.child_process import Change

    if what is None or what == "restart":
        return Change(None, interval) if what else None
    found = getattr(signal.Signals, f"SIG{what.upper().removeprefix('SIG')}", None)
    if found is None:
        raise Usage(f"--on-change: found '{what}', expected restart, or a signal such as HUP or USR1")
    return Change(found, interval)


class PassedOver:
    """Says on stderr which sinks could not be read, so that another one serves in their place.

    A program that looks again and again says so once, until it changes.
    """

    def __init__(self, client: ClientSettings) -> None:
        self._client = client
        self._said: dict[str, str] = {}

    def __call__(self, serves: str, failed: Mapping[str, SinkError]) -> None:
        """Say which sinks failed. `serves` is the one that the values come from."""
        now = {uri: error.message for uri, error in failed.items()}
        for uri, message in now.items():
            if self._said.get(uri) != message:
                say(f"{self._client.name}: warning: {serves} serves in place of {uri}: {message}", err=True)
        self._said = now


def values(
    settings: Settings, client: ClientSettings, wanted: Iterable[Stage], passed_over: PassedOver
) -> tuple[str, dict[Stage, Secret]]:
    """Return the URI of the first sink that answers, and its values at the `wanted` stages.

    A stage without a value is missing in the result. `passed_over` is told of the sinks before that one.

    Raises:
        BridgeError: no sink can be read. The error is that of the first sink.
    """
    failed: dict[str, SinkError] = {}
    for reader in open_readers(settings, client):
        try:
            found = _stages(reader, set(wanted))
        except SinkError as error:
            failed[reader.uri] = error
            continue
        finally:
            reader.close()
        passed_over(reader.uri, failed)
        return reader.uri, found
    # The first sink is the one that is meant to serve. The error of a spare one would lead away from the cause.
    raise _unread(client, next(iter(failed.values()), None))


def _unread(client: ClientSettings, failure: SinkError | None) -> BridgeError:
    """Return the error where no sink could be read.

    Where the server said that the value is not there, the advice is that of `status` for a sink without one.
    """
    from bridge.execution.snapshot import translate
    from bridge.model.client_ref import ClientRef
    from bridge.planning.advice import NEXT, Trouble

    if failure is None:
        return Refused("no sink is named")
    error = translate(failure)
    if isinstance(error, Refused):
        command = ClientRef(client.client_id, "", client.name, client.sinks).command(NEXT[Trouble.EMPTY])
        return Refused(error.message, (*error.hints, f"to have the value put there: {command}"))
    return error


def _stages(reader: Reader, wanted: set[Stage]) -> dict[Stage, Secret]:
    """Return the values at the `wanted` stages from one sink.

    Pending is read before current, so that a value that is promoted in between is found as current.
    """
    found = {Stage.PENDING: reader.pending().value if Stage.PENDING in wanted else None}
    latest = reader.latest()
    found[Stage.CURRENT] = latest.value
    found[Stage.FALLBACK] = reader.fallback(latest) if Stage.FALLBACK in wanted else None
    return {stage: value for stage in EVERY if stage in wanted and (value := found[stage])}


def _understood(stage: Stage | None, how: Format | None, *, every: bool, json: bool) -> None:
    if every and stage:
        raise Usage("found --all and --stage, expected one of them")
    if json and how:
        raise Usage("found --json and --format, expected one of them")
    if every and not json and not how:
        raise Usage("--all: found neither --json nor --format, expected one of them")


_IN_COMMAND = {ord("%"): "%25", ord("\r"): "%0D", ord("\n"): "%0A"}
"""How a workflow command of GitHub writes what would end it."""


def _mask(known: Iterable[Secret]) -> None:
    # Before the value is printed: the runner masks only what comes after its command. On stderr,
    # because a script reads stdout.
    if os.environ.get("GITHUB_ACTIONS") == "true" and sys.stderr is not None:
        for value in known:
            # A line break would end the command, and what follows would be taken for another one.
            sys.stderr.write(f"::add-mask::{value.reveal().translate(_IN_COMMAND)}\n")
        sys.stderr.flush()


def _print(lines: list[str], last: str = "\n") -> None:
    try:
        sys.stdout.write("\n".join(lines) + last)
        sys.stdout.flush()
    except OSError as error:
        # Python's flush at the exit would fail again, with a traceback and another exit status.
        silence(sys.stdout.fileno())
        raise Failed(f"the value could not be written to standard output ({type(error).__name__})") from None

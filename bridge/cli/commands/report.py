"""The command that reports on all clients: report."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bridge import __version__
from bridge.cli.command import command
from bridge.cli.listed import SECURITY
from bridge.cli.options import JOBS, Jobs
from bridge.cli.output import json as as_json
from bridge.cli.output import text as show
from bridge.cli.output.console import hand_over, is_terminal, say
from bridge.cli.runner import usage_errors, worst
from bridge.cli.select import Clients, chosen
from bridge.execution.open import Common, open_sinks, state_of
from bridge.fleet.jobs import spread
from bridge.model.errors import BridgeError, Failed, Usage
from bridge.model.timing import Timing
from sinks.clock import SystemClock
from sinks.errors import SinkError

if TYPE_CHECKING:
    from bridge.config.settings import ClientSettings, Settings
    from bridge.report.figures import Looked, Report
    from sinks.port import Readable, SinkState

FORMS = ("--csv", "--json", "--prometheus")

Read = tuple["Looked", int]
"""The data that were read about a client, and the exit status that this client alone would give."""


@command(SECURITY, example="report --output report.html")
def report(
    *,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Where to write it, all at once; - or nothing: stdout."),
    ] = None,
    csv: Annotated[bool, typer.Option("--csv", help="A table: one line per client.")] = False,
    json: Annotated[bool, typer.Option("--json", help="One JSON object per client and line.")] = False,
    prometheus: Annotated[bool, typer.Option("--prometheus", help="Metrics in Prometheus' text format.")] = False,
    clients: Clients,
    jobs: Jobs = JOBS,
) -> None:
    """Write how all clients stand as one HTML file, or as CSV, JSON or metrics. Reads metadata only, never a value."""
    form = _form(csv=csv, json=json, prometheus=prometheus)
    file = None if output is None or str(output) == "-" else output
    # Before anything is read, because that may take minutes.
    if form == "html" and file is None and is_terminal(sys.stdout):
        raise Usage("found a terminal, where HTML is of no use", hint="name a file: --output report.html")
    found = chosen(clients, everyone=clients.empty, tenant=False)
    common = Common()
    common.survey_together(found)
    seen = tuple(spread(lambda pair: _look(*pair, common), found, jobs=jobs))
    made = _report(found, [looked for looked, _ in seen])
    _write(_pieces(made, form), file)
    _say_what_came_of_it(made, file)
    raise typer.Exit(worst([status for _, status in seen]))


def _form(*, csv: bool, json: bool, prometheus: bool) -> str:
    found = [name for name, wanted in zip(FORMS, (csv, json, prometheus), strict=True) if wanted]
    with usage_errors():
        if len(found) > 1:
            raise Usage(f"found {' and '.join(found)}, expected one of them", hint="without any it is HTML")
    return found[0].lstrip("-") if found else "html"


def _look(settings: Settings, client: ClientSettings, common: Common) -> Read:
    """Read one client's metadata, as far as it is not known already.

    An error is reported in the client's row, and does not affect other clients. No value is read.
    """
    from bridge.model.client_ref import ClientRef
    from bridge.report.figures import Looked, Unread

    sinks: list[SinkState] = []
    unread: list[Unread] = []
    statuses = {0}
    try:
        opened: list[Readable] = [*open_sinks(settings, client, Timing(), common).values()]
    except Exception as raised:  # noqa: BLE001  # for the same reason as below
        message, status = _told(raised)
        opened, statuses = [], {status}
        unread = [Unread(uri, message) for uri in client.sinks]
    for sink in opened:
        try:
            sinks.append(state_of(sink, settings, common))
        except Exception as raised:  # noqa: BLE001  # one broken vault must not prevent the report
            message, status = _told(raised)
            unread.append(Unread(sink.uri, message))
            statuses.add(status)
    client_ref = ClientRef(client.client_id, "", client.name, client.sinks)
    return Looked(client, client_ref, tuple(sinks), tuple(unread)), worst(statuses)


def _told(raised: Exception) -> tuple[str, int]:
    """Return the message for an exception, and its exit status.

    The text of an unexpected exception is not shown, because it may hold anything.
    """
    from bridge.execution.snapshot import translate

    if isinstance(raised, SinkError):
        return raised.message, translate(raised).exit_status
    if isinstance(raised, BridgeError):
        return raised.message, raised.exit_status
    return f"this should not happen: {type(raised).__name__}; please report it", 1


def _report(clients: list[tuple[Settings, ClientSettings]], looked: list[Looked]) -> Report:
    from bridge.execution.actor import claimed_actor
    from bridge.report.figures import Report, rows, sources

    now = SystemClock().now()
    file = next((str(settings.path) for settings, _ in clients if settings.path), None)
    told = zip((settings for settings, _ in clients), looked, strict=True)
    judged = rows(looked, now, _recorded(looked))
    return Report(now, __version__, claimed_actor(os.environ), file, judged, sources(told))


def _recorded(looked: list[Looked]) -> dict[str, tuple[str, ...]]:
    """Return the findings that `evidence --record` stored in the sinks, for each client that has any.

    The tenant's logs are not asked: a report needs no right at Auth0.
    """
    from bridge.evidence.checkpoint import latest, summed_up

    found: dict[str, tuple[str, ...]] = {}
    for each in looked:
        change = max((state.record.promoted_at for state in each.sinks if state.record), default=None)
        if told := summed_up(latest(state.noted for state in each.sinks), change):
            found[each.client.name] = told
    return found


def _pieces(made: Report, form: str) -> Iterable[str]:
    from bridge.report.page import page
    from bridge.report.prometheus import metrics
    from bridge.report.table import table

    if form == "csv":
        return (table(made),)
    if form == "prometheus":
        return (metrics(made),)
    # One at a time, because there may be thousands, and each is large.
    rows = (as_json.report(row) for row in made.rows)
    if form == "html":
        return page(made, (as_json.line(as_json.shown(row)) for row in rows))  # the page shows these texts to people
    return (f"{as_json.line(row)}\n" for row in rows)


def _write(pieces: Iterable[str], file: Path | None) -> None:
    """Write a text to a file, or to standard output.

    The file is replaced as a whole, so that a concurrent reader, such as node-exporter, sees the old or the new one.

    Raises:
        Failed: the file cannot be written.
    """
    # `backslashreplace`: a lone surrogate in a name must not cost the whole report.
    data = (piece.encode("utf-8", "backslashreplace") for piece in pieces)
    if file is None:
        hand_over(b"".join(data))
        return
    try:
        if file.exists() and not stat.S_ISREG(file.stat().st_mode):
            file.write_bytes(b"".join(data))  # a pipe or /dev/stdout, which must not be replaced by a file
            return
        # In the same directory, because replacing a file is atomic within one file system only. Its name
        # does not end like the file's, so a collector does not read it half-written.
        whole = file.with_name(f".{file.name}.{os.getpid()}.tmp")
        try:
            with whole.open("wb") as opened:
                opened.writelines(data)
            whole.replace(file)
        finally:
            whole.unlink(missing_ok=True)
    except OSError as error:
        raise Failed(f"{file} cannot be written: {error.strerror or type(error).__name__}") from None


def _say_what_came_of_it(made: Report, file: Path | None) -> None:
    # On stderr, because stdout may be the report itself. A scheduled job's log then says what is missing in it.
    for row in made.rows:
        for each in row.unread:
            say(f"{row.status.client}: not read: {each.uri}: {each.why}", err=True)
    told = f"report: {show.clients(len(made.rows))}, {made.attention} need attention, {made.unread} could not be read"
    say(f"{told}; written to {file or 'standard output'}", err=True)

"""Running a function for each client: progress, signals, errors, exit status."""

from __future__ import annotations

import logging
import signal
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

import typer

from bridge.cli.output import json as as_json
from bridge.cli.output import text as show
from bridge.cli.output.console import is_terminal, say
from bridge.config.settings import ClientSettings, Settings
from bridge.model.client_ref import Whose
from bridge.model.errors import BridgeError, Incomplete, Usage
from bridge.model.progress import Stop

SEVERITY = (3, 1, 2, 4, 5, 0)
"""Exit statuses, the most serious first; what several clients end with."""

Chosen = tuple[Settings, ClientSettings]


def configure(*, verbose: bool) -> None:
    """Log our own loggers to stderr; never the root logger: libraries print whole requests at that level."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s %(name)s %(message)s", "%H:%M:%S"))
    logging.getLogger("stamina").setLevel(logging.ERROR)  # it would announce each repetition on stderr
    for name in ("bridge", "sinks"):
        logger = logging.getLogger(name)
        logger.handlers = [handler]
        logger.propagate = False
        logger.setLevel(logging.DEBUG if verbose else logging.WARNING)


@contextmanager
def heeding(stop: Stop) -> Iterator[None]:
    """Turn SIGTERM, SIGHUP and the first Ctrl-C into a request to stop; a second Ctrl-C interrupts."""

    def handle(number: int, _frame: object) -> None:
        if stop.asked and number == signal.SIGINT:
            raise KeyboardInterrupt
        stop.ask()
        say("stopping as soon as it is safe …", err=True)

    numbers = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)  # the last: the terminal was closed
    before = {number: signal.signal(number, handle) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def usage_errors(*, json: bool = False) -> Iterator[None]:
    """End with exit status 2 and every fault on a line of its own."""
    try:
        yield
    except BridgeError as error:
        _report(None, error, json=json)
        raise typer.Exit(error.exit_status) from None


def one_client(option: str, given: str, names: Sequence[str] | None, *, json: bool) -> None:
    """Make sure that an option which names a version stands beside one client: a version is one client's."""
    with usage_errors(json=json):
        if given and len(names or ()) != 1:
            raise Usage(f"{option}: found {len(names or ())} clients, expected one: a version is one client's")


class Listener(Protocol):
    """Whoever wants to know what became of each client, once that is shown."""

    def became(self, settings: Settings, client: ClientSettings, done: Any, /) -> None:
        """Hear what the work returned."""

    def failed(self, settings: Settings, client: ClientSettings, error: BridgeError, /) -> None:
        """Hear how the work failed."""

    def close(self) -> None:
        """Hear that this was all."""


def each(
    choose: Callable[[], list[Chosen]],
    work: Callable[[Settings, ClientSettings], Any],
    present: Callable[[ClientSettings, Any], int | tuple[int, str]],
    *,
    json: bool,
    title: str | None = None,
    after: Callable[[], None] = lambda: None,
    listener: Listener | None = None,
) -> None:
    """Do `work` for each client, `present` what it returns, and exit with the most serious status.

    `present` returns the exit status of one client, and the word for it in the line that scripts look for if that is
    not `title`; without a title there is no such line.
    """
    with usage_errors(json=json):
        clients = choose()
    statuses: list[int] = []
    for settings, client in clients:
        word, error, done = title, None, None
        try:
            shown = present(client, done := work(settings, client))
            status, word = shown if isinstance(shown, tuple) else (shown, title)
        except (Exception, KeyboardInterrupt) as raised:  # noqa: BLE001  # whatever it is, it is told, and the next come
            error = as_error(client, raised)
            status = error.exit_status
            _report(client, error, json=json)
        statuses.append(status)
        if title and not json and not is_terminal(sys.stdout):
            say(f"result={_word(status, word)} client={client.name} exit={status}")
        if listener is not None:
            listener.failed(settings, client, error) if error else listener.became(settings, client, done)
        if isinstance(error, Interrupted):
            break
    after()
    if listener is not None:
        listener.close()
    raise typer.Exit(next((s for s in SEVERITY if s in statuses), max(statuses, default=0)))


class Interrupted(Incomplete):
    """By a second Ctrl-C: no other client comes after it."""


def as_error(client: ClientSettings, error: BaseException) -> BridgeError:
    """Return what to tell the user of an exception; of a bug its place: its text may hold anything."""
    if isinstance(error, BridgeError):
        return error
    whose = Whose(client.client_id, "", client.name, client.sinks)
    if isinstance(error, KeyboardInterrupt):
        return Interrupted("interrupted; it is unknown how far it came", whose.command("resume"))
    where = traceback.extract_tb(error.__traceback__)[-1]
    return Incomplete(
        f"this should not happen: {type(error).__name__} at {where.filename.rpartition('/')[2]}:{where.lineno}",
        f"please report it; then see where things stand: {whose.command('resume')}, {whose.command('verify')}",
    )


def _report(client: ClientSettings | None, error: BridgeError, *, json: bool) -> None:
    if json:
        say(as_json.line(as_json.failure(client, error)))
        return
    for text in show.failed(client, error):
        say(text, err=True)


def _word(status: int, title: str | None) -> str:
    words = {0: title or "done", 1: "failed", 2: "usage", 3: "incomplete", 4: "refused", 5: "attention"}
    return words[status]

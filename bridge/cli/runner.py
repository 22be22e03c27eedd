"""The loop over the clients of a command, with signals, errors, and the exit status."""

from __future__ import annotations

import logging
import os
import signal
import sys
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from typing import Any, Protocol

import typer

from bridge.audit.records import RESULTS
from bridge.cli.output import json as as_json
from bridge.cli.output import text as show
from bridge.cli.output.console import is_terminal, say, say_all
from bridge.config.settings import ClientSettings, Settings
from bridge.fleet.errors import Ceased, Interrupted, NotBegun, as_error, with_origin
from bridge.fleet.jobs import Crew, Done, Order, in_order
from bridge.model.errors import ATTENTION, BridgeError
from bridge.model.printable import printable
from bridge.model.progress import Stop

# The order of ADR 14: what may have left something behind comes before what certainly has not.
SEVERITY = (3, 1, 2, 4, ATTENTION, 0)
"""The exit statuses from the most serious to the least. Several clients end with the most serious of theirs."""

STOPPING = "stopping as soon as it is safe …"

Chosen = tuple[Settings, ClientSettings]
"""A client that the user named, with the settings that it belongs to."""


def tenant_of(pair: Chosen) -> str:
    """Return the tenant of a client. Clients of one tenant share its limits, and others do not wait for them."""
    return pair[1].tenant


class _OneLine(logging.Formatter):
    """Formats a record as one line, because a logged text may be foreign as well."""

    def format(self, record: logging.LogRecord) -> str:
        return printable(super().format(record))


def configure(*, verbose: bool) -> None:
    """Send the logs of the bridge to stderr: everything if `verbose`, else warnings only.

    The root logger is left alone, because libraries log whole requests at the level of debugging.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_OneLine("%(asctime)s %(name)s %(message)s", "%H:%M:%S"))
    logging.getLogger("stamina").setLevel(logging.ERROR)  # it would print a line on stderr for each retry
    for name in ("bridge", "sinks"):
        logger = logging.getLogger(name)
        logger.handlers = [handler]
        logger.propagate = False
        logger.setLevel(logging.DEBUG if verbose else logging.WARNING)


@contextmanager
def heeding(stop: Stop) -> Iterator[None]:
    """Turn SIGTERM, SIGHUP and the first Ctrl-C into a request to stop, while the context is open.

    A second Ctrl-C raises `KeyboardInterrupt`. The former handlers are restored at the end.
    """

    def handle(number: int, _frame: object) -> None:
        if stop.asked and number == signal.SIGINT:
            raise KeyboardInterrupt
        stop.ask()
        try:
            if is_terminal(sys.stderr):
                say("", err=True)  # the terminal shows ^C where the cursor is, which may be behind a bar
            say(STOPPING, err=True)
        except RuntimeError:
            # The signal came while this thread was writing to stderr. Python does not enter a buffer twice.
            with suppress(OSError):
                os.write(2, f"{STOPPING}\n".encode())

    # A process that dies between two writes leaves an interruption. A request to stop lets it
    # give back or publish first.
    numbers = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)  # SIGHUP: the terminal was closed
    before = {number: signal.signal(number, handle) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def usage_errors(*, json: bool = False) -> Iterator[None]:
    """Print a `BridgeError` that is raised inside, and end the process with its exit status.

    Usage errors end with 2, with every fault on a line of its own, or as one JSON object with `json`.
    """
    try:
        yield
    except BridgeError as error:
        _report(None, error, json=json)
        raise typer.Exit(error.exit_status) from None


class Listener(Protocol):
    """An observer that learns the result of each client, after it was shown.

    It must not raise. `settings` is the configuration that the client belongs to.
    """

    def became(self, settings: Settings, client: ClientSettings, done: Any, /) -> None:
        """Take what the work for a client returned.

        It may be None if there was nothing to do.
        """

    def failed(self, settings: Settings, client: ClientSettings, error: BridgeError, /) -> None:
        """Take the error of a client whose work failed.

        Unexpected exceptions arrive as a `BridgeError`, too (`as_error`).
        """

    def close(self) -> None:
        """Finish, because no further client follows.

        It is also called after an interruption.
        """


Work = Callable[[Settings, ClientSettings], Any]
Present = Callable[[ClientSettings, Any], "int | tuple[int, str]"]


def each(
    choose: Callable[[], list[Chosen]],
    work: Work,
    present: Present,
    *,
    json: bool,
    title: str | None = None,
    looking: bool = False,
    after: Callable[[], None] = lambda: None,
    closing: Callable[[Mapping[str, int]], None] = lambda _: None,
    listener: Listener | None = None,
    jobs: int = 1,
    order: Order[Chosen] | None = None,
    stop: Stop | None = None,
) -> None:
    """Do `work` for each chosen client, `present` its result, and end the process with the most serious exit status.

    An error of one client is shown, and the next client follows, unless the user interrupted. `present` returns the
    client's exit status, alone or with the word for the line `result=WORD client=NAME exit=STATUS`, which scripts read.
    The word is `title` otherwise, and without a title there is no such line. A status in `RESULTS` has its own word.
    `after` is called after the last client, and `closing` with how many clients there were of each word. With
    `looking`, `work` changes nothing, and an interruption leaves nothing.

    `jobs` clients are worked on at a time, each in a thread. Everything else happens in this one: a client is presented
    when it is done, with `looking` in the order of the clients. `order` says which client is next. Signals ask `stop`
    meanwhile.
    """
    with usage_errors(json=json):
        clients = choose()
    shown = _Shown(present, json, title, looking, listener)
    crew: Crew[Chosen] = Crew(lambda pair: work(*pair), min(jobs, len(clients) or 1), order or Order(tenant_of))
    with heeding(stop) if stop else nullcontext():
        results = crew.results(clients)
        for done in in_order(results) if looking else results:
            if isinstance(shown.take(done), Interrupted | Ceased):
                crew.interrupt()
    after()
    closing(shown.words)
    if listener is not None:
        listener.close()
    raise typer.Exit(worst(shown.statuses))


@dataclass
class _Shown:
    """What was shown of the clients of one command, and the exit status of each."""

    present: Present
    json: bool
    title: str | None
    looking: bool
    listener: Listener | None
    statuses: list[int] = field(default_factory=list)
    words: Counter[str] = field(default_factory=Counter)

    def take(self, found: Done[Chosen]) -> BridgeError | None:
        """Show what became of one client, and tell the listener. Return its error, if it has one."""
        settings, client = found.item
        word, error, done = self.title, None, None
        try:
            shown = self.present(client, done := found.value())
            status, word = shown if isinstance(shown, tuple) else (shown, self.title)
        except (Exception, KeyboardInterrupt) as raised:  # noqa: BLE001  # it is shown, and the next clients follow
            error = with_origin(settings, client, as_error(client, raised, looking=self.looking))
            status = error.exit_status
            _report(client, error, json=self.json)
        self.statuses.append(status)
        word = RESULTS.get(status, word or "shown")
        self.words["not-begun" if isinstance(error, NotBegun) else word] += 1
        if self.title and not self.json and not is_terminal(sys.stdout):
            say(f"result={word} client={client.name} exit={status}")
        if self.listener is not None:
            if error:
                self.listener.failed(settings, client, error)
            else:
                self.listener.became(settings, client, done)
        return error


def worst(statuses: Collection[int]) -> int:
    """Return the most serious exit status, or the highest if none of them is the bridge's own.

    Without any status it is 0.
    """
    return next((status for status in SEVERITY if status in statuses), max(statuses, default=0))


def _report(client: ClientSettings | None, error: BridgeError, *, json: bool) -> None:
    if json:
        say(as_json.line(as_json.failure(client, error)))
        return
    say_all(show.failed(client, error), err=True)

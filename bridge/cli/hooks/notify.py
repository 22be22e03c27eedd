"""Notifications of each client's result, or of the state of all clients, to the configured destinations.

Once the work has begun, a failure to notify is printed and changes nothing else.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING, Any

from bridge.cli.output import json as as_json
from bridge.cli.output import text as show
from bridge.cli.output.console import say_all
from bridge.cli.runner import Chosen, heeding
from bridge.config.references import resolve
from bridge.model.errors import BridgeError, Usage
from bridge.model.progress import Stop

if TYPE_CHECKING:
    from bridge.config.settings import ClientSettings, NotifySettings, Settings
    from bridge.evidence.judge import Evidence
    from bridge.model.outcome import Outcome
    from bridge.notify.events import Event, Message
    from bridge.notify.post import Post
    from bridge.planning.status import Status

EXTRA = "apprise"
MOST = 50
"""The number of clients that a message lists one by one. Its fields for programs hold all of them."""


def require(settings: Settings | None, *, wanted: bool = False) -> None:
    """Check that notifications can be sent, if the configuration has destinations for them.

    `wanted` means that the user asked for notifications by --notify. Then there must be at least one destination.

    Raises:
        Usage: there is no destination although one is wanted, or the extra 'notify' is not installed.
    """
    from importlib.util import find_spec

    if settings is None or not settings.notify:
        if wanted:
            where = f"in {settings.path}" if settings and settings.path else "without a configuration file"
            raise Usage(f"--notify: there is no [[notify]] {where}", hint="it names whom to tell: see bridge.toml")
    # Found out before the work: afterwards the operation is done, and its message would be lost.
    elif find_spec(EXTRA) is None:
        from bridge.cli.installed import to_install

        raise Usage(f"notify: the extra 'notify' is not installed ({EXTRA} is missing)", hint=to_install("notify"))


def unexpected(wrong: str) -> str:
    """Return the line for a message that was not sent because of a bug: an exception of this class."""
    return f"not notified: this should not happen: {wrong}; please report it"


class Teller:
    """The common part of `News` and `Look`: the check beforehand, the sending, and the wait at the end.

    `command` is the command's name, and `stop` the request to stop that shortens the last wait. With `off`, nothing is
    sent.
    """

    def __init__(self, command: str, stop: Stop | None = None, *, off: bool = False) -> None:
        self._command = command
        self._stop = stop or Stop()
        self._off = off
        self._post: Post | None = None
        self._wrong: str | None = None
        self._sending = threading.Lock()

    def check(self, chosen: Iterable[tuple[Settings, ClientSettings]], *, wanted: bool = False) -> None:
        """Check before the work that notifications can be sent for all the chosen clients (`require`).

        Raises:
            Usage: they cannot be sent.
        """
        if not self._off:
            for settings, _ in chosen:
                require(settings, wanted=wanted)

    def deliver(self) -> None:
        """Wait until what was sent is delivered, at most as long as `Post.finish` does, and print what was not.

        It may be called from any thread, and more messages may follow.
        """
        with self._sending:
            post, self._post = self._post, None
            wrong, self._wrong = self._wrong, None
        lost = post.finish(lambda: self._stop.asked) if post else []
        say_all([*lost, *([unexpected(wrong)] if wrong else [])], err=True)

    def _send(self, to: Iterable[NotifySettings], message: Message) -> None:
        from bridge.notify.post import Post

        if self._post is None:
            # Only with the first message, because most looks find nothing to report.
            self._post = Post(partial(resolve, environ=os.environ))
        self._post.send([each.url for each in to], message)

    def _safely(self, work: Callable[[], None]) -> None:
        """Call `work`, and only note its failure.

        A notification must not affect an operation, so even a bug in here ends up as a line on stderr.
        """
        try:
            if not self._off:
                work()
        except Exception as error:  # noqa: BLE001  # only its class is shown, because its text may hold anything
            self._wrong = type(error).__name__

    def _finish(self) -> None:
        """Wait until all messages are delivered, within the limits of `Post`, and print those that were not.

        It never raises. The exit status does not depend on it.
        """
        try:
            with heeding(self._stop):
                lost = self._post.finish(lambda: self._stop.asked) if self._post else []
        except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001  # as above. A second Ctrl-C ends the wait
            lost, self._wrong = [], type(error).__name__
        if self._wrong:
            lost.append(unexpected(self._wrong))
        say_all(lost, err=True)

    def _fields(self, **told: Any) -> dict[str, Any]:
        """Return the fields for programs: the command and the actor, which every message has, and those `told`.

        The actor is what the process claims, as in locks and histories.
        """
        from bridge.execution.actor import claimed_actor

        return {"command": self._command, "actor": claimed_actor(os.environ), **told}


class News(Teller):
    """Notifies of the result of each client, after it was shown and recorded.

    It is a `Listener` of commands that change something.
    """

    def became(self, settings: Settings, _client: ClientSettings, done: Outcome | None) -> None:
        """Notify of an operation that raised nothing.

        `done` is None if there was nothing to do. There is no message then, nor for an outcome
        without an event (`of_outcome`).
        """
        self._safely(lambda: self._became(settings, done))

    def failed(self, settings: Settings, client: ClientSettings, error: BridgeError) -> None:
        """Notify of an operation that raised an error.

        The message is the text that the terminal shows, word by word.
        """
        self._safely(lambda: self._failed(settings, client, error))

    def close(self) -> None:
        """Wait until the messages are delivered.

        It waits at most as long as `Post.finish`.
        """
        self._finish()

    def _became(self, settings: Settings, done: Outcome | None) -> None:
        from bridge.notify.events import of_outcome

        event = of_outcome(done) if done and settings.notify else None
        if done is not None and event is not None:
            # "rotated in 33 s" as a title would hide that the user has to act.
            words = str(event) if done.exit_status else show.headline(done).removeprefix(done.client).strip()
            self._tell(settings, event, (done.client, words), show.outcome(done), as_json.outcome(done))

    def _failed(self, settings: Settings, client: ClientSettings, error: BridgeError) -> None:
        from bridge.notify.events import OF_STATUS

        if settings.notify:
            event = OF_STATUS[error.exit_status]
            words = (client.name, f"{self._command} {show.title(error)}")
            self._tell(settings, event, words, show.failed(client, error), as_json.failure(client, error))

    def _tell(
        self, settings: Settings, event: Event, title: tuple[str, str], body: Iterable[str], details: dict[str, Any]
    ) -> None:
        from bridge.notify import events

        to = [each for each in settings.notify if event in each.on]
        if not to:
            return
        told = {key: details.get(key) for key in ("client", "client_id", "rotation", "result", "exit")}
        fields = self._fields(**told, details=as_json.plain(details))
        by = f"{self._command} by {fields['actor']}"
        named = events.title("secret-bridge:", *title)
        self._send(to, events.Message(event, named, events.text([*body, "", by]), fields))


class Look(Teller):
    """Notifies of the state of all clients, in one message for each destination.

    It is a `Listener` of commands that only read (--notify). A destination gets a message only if there is an event
    that it wants.
    """

    def __init__(self, command: str, *, wanted: bool) -> None:
        super().__init__(command, off=not wanted)
        self._found: list[tuple[Settings, Event, str, dict[str, Any]]] = []

    def became(self, settings: Settings, client: ClientSettings, done: Status | Evidence) -> None:
        """Note the state of a client, or the evidence about it.

        Nothing is sent yet, because all clients go into one message.
        """
        self._safely(lambda: self._note(settings, client, done))

    def failed(self, settings: Settings, client: ClientSettings, error: BridgeError) -> None:
        """Note that a client could not be read.

        It is an event of its own (`failed`), because silence about a client must not look like good news.
        """
        from bridge.notify.events import Event

        text = " ".join(show.failed(None, error))
        self._safely(lambda: self._add(settings, Event.FAILED, client, text, as_json.failure(client, error)))

    def close(self) -> None:
        """Send the messages, and wait until they are delivered.

        Without an event that a destination wants, it gets no message.
        """
        self._safely(self._tell_all)
        self._finish()

    def at(self, choose: Callable[[], list[Chosen]]) -> Callable[[], list[Chosen]]:
        """Return `choose` with a check that notifications can be sent for the chosen clients.

        The returned function raises `Usage` if they cannot be sent.
        """

        def checked() -> list[Chosen]:
            chosen = choose()
            self.check(chosen, wanted=True)
            return chosen

        return checked

    def _note(self, settings: Settings, client: ClientSettings, done: Status | Evidence) -> None:
        from bridge.evidence.judge import Evidence, told
        from bridge.notify.events import Event, of_status

        if isinstance(done, Evidence):
            if done.stale:
                text = f"an old value is still used: {'; '.join(told(source) for source in done.stale)}"
                self._add(settings, Event.FALLBACK_USED, client, text, as_json.evidence(client, done))
        elif (event := of_status(done)) is not None:
            text = f"{done.state}   -> {done.next}" if done.next else done.state
            self._add(settings, event, client, text, as_json.status(done))

    def _add(
        self, settings: Settings, event: Event, client: ClientSettings, text: str, details: dict[str, Any]
    ) -> None:
        fields = {"event": str(event), "client": client.name, "client_id": client.client_id, "details": details}
        self._found.append((settings, event, f"{client.name}  {text}", as_json.plain(fields)))

    def _tell_all(self) -> None:
        from bridge.notify import events

        order = list(events.Event)
        settings = {id(found[0]): found[0] for found in self._found}
        for mine in settings.values():
            for each in mine.notify:
                wanted = [f for f in self._found if f[0] is mine and f[1] in each.on]
                if wanted:
                    # The most urgent first, because the message has its event as its own, and a
                    # cut message loses its end.
                    wanted.sort(key=lambda found: order.index(found[1]))
                    self._send([each], self._summary(wanted))

    def _summary(self, found: list[tuple[Settings, Event, str, dict[str, Any]]]) -> Message:
        from bridge.notify import events

        event = found[0][1]
        lines = [f"{kind.upper() if kind is events.Event.INCOMPLETE else kind}: {text}" for _, kind, text, _ in found]
        if len(lines) > MOST:
            # Services refuse or cut long messages. The fields for programs have all clients.
            lines[MOST:] = [f"and {len(lines) - MOST} more"]
        count = show.clients(len(found))
        title = events.title("secret-bridge:", f"{event}: {count}" if len({f[1] for f in found}) == 1 else count)
        fields = self._fields(clients=[told for *_, told in found])
        return events.Message(event, title, events.text(lines), fields)

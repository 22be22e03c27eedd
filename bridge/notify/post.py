"""Hands messages to the messenger in the background, and reports at the end which were not delivered."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from datetime import timedelta
from queue import SimpleQueue

from bridge.model.errors import BridgeError
from bridge.notify.events import Message
from sinks.errors import SinkError
from sinks.own_process import hide_environment
from sinks.secret import Secret

# Longer than the messenger's attempts for one message take (8 s), so that a slow service is not given
# up in the middle of its last one.
LIMIT = timedelta(seconds=15)
"""How long to wait after the last message. Messages that are not delivered by then are given up."""
HURRIED = timedelta(seconds=5)
"""How long to wait when the process was asked to stop."""
NO_ANSWER = "no answer in time"
"""The reason for a message that was neither delivered nor refused in time."""
KEPT = frozenset(
    {
        *("PATH", "HOME", "LANG", "LANGUAGE", "TZ", "TMPDIR", "LD_LIBRARY_PATH", "PYTHONHOME"),
        *("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "all_proxy", "no_proxy"),
        *("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "PYTHONDONTWRITEBYTECODE"),
    }
)
"""The environment variables that the messenger gets. They say how to reach a service, and none is a credential."""

Letter = tuple[int, str, Message]
"""The number of a message, the reference of its URL, and the message."""


class Post:
    """The messages of one run, on their way to the messenger.

    No method raises because of a message, and `send` does not block. `resolve` returns the URL that a reference names.
    The messenger's process starts with the first message.
    """

    def __init__(self, resolve: Callable[[str], Secret], limit: timedelta = LIMIT) -> None:
        self._resolve = resolve
        self._limit = limit.total_seconds()
        self._letters: SimpleQueue[Letter | None] = SimpleQueue()
        self._owed: dict[int, str] = {}
        self._why: dict[str, str] = {}
        self._urls: dict[str, Secret | None] = {}
        self._child: subprocess.Popen[str] | None = None
        self._thread = threading.Thread(target=self._work, name="notify", daemon=True)

    def send(self, references: Iterable[str], message: Message) -> None:
        """Queue a message for each destination, without blocking.

        `references` name the URLs of the destinations. They are resolved in the background.
        """
        for reference in references:
            # What is owed is noted before it is queued, so the thread's answer always finds its entry.
            number = len(self._owed)
            self._owed[number] = reference
            self._letters.put((number, reference, message))
            if not self._thread.is_alive() and number == 0:  # a thread can be started only once
                self._thread.start()

    def close(self) -> None:
        """Announce that no more messages follow, without waiting for their delivery.

        A call to `finish` includes it.
        """
        self._letters.put(None)

    def finish(self, asked: Callable[[], bool] = lambda: False) -> list[str]:
        """Wait until everything is delivered, at most for `limit`, and return what was lost.

        That is one line for each destination that missed a message. `asked` says whether the process was asked to stop.
        Then the wait is short, and the messenger is left running: it ends by itself. Otherwise it is killed at the
        limit.
        """
        self.close()
        if not self._owed:
            return []
        begun = time.monotonic()
        while self._thread.is_alive() and time.monotonic() - begun < self._patience(asked()):
            self._thread.join(0.05)
        # After a request to stop the messenger is left alone: it needs no terminal and ends by its own alarm.
        if self._thread.is_alive() and not asked():
            self._kill()
            self._thread.join(1.0)
        lost = Counter(reference for reference in self._owed.values() if reference)
        return [
            f"not notified: {reference}: {self._why.get(reference, NO_ANSWER)}{f' ({count} messages)' * (count > 1)}"
            for reference, count in lost.items()
        ]

    def _patience(self, asked: bool) -> float:  # noqa: FBT001  # one use
        return min(self._limit, HURRIED.total_seconds()) if asked else self._limit

    def _work(self) -> None:
        """Hand over every letter, then collect the answers.

        It runs in a thread of its own, so that resolving a reference in a vault that hangs does
        not hold up an operation.
        """
        try:
            while (letter := self._letters.get()) is not None:
                self._hand_over(*letter)
            if self._child is not None:
                self._collect(self._child)
        except Exception as error:  # noqa: BLE001  # an error of any kind ends up in the report of `finish`
            for reference in self._owed.values():
                self._why.setdefault(reference, f"it could not be sent ({type(error).__name__})")
        finally:
            self._kill()

    def _hand_over(self, number: int, reference: str, message: Message) -> None:
        """Write one message to the messenger, which is started if needed.

        A URL that cannot be resolved is noted in `_why`, and its message counts as lost.
        """
        url = self._url(reference)
        if url is None:
            return
        if self._child is None:
            self._child = _started(os.environ)
        letter = {"number": number, "message": message.wire()}
        if (inlet := self._child.stdin) is not None:
            with suppress(BrokenPipeError):  # the messenger died, so unanswered messages count as lost
                # The URL goes through the pipe: neither arguments nor environment may hold it.
                inlet.write(json.dumps({**letter, "url": url.reveal()}) + "\n")
                inlet.flush()

    def _url(self, reference: str) -> Secret | None:
        """Return the URL that a reference names, or None after noting why there is none.

        Each is resolved once, so a vault that is down is asked once for all messages of a run.
        """
        if reference not in self._urls:
            try:
                self._urls[reference] = self._resolve(reference)
            except (BridgeError, SinkError) as error:
                self._urls[reference], self._why[reference] = None, error.message.removeprefix(f"{reference}: ")
            except Exception as error:  # noqa: BLE001  # a bug, whose text may hold a secret
                self._urls[reference], self._why[reference] = None, f"it cannot be read ({type(error).__name__})"
        return self._urls[reference]

    def _collect(self, child: subprocess.Popen[str]) -> None:
        """Close the messenger's input, wait for its end, and note which messages were delivered.

        A messenger that exceeds the limit is killed. What it had reported until then still counts.
        """
        try:
            out, _ = child.communicate(timeout=self._limit)  # closes its input first
        except subprocess.TimeoutExpired:
            child.kill()
            out, _ = child.communicate()
        for line in out.splitlines():
            with suppress(ValueError):  # its end may have cut a line short
                answer = json.loads(line)
                if answer["why"] is None:
                    self._owed[answer["number"]] = ""
                else:
                    self._why[self._owed[answer["number"]]] = answer["why"]

    def _kill(self) -> None:
        if self._child is not None and self._child.poll() is None:
            self._child.kill()


def _started(environ: Mapping[str, str]) -> subprocess.Popen[str]:
    """Start the messenger from where this process was loaded, never from the working directory.

    A module in the working directory could otherwise stand in for the real one, and see the URLs.
    """
    # `-P` keeps the working directory off the search path, and only whole paths are passed on.
    path = os.pathsep.join(entry for entry in sys.path if os.path.isabs(entry))  # noqa: PTH117  # a text, as it is
    # The environment holds the operator's credentials, and the messenger runs code of many services' authors.
    # It could also read them as its parent's.
    hide_environment()
    kept = {name: value for name, value in environ.items() if name in KEPT or name.startswith("LC_")}
    return subprocess.Popen(
        [sys.executable, "-P", "-c", "from bridge.notify.messenger import main; main()"],
        env={**kept, "PYTHONPATH": path},
        cwd="/",
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        encoding="utf-8",
        start_new_session=True,  # Ctrl-C at a terminal is meant for the operation only
    )

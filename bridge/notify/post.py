"""Hands messages to the messenger in the background, and tells in the end which of them were not taken."""

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
from sinks.secret import Secret

LIMIT = timedelta(seconds=15)
"""After the last message: whatever was not delivered by then is given up."""
HURRIED = timedelta(seconds=5)
"""So long for somebody who was asked to stop."""
NO_ANSWER = "no answer in time"
KEPT = frozenset(
    {
        *("PATH", "HOME", "LANG", "LANGUAGE", "TZ", "TMPDIR", "LD_LIBRARY_PATH", "PYTHONHOME"),
        *("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "all_proxy", "no_proxy"),
        *("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "PYTHONDONTWRITEBYTECODE"),
    }
)
"""The variables that the messenger gets: how to reach a service, and no credentials."""

Letter = tuple[int, str, Message]
"""Its number, the reference of the URL, and what to say."""


class Post:
    """Messages on their way. Nothing here raises for a message's sake, and `send` waits for nobody.

    `resolve` returns the URL that a reference names. The process starts with the first message.
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
        """Have a message delivered to each of these."""
        for reference in references:
            number = len(self._owed)
            self._owed[number] = reference
            self._letters.put((number, reference, message))
            if not self._thread.is_alive() and number == 0:
                self._thread.start()

    def close(self) -> None:
        """Let it end by itself: nothing more is sent."""
        self._letters.put(None)

    def finish(self, asked: Callable[[], bool] = lambda: False) -> list[str]:
        """Wait until all is delivered, or for `limit`; once `asked` to stop, for a moment only.

        Returns what was not, one line for each destination. Whoever was asked to stop leaves the messenger behind:
        it ends by itself.
        """
        self.close()
        if not self._owed:
            return []
        begun = time.monotonic()
        while self._thread.is_alive() and time.monotonic() - begun < self._patience(asked()):
            self._thread.join(0.05)
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
        try:
            while (letter := self._letters.get()) is not None:
                self._hand_over(*letter)
            if self._child is not None:
                self._collect(self._child)
        except Exception as error:  # noqa: BLE001  # whatever it is: what was not delivered is told
            for reference in self._owed.values():
                self._why.setdefault(reference, f"it could not be sent ({type(error).__name__})")
        finally:
            self._kill()

    def _hand_over(self, number: int, reference: str, message: Message) -> None:
        url = self._url(reference)
        if url is None:
            return
        if self._child is None:
            self._child = _started(os.environ)
        letter = {"number": number, "message": message.wire()}
        if (inlet := self._child.stdin) is not None:
            with suppress(BrokenPipeError):  # it died: what it did not answer counts as lost
                inlet.write(json.dumps({**letter, "url": url.reveal()}) + "\n")
                inlet.flush()

    def _url(self, reference: str) -> Secret | None:
        if reference not in self._urls:
            try:
                self._urls[reference] = self._resolve(reference)
            except (BridgeError, SinkError) as error:
                self._urls[reference], self._why[reference] = None, error.message.removeprefix(f"{reference}: ")
            except Exception as error:  # noqa: BLE001  # its text may hold anything
                self._urls[reference], self._why[reference] = None, f"it cannot be read ({type(error).__name__})"
        return self._urls[reference]

    def _collect(self, child: subprocess.Popen[str]) -> None:
        """Say that this is all, wait, and note what was delivered."""
        try:
            out, _ = child.communicate(timeout=self._limit)  # closes its input first
        except subprocess.TimeoutExpired:
            child.kill()
            out, _ = child.communicate()
        for line in out.splitlines():
            with suppress(ValueError):  # a line cut short by its end
                answer = json.loads(line)
                if answer["why"] is None:
                    self._owed[answer["number"]] = ""
                else:
                    self._why[self._owed[answer["number"]]] = answer["why"]

    def _kill(self) -> None:
        if self._child is not None and self._child.poll() is None:
            self._child.kill()


def _started(environ: Mapping[str, str]) -> subprocess.Popen[str]:
    """Start the messenger from where this process was loaded, never from the working directory."""
    path = os.pathsep.join(entry for entry in sys.path if os.path.isabs(entry))  # noqa: PTH117  # a text, as it is
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
        start_new_session=True,  # Ctrl-C at a terminal means the operation, not this
    )

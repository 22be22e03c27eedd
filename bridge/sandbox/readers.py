"""The two applications of the demo.

One tries every candidate, and the other one only ever sees the latest value.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import httpx

from sinks.port import Sink, Stage
from sinks.secret import Secret

PAUSE = 0.02  # seconds between token requests
ORDER = (Stage.CURRENT, Stage.PENDING, Stage.FALLBACK)
"""The stages in the order in which their values are tried."""
UNAUTHORISED = 401


class Reader(threading.Thread):
    """A thread that asks for tokens without a break.

    With `candidates` it tries every stage, and reads the sink again after a refusal until `patience` seconds have
    passed. Without, it tries only the current value, which it reads once a second.

    `asked` counts the tokens that it wanted, `refused` those that it did not get, and `more` those that took more than
    one request. `slowest` is the longest time for one of them, in seconds.
    """

    def __init__(self, url: str, client_id: str, sink: Sink, *, candidates: bool, patience: float) -> None:
        super().__init__(daemon=True)
        self._http = httpx.Client(base_url=url, timeout=5, trust_env=False)
        self._client_id = client_id
        self._sink = sink
        self._candidates = candidates
        self._patience = patience
        self._ended = threading.Event()
        self._values: list[Secret] = []
        self.asked = self.refused = self.more = 0
        self.slowest = 0.0

    def run(self) -> None:
        """Ask for tokens until `end` is called."""
        refresh = 0.0
        while not self._ended.is_set():
            if not self._candidates and time.monotonic() >= refresh:
                self._read()
                refresh = time.monotonic() + 1.0
            started = time.monotonic()
            attempts = self._acquire(started)
            self.asked += 1
            self.refused += attempts == 0
            self.more += attempts > 1
            self.slowest = max(self.slowest, time.monotonic() - started)
            self._ended.wait(PAUSE)

    def end(self) -> None:
        """Stop asking, and wait until the thread has ended.

        It may take as long as one request, because the thread finishes what it has begun.
        """
        self._ended.set()
        self.join()
        self._http.close()

    def _read(self) -> None:
        state = self._sink.read()
        values = [state.value(stage) for stage in (ORDER if self._candidates else ORDER[:1])]
        self._values = [value for value in values if value is not None]

    def _acquire(self, started: float) -> int:
        """Return how many requests it took to get a token, or 0 if none was to be had.

        It follows the order that docs/guide/applications.md gives to applications.
        """
        attempts = 0
        while True:
            for value in list(self._values):
                attempts += 1
                if self._token(value):
                    # In the window of a change the winner is the likelier one next time, too.
                    self._values.sort(key=lambda other: other != value)  # the winner comes first from now on
                    return attempts
            if not self._candidates or time.monotonic() - started > self._patience:
                return 0
            self._read()
            time.sleep(0.01 * min(attempts, 10))

    def _token(self, value: Secret) -> bool:
        answer = self._http.post(
            "/oauth/token",
            json={
                "grant_type": "client_credentials",
                "audience": "https://api.acme",
                "client_id": self._client_id,
                "client_secret": value.reveal(),
            },
        )
        # Only a 401 is about the secret.
        return answer.status_code != UNAUTHORISED


def running(readers: list[Reader]) -> Callable[[], None]:
    """Start readers, and return a function that ends them.

    The function waits until all of their threads have ended, so their figures do not change after it.
    """
    for reader in readers:
        reader.start()

    def end() -> None:
        for reader in readers:
            reader.end()

    return end

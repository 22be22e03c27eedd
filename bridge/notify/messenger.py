"""The messenger: a separate process that delivers messages, so that no service can delay or harm the caller.

It reads one JSON object per line from standard input, `{"number", "url", "message"}`. For each it writes `{"number",
"why"}` to standard output, where `why` is null if the message was accepted. It ends when its input has ended and
everything is delivered, or at the latest by its own alarm. Nothing else leaves the process: the logs and prints of
libraries are discarded.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import sys
import threading
from queue import SimpleQueue
from typing import Any, TextIO

# It is longer than the caller waits, so a service that is slow but works still gets its message.
LIFE = 20  # seconds from the end of the input to the alarm, however many messages are left
UNKNOWN, NOT_TAKEN = "its value is not a URL that apprise understands", "it did not take the message"


def main() -> None:
    """Deliver every message from standard input.

    The messages of one destination are delivered in order. Destinations do not wait for each other.
    """
    # Libraries log URLs, and these hold the credentials of the services.
    logging.disable(logging.CRITICAL)
    # Standard output is kept for the answers alone. A print by a library then goes to the null device.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    guard = threading.Lock()
    # One thread for each destination, because a service that hangs must not delay the others.
    queues: dict[str, SimpleQueue[dict[str, Any] | None]] = {}
    threads: list[threading.Thread] = []
    for line in sys.stdin:
        letter = json.loads(line)
        if letter["url"] not in queues:
            mine = queues[letter["url"]] = SimpleQueue()
            threads.append(threading.Thread(target=_serve, args=(letter["url"], mine, answers, guard), daemon=True))
            threads[-1].start()
        queues[letter["url"]].put(letter)
    # By default SIGALRM ends the process, whatever state a library's threads are in.
    signal.alarm(LIFE)
    for each in queues.values():
        each.put(None)
    for thread in threads:
        thread.join()
    answers.flush()
    os._exit(0)  # a service may have left threads, which would keep the process alive


def _serve(url: str, letters: SimpleQueue[dict[str, Any] | None], answers: TextIO, guard: threading.Lock) -> None:
    """Deliver the messages of one destination until the queue ends with None.

    It runs in a thread of its own, and keeps the opened destination from one message to the next.
    """
    destination = None
    while (letter := letters.get()) is not None:
        destination, why = _delivered(destination, url, letter["message"])
        with guard:
            answers.write(json.dumps({"number": letter["number"], "why": why}) + "\n")
            answers.flush()


def _delivered(destination: Any, url: str, message: dict[str, Any]) -> tuple[Any, str | None]:
    """Deliver one message, and return the destination for the next one and the reason for a failure.

    The reason is None if the message was accepted. It never holds the URL.
    """
    try:
        # Imported here, so that an import error is answered like any other failure.
        from bridge.notify.deliver import Destination, NotTaken, Unknown

        destination = destination or Destination(url)
        destination.send(message)
    except NotTaken:
        return destination, NOT_TAKEN
    except Unknown:
        return None, UNKNOWN
    except Exception as error:  # noqa: BLE001  # a service's own, and its text may hold the URL
        return destination, f"{NOT_TAKEN} ({type(error).__name__})"
    return destination, None

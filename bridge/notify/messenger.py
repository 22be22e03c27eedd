"""The messenger: a process of its own that delivers what it reads, so that no service can hold up or harm ours.

It reads one JSON object per line from standard input, `{"number", "url", "message"}`, and answers on standard output
with `{"number", "why"}`, null where the message was taken. At the end of its input it finishes, or is ended by its own
alarm. Nothing else leaves it: libraries log and print into nothing.
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

LIFE = 20  # seconds after the end of the input, however many messages are left
UNKNOWN, NOT_TAKEN = "its value is not a URL that apprise understands", "it did not take the message"


def main() -> None:
    """Deliver everything, each destination's messages in their order and independent of the others'."""
    logging.disable(logging.CRITICAL)
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    guard = threading.Lock()
    queues: dict[str, SimpleQueue[dict[str, Any] | None]] = {}
    threads: list[threading.Thread] = []
    for line in sys.stdin:
        letter = json.loads(line)
        if letter["url"] not in queues:
            mine = queues[letter["url"]] = SimpleQueue()
            threads.append(threading.Thread(target=_serve, args=(letter["url"], mine, answers, guard), daemon=True))
            threads[-1].start()
        queues[letter["url"]].put(letter)
    signal.alarm(LIFE)
    for each in queues.values():
        each.put(None)
    for thread in threads:
        thread.join()
    answers.flush()
    os._exit(0)  # whatever threads a service has left


def _serve(url: str, letters: SimpleQueue[dict[str, Any] | None], answers: TextIO, guard: threading.Lock) -> None:
    destination = None
    while (letter := letters.get()) is not None:
        destination, why = _delivered(destination, url, letter["message"])
        with guard:
            answers.write(json.dumps({"number": letter["number"], "why": why}) + "\n")
            answers.flush()


def _delivered(destination: Any, url: str, message: dict[str, Any]) -> tuple[Any, str | None]:
    """Deliver one message; return the destination for the next one, and why it failed."""
    try:
        from bridge.notify.deliver import Destination, NotTaken, Unknown

        destination = destination or Destination(url)
        destination.send(message)
    except NotTaken:
        return destination, NOT_TAKEN
    except Unknown:
        return None, UNKNOWN
    except Exception as error:  # noqa: BLE001  # a service's own; its text may hold the URL
        return destination, f"{NOT_TAKEN} ({type(error).__name__})"
    return destination, None

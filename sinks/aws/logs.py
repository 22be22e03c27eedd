"""Keeps what the bridge sends and receives out of the logs of AWS's libraries.

At level DEBUG these libraries quote whole requests and answers: secrets, and the credentials of an assumed role. An
application that embeds this package may set that level. Its own calls are logged as usual.
"""

from __future__ import annotations

import importlib.util
import logging
import pkgutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

LIBRARIES = ("boto3", "botocore", "urllib3")
CONTENT = "SecretString"
"""A record that quotes it holds a secret's text, whoever made the call."""
_OURS: ContextVar[bool] = ContextVar("sinks.aws.logs", default=False)


@contextmanager
def unsaid() -> Iterator[None]:
    """Mark everything inside as a call of the bridge."""
    token = _OURS.set(True)
    try:
        yield
    finally:
        _OURS.reset(token)


class _Unsaid(logging.Filter):
    """Drops records of the bridge's own calls at level DEBUG, and everybody's that quote a secret's text."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether a record may be logged. One above DEBUG may, without its traceback if it is the bridge's."""
        ours = _OURS.get()
        if record.levelno > logging.DEBUG:
            if ours:  # a traceback can quote what was sent, for example a header that is not valid
                record.exc_info, record.exc_text = None, None
            return True
        return not ours and CONTENT not in record.getMessage()


_UNSAID = _Unsaid()


def install() -> None:
    """Put the filter on the loggers of all modules of the libraries. A second call changes nothing."""
    # On each of them: a logger does not apply the filters of its parents.
    for library in LIBRARIES:
        found = importlib.util.find_spec(library)
        for name in (library, *_modules(found.submodule_search_locations or () if found else (), f"{library}.")):
            logging.getLogger(name).addFilter(_UNSAID)


def _modules(path: Iterable[str], prefix: str) -> Iterator[str]:
    """Yield the names of all modules below a path, without loading them."""
    for directory in path:
        for found in pkgutil.iter_modules([directory], prefix):
            yield found.name
            if found.ispkg:
                yield from _modules([f"{directory}/{found.name.rpartition('.')[2]}"], f"{found.name}.")

from __future__ import annotations

import pytest

from sinks import errors
from sinks.errors import Busy, SinkError

KINDS = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, SinkError)]


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_printed_of_an_error_is_its_message(kind: type[SinkError]) -> None:
    more = (None, "wait") if kind is Busy else ("wait",)
    error = kind("a is held", *more)
    assert str(error) == error.message == "a is held"
    assert error.hint == "wait"

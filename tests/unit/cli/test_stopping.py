"""A signal that comes at the worst moment."""

from __future__ import annotations

import io
import os
import signal
import sys

import pytest

from bridge.cli.output.console import say
from bridge.cli.runner import STOPPING, heeding
from bridge.model.progress import Stop


class Signalled(io.RawIOBase):
    """A stream whose first write is interrupted by SIGTERM."""

    def __init__(self) -> None:
        self.written = b""

    def writable(self) -> bool:
        return True

    def write(self, told: object) -> int:
        if not self.written:
            self.written = b"-"
            os.kill(os.getpid(), signal.SIGTERM)
        self.written += bytes(told)  # type: ignore[call-overload]  # a buffer
        return len(memoryview(told))  # type: ignore[arg-type]


def test_a_signal_that_comes_while_a_line_is_printed_is_a_request_to_stop(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    raw, stop = Signalled(), Stop()
    monkeypatch.setattr(sys, "stderr", io.TextIOWrapper(io.BufferedWriter(raw), "utf-8"))
    with heeding(stop):
        say("stage", err=True)
    sys.stderr.flush()
    assert stop.asked
    assert raw.written.decode().startswith("-stage\n")
    assert STOPPING in raw.written.decode() + capfd.readouterr().err

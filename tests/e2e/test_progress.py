"""What is shown while a command waits: a bar, if somebody sits at a terminal."""

from __future__ import annotations

import io
import sys
from datetime import timedelta

import pytest

from bridge.cli.output.progress import Lines

WAIT = timedelta(seconds=20)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_on_a_terminal_each_waiting_has_a_bar_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys, "stderr", terminal := Terminal())
    lines = Lines()
    for why in ("until it has spread", "until readers know it"):
        for left in (WAIT, WAIT / 2, timedelta()):
            lines.waiting(left, WAIT, why)
        assert f"wait     {why}" in terminal.getvalue()


def test_elsewhere_in_silence_and_for_a_moment_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", terminal := Terminal())
    Lines().waiting(WAIT / 100, WAIT / 100, "for a moment")
    Lines(quiet=True).waiting(WAIT, WAIT, "in silence")
    assert terminal.getvalue() == ""
    monkeypatch.setattr(sys, "stderr", log := io.StringIO())
    Lines().waiting(WAIT, WAIT, "in a log")
    assert log.getvalue() == ""

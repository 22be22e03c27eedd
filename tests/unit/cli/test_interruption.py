"""Ctrl-C in a command: what is told must be true, and the next client is not begun."""

from __future__ import annotations

from typing import Any

import pytest
import typer

from bridge.cli.runner import each
from tests.unit.cli.foreign import BILLING


def interrupted(capsys: pytest.CaptureFixture[str], *, looking: bool) -> tuple[int, str, int]:
    """Interrupt the first of two clients; return the exit status, what was printed, and how many were begun."""
    begun: list[Any] = []

    def work(_settings: Any, client: Any) -> None:
        begun.append(client)
        raise KeyboardInterrupt

    settings: Any = type("Settings", (), {"tenants": {}, "path": None})()
    with pytest.raises(typer.Exit) as ended:
        each(lambda: [(settings, BILLING)] * 2, work, lambda *_: 0, json=False, looking=looking)
    return ended.value.exit_code, capsys.readouterr().err, len(begun)


def test_a_command_that_only_looks_leaves_nothing_to_settle(capsys: pytest.CaptureFixture[str]) -> None:
    status, told, begun = interrupted(capsys, looking=True)
    assert (status, begun) == (1, 1)
    assert "Failed: interrupted" in told
    assert "Nothing was changed." in told
    assert "resume" not in told


def test_one_that_may_have_changed_something_names_resume(capsys: pytest.CaptureFixture[str]) -> None:
    status, told, begun = interrupted(capsys, looking=False)
    assert (status, begun) == (3, 1)
    assert "INCOMPLETE" in told
    assert "secret-bridge resume billing" in told

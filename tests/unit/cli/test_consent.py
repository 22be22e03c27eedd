"""What one answer for all clients of a command covers."""

from __future__ import annotations

import io
import sys
import threading

import pytest
import typer

from bridge.cli.consent import Consent
from bridge.model.errors import Refused
from bridge.model.operation import Operation
from bridge.model.plan import Plan

HARMLESS, CREATES = Plan(Operation.SETTLE, ()), Plan(Operation.ADOPT, (), creates=("aws://x/y",))
FOR_GOOD = Plan(Operation.RETIRE, (), irreversible="it can never be read again")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def agrees(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal())
    monkeypatch.setattr(typer, "confirm", lambda *_, **__: True)


def asked(agree: Consent, plan: Plan) -> bool:
    """Return whether a plan is agreed to, in a thread that works on one of several clients."""
    found: list[bool] = []

    def work() -> None:
        try:
            found.append(agree(plan))
        except Refused:
            found.append(False)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join(10)
    return found[0]


def test_an_answer_about_what_can_be_undone_is_none_about_what_cannot() -> None:
    agree = Consent(yes=False, always=True, deed="It stays readable.")
    assert not asked(agree, HARMLESS)
    agree.for_all(20)
    assert [asked(agree, plan) for plan in (HARMLESS, CREATES, FOR_GOOD)] == [True, True, False]


def test_an_answer_about_what_cannot_be_undone_covers_it() -> None:
    agree = Consent(yes=False, deed="It can never be read again.")
    assert not asked(agree, FOR_GOOD)
    agree.for_all(20)
    assert asked(agree, FOR_GOOD)


def test_without_a_terminal_what_cannot_be_undone_is_refused_once_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    with pytest.raises(Refused, match=r"no terminal\. It can never be read again\."):
        Consent(yes=False, deed="It can never be read again.").for_all(20)
    Consent(yes=True, deed="It can never be read again.").for_all(20)
    Consent(yes=False, always=True, deed="It stays readable.").for_all(20)  # each that needs it is asked about

"""Messages on their way: what a service does costs nobody an operation, and shows no secret."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest

from bridge.config.settings import EVENTS
from bridge.notify import post as posting
from bridge.notify.events import SEVERITY, Event, Message
from bridge.notify.post import LIMIT, Post
from sinks.references import resolve
from tests.unit.notify.conftest import TOKEN
from tests.unit.notify.receiver import ERROR, GARBAGE, HANG, OK, REDIRECT, RESET, TRICKLE, Receiver, receiver

SAID = Message(Event.ROTATED, "billing: rotated", "first line\nsecond line", {"client": "billing", "exit": 0})


Send = Callable[..., list[str]]


@pytest.fixture
def send(hook: Receiver) -> Send:
    """Send messages to the receiver; return what was said of failures."""

    def sent(*messages: Message, to: tuple[str, ...] = ("env:HOOK",), asked: bool = False, limit: timedelta = LIMIT,
             ) -> list[str]:  # fmt: skip
        post = Post(partial(resolve, environ=os.environ), limit)
        for message in messages or (SAID,):
            post.send(to, message)
        return post.finish(lambda: asked)

    return sent


def test_a_message_arrives_once_with_its_fields_beside_its_text(hook: Receiver, send: Send) -> None:
    assert send() == []
    (got,) = hook.messages
    assert (got["title"], got["message"]) == (SAID.title, SAID.body)
    assert {"schema": 1, "event": "rotated", "client": "billing", "exit": 0, "id": SAID.id}.items() <= got.items()
    assert got["type"] == "success"
    assert hook.got[0].path == f"/{TOKEN}"


def test_several_messages_to_one_place_come_in_their_order_by_one_process(hook: Receiver, send: Send) -> None:
    assert send(*(Message(Event.FAILED, f"number {n}", "…") for n in range(5))) == []
    assert [got["title"] for got in hook.messages] == [f"number {n}" for n in range(5)]


def test_a_service_that_fails_once_is_asked_again(hook: Receiver, send: Send) -> None:
    hook.behaviours = [ERROR, OK]
    assert send() == []
    assert len(hook.got) == 2
    assert len({got["id"] for got in hook.messages}) == 1  # so that it can tell


@pytest.mark.parametrize("behaviour", [ERROR, RESET, GARBAGE])
def test_a_service_that_goes_on_failing_is_named_by_its_reference(hook: Receiver, send: Send, behaviour: str) -> None:
    hook.behaviours = [behaviour]
    assert send() == ["not notified: env:HOOK: it did not take the message"]
    assert len(hook.got) == 3


def test_nothing_is_sent_to_where_a_service_redirects(hook: Receiver, send: Send) -> None:
    hook.behaviours = [REDIRECT]
    assert send() == ["not notified: env:HOOK: it did not take the message"]
    assert {got.path for got in hook.got} == {f"/{TOKEN}"}


@pytest.mark.parametrize("behaviour", [HANG, TRICKLE])
def test_a_service_that_never_ends_its_answer_is_given_up_at_the_limit(
    hook: Receiver, send: Send, behaviour: str
) -> None:
    hook.behaviours = [behaviour]
    begun = time.monotonic()
    (told,) = send(limit=timedelta(seconds=6))
    assert time.monotonic() - begun < 6 + 2
    assert told.startswith("not notified: env:HOOK: ")


def test_a_hanging_service_holds_up_no_other(hook: Receiver, send: Send, monkeypatch: pytest.MonkeyPatch) -> None:
    with receiver() as other:
        monkeypatch.setenv("OTHER", other.url())
        hook.behaviours = [HANG]
        (told,) = send(to=("env:HOOK", "env:OTHER"), limit=timedelta(seconds=6))
        assert told.startswith("not notified: env:HOOK: ")
        assert len(other.messages) == 1


def test_who_was_asked_to_stop_waits_for_a_moment_only(hook: Receiver, send: Send) -> None:
    hook.behaviours = [HANG]
    begun = time.monotonic()
    assert send(asked=True) != []
    assert time.monotonic() - begun < ((posting.HURRIED + posting.LIMIT) / 2).total_seconds()  # nearer to the former


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (None, "the variable is not set"),
        ("", "the variable is empty"),
        (f"no-such-service://{TOKEN}", "its value is not a URL that apprise understands"),
        (TOKEN, "its value is not a URL that apprise understands"),
    ],
    ids=["not set", "empty", "unknown service", "no URL"],
)
def test_a_url_that_cannot_be_used_is_told_and_never_shown(
    send: Send, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], value: str | None, told: str
) -> None:
    monkeypatch.delenv("HOOK") if value is None else monkeypatch.setenv("HOOK", value)
    assert send() == [f"not notified: env:HOOK: {told}"]
    assert capfd.readouterr() == ("", "")


def test_the_messenger_gets_no_credentials_and_nothing_of_the_working_directory(
    hook: Receiver, send: Send, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("VAULT_TOKEN", "s.secret")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "apprise.py").write_text("raise SystemExit('hijacked')")
    assert send() == []
    started = posting._started({"VAULT_TOKEN": "s.secret", "HOOK": "x", "PATH": "/bin"})
    environ = Path(f"/proc/{started.pid}/environ").read_bytes()
    started.communicate("")
    assert b"s.secret" not in environ
    assert b"HOOK" not in environ


def test_one_that_dies_is_told_as_no_answer(hook: Receiver, send: Send, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(posting.sys, "executable", "/bin/false")
    assert send() == ["not notified: env:HOOK: no answer in time"]


def test_the_events_of_the_configuration_are_those_that_there_are() -> None:
    assert list(EVENTS) == [str(event) for event in Event]
    assert set(SEVERITY) == set(Event)

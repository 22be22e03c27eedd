"""apprise's own Slack plugin, against the receiver: nobody's name is markup, nobody is called."""

from __future__ import annotations

import html
from typing import Any

import pytest
from apprise.plugins.slack import NotifySlack

from bridge.notify.deliver import Destination, NotTaken, Unknown, harmless
from bridge.notify.events import Event, Message, text, title
from tests.unit.notify.receiver import ERROR, Receiver

pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")  # apprise's own

URL = "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7"
BLOCK = """INCOMPLETE billing: rotate r-525f9da5
  Why          no usable answer (ReadTimeoutError) & <nothing> *more*
  Began        r-525f9da5 begun 2026-11-23T05:57:52.000Z by ada@build-7
  Do           secret-bridge resume billing      (safe to repeat, from any machine)"""
NASTY = ["<script>alert(1)</script>", "*bold* _it_ ~no~ `code`", "@channel", "<!channel>", "<!here|x>", "<@U123>",
         "<https://evil.example|click>", "@everyone", "&lt;!channel&gt;"]  # fmt: skip


@pytest.fixture
def slack(hook: Receiver, monkeypatch: pytest.MonkeyPatch) -> Destination:
    monkeypatch.setattr(NotifySlack, "webhook_url", f"http://127.0.0.1:{hook.port}/services")
    return Destination(URL)


def sent(hook: Receiver) -> tuple[dict[str, Any], dict[str, Any]]:
    (got,) = hook.messages
    (attachment,) = got["attachments"]
    return got, attachment


def test_the_block_arrives_word_by_word_as_plain_text(slack: Destination, hook: Receiver) -> None:
    slack.send(Message(Event.INCOMPLETE, "secret-bridge: billing", BLOCK).wire())
    got, attachment = sent(hook)
    assert html.unescape(attachment["text"]).rstrip() == BLOCK
    assert got["mrkdwn"] is False
    assert attachment["footer"] == "secret-bridge"
    assert "github" not in hook.got[0].body
    assert hook.got[0].path == "/services/T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7"


@pytest.mark.parametrize("nasty", NASTY)
def test_a_name_or_a_reason_calls_nobody_and_is_no_markup(slack: Destination, hook: Receiver, nasty: str) -> None:
    slack.send(Message(Event.FAILED, title("secret-bridge:", nasty), text([f"{nasty}: Failed: {nasty}"])).wire())
    got, attachment = sent(hook)
    for shown in (attachment["text"], attachment["title"]):
        assert "<" not in shown  # what Slack takes for a mention or a link begins so
        assert "@channel" not in shown
        assert "@everyone" not in shown
    assert got["mrkdwn"] is False
    assert "link_names" not in got
    assert "parse" not in got


def test_a_reason_cannot_forge_another_line() -> None:
    forged = text(["billing: Failed: one\nINCOMPLETE orders\r\n  Do  rm\u2028x\x1b[31mred\u202e"])
    assert forged == r"billing: Failed: one\nINCOMPLETE orders\r\n  Do  rm\u2028x\x1b[31mred\u202e"


def test_a_name_stays_what_it_is_where_nobody_is_called() -> None:
    assert (
        harmless("by ada@build-7, channel #ops, a@here.example") == "by ada@build-7, channel #ops, a@\u200bhere.example"
    )


def test_slack_that_refuses_is_told(slack: Destination, hook: Receiver) -> None:
    hook.behaviours = [ERROR]
    with pytest.raises(NotTaken):
        slack.send(Message(Event.FAILED, "x", "y").wire())


def test_slacks_own_address_of_a_webhook_is_understood() -> None:
    Destination("https://hooks.slack.com/services/T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7")


@pytest.mark.parametrize("url", ["mailtos://u:p@mail.example?to=ops@acme.example", "pagerduty://I@A", "jsons://h/p"])
def test_the_addresses_that_the_page_shows_are_understood(url: str) -> None:
    Destination(url)


def test_what_is_no_address_is_told() -> None:
    with pytest.raises(Unknown):
        Destination("nothing like that")

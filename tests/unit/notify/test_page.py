"""docs/guide/notifications.md against the code."""

from __future__ import annotations

import tomllib
from datetime import timedelta
from pathlib import Path

from bridge.config.load import build
from bridge.config.settings import EVENTS
from bridge.notify import deliver, post
from tests.docs.pages import DOCS, fences, keys, section, spans, tables
from tests.e2e.world import World
from tests.unit.notify.receiver import Receiver
from tests.unit.notify.setting import configured, run

PAGE = DOCS / "guide" / "notifications.md"


def test_every_event_is_told_and_no_other() -> None:
    assert sorted(keys(tables(section(PAGE, "Events"))[0])) == sorted(EVENTS)


def test_its_configuration_is_one() -> None:
    (example,) = fences(PAGE, "toml")
    slack, pager = build(tomllib.loads(example.text), Path("bridge.toml"), {}).notify
    assert (slack.url, slack.on) == ("env:SLACK_URL", EVENTS)
    assert (pager.url, pager.on) == ("file:/run/secrets/pager_url", ("incomplete", "failed", "overdue"))


def test_the_keys_of_the_webhook_are_those_that_are_sent(live: World, hook: Receiver, tmp_path: Path) -> None:
    live.fill()
    assert run(configured(live, tmp_path), "rotate", "--adopt", "--no-wait").status == 0
    (got,) = hook.messages
    assert set(got) == set(keys(tables(section(PAGE, "The webhook"))[0]))
    assert got["attachments"] == []


def test_its_limits_are_the_codes() -> None:
    text = section(PAGE, "What it costs, and what it never does")
    assert timedelta(seconds=15) == post.LIMIT
    assert timedelta(seconds=5) == post.HURRIED
    assert (deliver.ATTEMPTS, deliver.IN_ALL) == (3, 8.0)
    assert all(word in text for word in ("three times within 8 s", "for 15 s at the most", "for 5 s"))
    assert "`details`" in spans_of(section(PAGE, "The webhook"))


def spans_of(text: str) -> set[str]:
    return {f"`{span}`" for span in spans(text)}

"""What an application tells when it met another value than current."""

from __future__ import annotations

import logging
import re
import subprocess
import sys
import time
from datetime import timedelta
from typing import Any

import pytest

from bridge.consumer import Event, Kind, Notifications
from tests.docs.pages import DOCS, ROOT, fences
from tests.e2e.clock import Shifted
from tests.e2e.world import MakeWorld
from tests.unit.notify.conftest import TOKEN
from tests.unit.notify.receiver import ERROR, Receiver

USED = Event(Kind.FALLBACK_USED, "AbC123", "vault://secret/apps/billing", "8", "a reason")


def arrived(hook: Receiver, count: int = 1) -> list[dict[str, Any]]:
    """Wait until so many messages are there."""
    end = time.monotonic() + 30
    while len(hook.got) < count and time.monotonic() < end:
        time.sleep(0.05)
    return hook.messages


def test_a_fallback_that_was_used_is_told_once_an_hour(hook: Receiver) -> None:
    clock = Shifted()
    notify = Notifications("env:HOOK", clock=clock)
    for _ in range(5):
        notify(USED)
    (got,) = arrived(hook)
    assert got["event"] == "fallback-used"
    assert (got["client_id"], got["sink"], got["current"]) == ("AbC123", "vault://secret/apps/billing", "8")
    assert "fallback used: a reason" in got["message"]
    clock.advance(timedelta(hours=1))
    notify(USED)
    assert len(arrived(hook, 2)) == 2


def test_that_every_value_was_refused_is_told_as_failed(hook: Receiver) -> None:
    Notifications("env:HOOK")(Event(Kind.ALL_REFUSED, "AbC123", "vault://secret/apps/billing"))
    assert arrived(hook)[0]["event"] == "failed"


@pytest.mark.parametrize("kind", [Kind.REFRESHED, Kind.PENDING_USED, Kind.READ_FAILED])
def test_what_a_rotation_looks_like_is_not_told(hook: Receiver, kind: Kind) -> None:
    heard: list[Event] = []
    Notifications("env:HOOK", then=heard.append)(Event(kind, "AbC123", "vault://x/y"))
    time.sleep(0.2)
    assert hook.got == []
    assert [event.kind for event in heard] == [kind]


def test_the_application_never_waits_and_a_failure_is_logged_without_the_url(
    hook: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    hook.behaviours = [ERROR]
    begun = time.monotonic()
    with caplog.at_level(logging.DEBUG):
        Notifications("env:HOOK")(USED)
        assert time.monotonic() - begun < 1
        end = time.monotonic() + 30
        while "not notified" not in caplog.text and time.monotonic() < end:
            time.sleep(0.05)
    assert "not notified: env:HOOK: it did not take the message" in caplog.text
    assert TOKEN not in caplog.text


def test_without_the_extra_it_says_so_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "apprise", None)
    with pytest.raises(ImportError, match=re.escape("pip install '.[notify]'")):
        Notifications("env:HOOK")


def test_it_loads_apprise_into_no_application() -> None:
    code = (
        "import sys; from bridge.consumer import Notifications; Notifications('env:X'); print('apprise' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_the_example_of_the_page_tells_of_a_fallback_that_was_used(
    make_world: MakeWorld, hook: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On real servers: the vault is ahead of Auth0, so the application finds the value from before."""
    monkeypatch.setenv("SLACK_URL", hook.url(TOKEN))
    world = make_world(ends="vault")
    world.fill()
    world.rotate(adopt=True)
    world.tenant.set_in_dashboard(world.client_id, world.s0)
    world.spread()
    (shown,) = [
        fence.text for fence in fences(DOCS / "guide" / "applications.md", "python") if "Notifications(" in fence.text
    ]
    names: dict[str, Any] = {}
    code = shown.replace("AbC123", world.client_id).replace("vault://secret/apps/billing", world.vault.uri)
    exec(code, names)  # our own page
    for candidate in names["secret"].candidates():
        if candidate.reveal() == world.live:
            candidate.accepted()
            break
    names["secret"].close()
    (got,) = arrived(hook)
    assert (got["event"], got["sink"]) == ("fallback-used", world.vault.uri)
    assert world.s0 not in hook.got[0].body

"""What whom the configuration names is told by commands that change something."""

from __future__ import annotations

import re
import sys
import time
from datetime import timedelta
from pathlib import Path

import pytest

from bridge.notify import post
from tests.e2e.command import Ended, execute
from tests.e2e.world import World
from tests.unit.notify.conftest import TOKEN
from tests.unit.notify.receiver import ERROR, HANG, Receiver, receiver
from tests.unit.notify.setting import TO_HOOK, configured, run


@pytest.fixture
def adopted(hasty: World) -> World:
    return managed(hasty)


def managed(world: World) -> World:
    """Have a client's sinks adopted."""
    world.fill()
    world.adopt()
    world.spread()
    return world


def told(hook: Receiver, event: str) -> dict[str, object]:
    """Return the only message, which is of this event."""
    (got,) = hook.messages
    assert got["event"] == event
    return got


def clean(done: Ended, world: World) -> None:
    for secret in (TOKEN, world.live, world.s0, world.own.client_secret):
        assert secret not in done.told


def test_a_rotation_sends_one_message_with_what_the_terminal_shows(
    adopted: World, hook: Receiver, tmp_path: Path
) -> None:
    done = run(configured(adopted, tmp_path), "rotate", "--no-wait")
    assert done.status == 0, done.err
    got = told(hook, "rotated")
    assert (got["client"], got["client_id"], got["result"], got["exit"]) == ("billing", adopted.client_id, "done", 0)
    assert (got["command"], got["schema"]) == ("rotate", 1)
    assert str(got["rotation"]).startswith("r-")
    shown = done.out[: done.out.index("result=")].strip()
    assert shown in str(got["message"])
    assert "billing rotated in" in str(got["title"])
    assert isinstance(got["details"], dict)
    assert got["details"]["sinks"]
    clean(done, adopted)
    assert all(secret not in hook.got[0].body for secret in (TOKEN, adopted.live, adopted.s0))


def test_an_incomplete_rotation_sends_its_block_word_by_word(adopted: World, hook: Receiver, tmp_path: Path) -> None:
    adopted.tenant.fault("error-after", method="PATCH", count=100)
    done = run(configured(adopted, tmp_path), "rotate", "--no-wait")
    assert done.status == 3, done.told
    lines = done.err.splitlines()
    begin = next(number for number, line in enumerate(lines) if line.startswith("INCOMPLETE billing"))
    block = [lines[begin], *(line for line in lines[begin + 1 :] if line.startswith("  "))]
    assert {line.split()[0] for line in block} >= {"INCOMPLETE", "Why", "Production", "Stored", "Began", "Do", "Don't"}
    got = told(hook, "incomplete")
    assert str(got["message"]).startswith("\n".join(block) + "\n")
    assert got["type"] == "failure"
    assert got["details"]["next"] == "secret-bridge resume billing"  # type: ignore[index]  # an object
    clean(done, adopted)


def test_a_failure_and_a_refusal_are_told_apart(adopted: World, hook: Receiver, tmp_path: Path) -> None:
    path = configured(adopted, tmp_path)
    adopted.tenant.fault("error-before", method="GET", count=100)
    assert run(path, "rotate", "--no-wait").status == 1
    adopted.tenant.clear_faults()
    assert run(path, "adopt", "--repair").status in (0, 4)
    assert run(path, "retire", "--yes").status == 0  # there is no fallback: nothing to tell of
    assert run(path, "rotate", "--no-wait").status == 0
    assert run(path, "retire", "--yes").status == 4
    events = [got["event"] for got in hook.messages]
    assert (events[0], events[-1]) == ("failed", "refused")
    assert "rotated" in events
    assert "may be retired" in hook.messages[-1]["message"] or "until" in hook.messages[-1]["message"]


def test_a_client_whose_credentials_are_missing_is_told_of(
    adopted: World, hook: Receiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = configured(adopted, tmp_path)
    monkeypatch.delenv("AUTH0_CLIENT_SECRET")
    assert run(path, "rotate").status == 2
    assert told(hook, "failed")["result"] == "usage"


def test_a_hook_that_fails_wants_attention(adopted: World, hook: Receiver, tmp_path: Path) -> None:
    path = configured(adopted, tmp_path, more='after = ["false"]')
    assert run(path, "rotate", "--no-wait").status == 5
    assert "after hook failed" in str(told(hook, "attention")["message"])


def test_a_retirement_is_told(adopted: World, hook: Receiver, tmp_path: Path) -> None:
    path = configured(adopted, tmp_path, more='fallback_min_age = "0s"')
    assert run(path, "rotate", "--no-wait").status == 0
    hook.got.clear()
    adopted.clock.advance(timedelta(minutes=1))
    done = run(path, "retire", "--yes", "--force", "--reason", "a test")
    assert done.status == 0, done.told
    told(hook, "retired")


@pytest.mark.parametrize("options", [("--dry-run",), ("--json", "--dry-run")], ids=" ".join)
def test_a_dry_run_tells_nobody(adopted: World, hook: Receiver, tmp_path: Path, options: tuple[str, ...]) -> None:
    assert run(configured(adopted, tmp_path), "rotate", *options).status == 0
    assert hook.got == []


def test_each_destination_gets_its_events_only(
    adopted: World, hook: Receiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with receiver() as pager:
        monkeypatch.setenv("PAGER", pager.url())
        both = TO_HOOK + '[[notify]]\nurl = "env:PAGER"\non = ["incomplete", "overdue"]\n'
        path = configured(adopted, tmp_path, both)
        assert run(path, "rotate", "--no-wait").status == 0
        assert (len(hook.got), len(pager.got)) == (1, 0)
        adopted.tenant.fault("error-after", method="PATCH", count=100)
        assert run(path, "rotate", "--no-wait").status == 3
        assert (len(hook.got), [got["event"] for got in pager.messages]) == (2, ["incomplete"])


@pytest.mark.parametrize("behaviour", [HANG, ERROR])
def test_a_receiver_that_fails_costs_the_rotation_nothing_but_a_line(
    adopted: World, hook: Receiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, behaviour: str
) -> None:
    limit = timedelta(seconds=8)
    monkeypatch.setattr(post.Post.__init__, "__defaults__", (limit,))
    hook.behaviours = [behaviour]
    begun = time.monotonic()
    done = run(configured(adopted, tmp_path), "rotate", "--no-wait")
    assert time.monotonic() - begun < limit.total_seconds() + 15
    assert done.status == 0, done.told
    assert "result=rotated client=billing exit=0" in done.out
    (line,) = [line for line in done.err.splitlines() if "not notified" in line]
    assert line.startswith("not notified: env:HOOK: ")
    clean(done, adopted)


def test_a_url_that_cannot_be_had_fails_nothing_either(
    adopted: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = run(configured(adopted, tmp_path), "rotate", "--no-wait")
    assert done.status == 0, done.told
    assert "not notified: env:HOOK: the variable is not set" in done.err


def test_without_the_extra_nothing_is_begun(
    adopted: World, hook: Receiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "apprise", None)  # as if it were not installed
    before = adopted.live
    done = run(configured(adopted, tmp_path), "rotate", "--no-wait")
    assert done.status == 2
    assert re.search(r"pip install .*\[notify\]", done.err)
    assert adopted.live == before
    assert run(configured(adopted, tmp_path), "status").status == 0  # who changes nothing needs it for nothing


def test_the_hook_after_a_rotation_does_not_see_the_url(live: World, hook: Receiver, tmp_path: Path) -> None:
    adopted, seen = managed(live), tmp_path / "seen"
    configured(adopted, tmp_path, more=f'after = ["sh", "-c", "env > {seen}"]')
    done = execute(adopted, "rotate", "billing", "--no-wait", home=tmp_path, HOOK=hook.url(TOKEN))
    assert done.status == 0, done.told
    told(hook, "rotated")
    assert "PATH=" in seen.read_text("utf-8")
    assert TOKEN not in seen.read_text("utf-8")


def test_the_installed_command_tells_too_and_names_its_client_by_id(
    live: World, hook: Receiver, tmp_path: Path
) -> None:
    adopted = managed(live)
    configured(adopted, tmp_path)
    (tmp_path / "url").write_text(hook.url(TOKEN), encoding="utf-8")
    text = (tmp_path / "bridge.toml").read_text("utf-8").replace("env:HOOK", f"file:{tmp_path / 'url'}")
    (tmp_path / "bridge.toml").write_text(text, encoding="utf-8")
    done = execute(adopted, "rotate", adopted.client_id, "--no-wait", "-v", home=tmp_path)
    assert done.status == 0, done.told
    told(hook, "rotated")
    clean(done, adopted)

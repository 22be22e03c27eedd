"""Messages hold no secret, and nothing shows where they are sent."""

from __future__ import annotations

import re
import secrets
import signal
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, time, timedelta
from pathlib import Path

import pytest

from tests.canary.stage import Ran, Stage, leaks
from tests.unit.notify.receiver import ERROR, HANG, OK, Receiver, receiver
from tests.unit.notify.setting import configured

TOKEN = secrets.token_hex(20)


@pytest.fixture
def hook(stage: Stage) -> Iterator[Receiver]:
    with receiver() as found:
        stage.environ["HOOK"] = found.url(TOKEN)
        stage.secrets.add(TOKEN)
        yield found


def configuration(stage: Stage) -> str:
    path: Path = configured(stage.world, stage.directory)
    path.write_text(path.read_text("utf-8").replace('propagation = "1s"', 'propagation = "3s"'), encoding="utf-8")
    return str(path)


def assert_clean(stage: Stage, hook: Receiver, ran: Ran) -> None:
    """Of the URL its token is what nobody may see: other servers of this test have the same host."""
    ran = replace(ran, noted=frozenset(text for text in ran.noted if "127.0.0.1" not in text))
    stage.assert_clean(ran)
    for got in hook.got:
        assert leaks(got.body, stage.known(ran)) == []


@pytest.mark.parametrize("behaviour", [OK, ERROR, HANG])
def test_a_rotation_that_is_told_of_shows_no_secret(stage: Stage, hook: Receiver, behaviour: str) -> None:
    hook.behaviours = [behaviour]
    done = stage.run("rotate", "billing", "-v", "--adopt", "--no-wait", "--config", configuration(stage))
    assert done.status == 0, done.err
    assert len(hook.got) >= 1
    assert_clean(stage, hook, done)


def test_what_stopped_on_its_way_and_a_bug_are_told_without_a_secret(stage: Stage, hook: Receiver) -> None:
    from tests.canary.test_commands import crash

    config = configuration(stage)
    die = crash("bridge.auth0.management:Management.set_secret", after=True)
    done = stage.run("rotate", "billing", "-v", "--adopt", "--no-wait", "--config", config, crash=die)
    assert done.status == 3, done.err
    assert [got["event"] for got in hook.messages] == ["incomplete"]
    assert_clean(stage, hook, done)
    done = stage.run("status", "-v", "--notify", "--config", config)
    assert done.status == 0, done.err
    assert_clean(stage, hook, done)


def test_a_url_that_nothing_understands_is_not_shown(stage: Stage, hook: Receiver) -> None:
    for value in (f"nothing://{TOKEN}", TOKEN, f"json://[{TOKEN}"):
        done = stage.run("status", "-v", "--notify", "--config", configuration(stage), HOOK=value)
        assert "not notified: env:HOOK: " in done.err
        assert_clean(stage, hook, done)


def test_who_is_asked_to_stop_leaves_in_time_although_the_receiver_hangs(stage: Stage, hook: Receiver) -> None:
    hook.behaviours = [HANG]
    path = Path(configuration(stage))
    path.write_text(path.read_text("utf-8").replace('propagation = "3s"', 'propagation = "30s"'), encoding="utf-8")
    done = stage.run("rotate", "billing", "--adopt", "--config", str(path), send={"promote ": signal.SIGTERM})
    ended = datetime.now()  # noqa: DTZ005  # as the lines are stamped
    assert done.status == 0, done.err
    assert "result=rotated client=billing exit=0" in done.out
    assert "not notified: env:HOOK: " in done.err.partition("stopping as soon as it is safe")[2]
    (asked,) = re.findall(r"(\d\d:\d\d:\d\d) promote +vault", done.err)
    begun = datetime.combine(ended.date(), time.fromisoformat(asked))
    assert (ended - begun) % timedelta(days=1) < timedelta(seconds=10)
    assert_clean(stage, hook, done)

"""The table [watch]: every fault by its key."""

from __future__ import annotations

from typing import Any

import pytest

from bridge.config.watch import WatchSettings

WATCH = """
[watch]
address = "127.0.0.1:8160"

[watch.streams]
prod = "file:/run/secrets/stream"
"""
ADDRESS, STREAM = 'address = "127.0.0.1:8160"\n', 'prod = "file:/run/secrets/stream"'
CANARY = "a-plain-token-that-is-in-the-wrong-place"
LOOPBACK = "expected an address of this machine itself, such as 127.0.0.1:8150"


def test_it_is_read(load_text: Any, good: str) -> None:
    assert load_text(good).watch is None
    assert load_text(good + WATCH).watch == WatchSettings(("127.0.0.1", 8160), {"prod": "file:/run/secrets/stream"})


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        (ADDRESS, "", "watch.address: missing"),
        (ADDRESS, 'address = "0.0.0.0:8160"\n', f'watch.address: found "0.0.0.0:8160", {LOOPBACK}'),
        (ADDRESS, "address = 8160\n", "watch.address: found a number, expected a text"),
        (ADDRESS, f'{ADDRESS}adress = ""\n', "watch.adress: unknown key; did you mean address?"),
        (STREAM, "", "watch.streams: found an empty list, expected at least one"),
        (STREAM, STREAM.replace("prod", "prd"),
         'watch.streams.prd: no tenant of that name: found "prd", expected one of prod; did you mean prod?'),
        (STREAM, "prod = 7", "watch.streams.prod: found a number, expected a text"),
        (STREAM, f'prod = "{CANARY}"',
         ("watch.streams.prod: found a plain text (not shown), expected env:NAME, file:PATH, "
          "aws://REGION/NAME#KEY or vault://MOUNT/PATH#KEY")),
    ],
)  # fmt: skip
def test_one_fault_is_one_line(faults_of: Any, good: str, old: str, new: str, line: str) -> None:
    assert WATCH.count(old) == 1
    assert faults_of(good + WATCH.replace(old, new)) == (line,)

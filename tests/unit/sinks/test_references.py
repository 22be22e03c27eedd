"""References: where a secret is."""

from __future__ import annotations

import os
import traceback
from collections.abc import Iterator
from pathlib import Path

import pytest

from sinks.errors import BadAddress
from sinks.references import is_reference, resolve
from sinks.secret import Secret


@pytest.mark.parametrize(
    "text",
    [
        "env:NAME",
        "env:_a1",
        "file:/run/x",
        "file:~/key pem",
        "vault://secret/apps/x#k",
        "vault://kv/a",
        "aws://eu-west-1/a/b#k",
    ],
)
def test_what_is_a_reference(text: str) -> None:
    assert is_reference(text)


@pytest.mark.parametrize(
    "text",
    ["", "hunter2", "env:", "env:a-b", "env:1a", "env: A", "file:", "vault://x", "vault://x/", "vault://x/y#", "gcp://a/b",
     "env:A\n", "ENV:A"],
)  # fmt: skip
def test_what_is_none_and_is_not_shown(text: str) -> None:
    assert not is_reference(text)
    with pytest.raises(BadAddress, match="not shown") as caught:
        resolve(text, {})
    assert "hunter2" not in str(caught.value)


def test_a_variable_is_read() -> None:
    assert resolve("env:NAME", {"NAME": "value\n"}) == Secret("value\n")
    with pytest.raises(BadAddress, match="env:NAME: the variable is not set"):
        resolve("env:NAME", {})
    with pytest.raises(BadAddress, match="env:NAME: the variable is empty"):
        resolve("env:NAME", {"NAME": ""})


def test_a_file_is_read_without_the_one_line_break_at_its_end(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_bytes(b"line 1\nline 2\r\n")
    assert resolve(f"file:{path}", {}) == Secret("line 1\nline 2")
    assert resolve("file:~/key", {"HOME": str(tmp_path)}) == Secret("line 1\nline 2")


def test_a_file_that_cannot_be_had_says_why_and_shows_nothing(tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "binary").write_bytes(b"\xffhunter2")
    for name, why in (("none", "no such file"), ("empty", "is empty"), ("binary", "not text"), (".", "IsADirectory")):
        with pytest.raises(BadAddress, match=why) as caught:
            resolve(f"file:{tmp_path / name}", {})
        shown = "".join(traceback.format_exception(caught.value))
        assert "file:" in shown
        assert "hunter2" not in shown


@pytest.fixture
def nobody() -> Iterator[None]:
    """Be somebody who may not read every file, as root may."""
    before = os.geteuid()
    if before == 0:
        os.seteuid(65534)
    yield
    os.seteuid(before)


def test_a_file_that_may_not_be_read_says_so(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    path = tmp_path / "key"
    path.write_text("hunter2")
    path.chmod(0)
    request.getfixturevalue("nobody")
    with pytest.raises(BadAddress, match="may not be read"):
        resolve(f"file:{path}", {})


def test_a_vault_that_is_not_set_up_is_named_with_the_reference() -> None:
    with pytest.raises(BadAddress, match=r"vault://secret/x#k: VAULT_ADDR is not set"):
        resolve("vault://secret/x#k", {})

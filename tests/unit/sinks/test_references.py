"""References: where a secret is."""

from __future__ import annotations

import os
import socket
import time
import traceback
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sinks.errors import BadAddress
from sinks.references import flaw, for_header, is_reference, resolve
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
    assert resolve("env:NAME", {"NAME": "value"}) == Secret("value")
    with pytest.raises(BadAddress, match="env:NAME: the variable is not set"):
        resolve("env:NAME", {})
    with pytest.raises(BadAddress, match="env:NAME: the variable is empty"):
        resolve("env:NAME", {"NAME": ""})


def test_a_file_is_read_without_the_one_line_break_at_its_end(tmp_path: Path) -> None:
    path = tmp_path / "key"
    for end in (b"", b"\n", b"\r\n"):
        path.write_bytes(b"two words" + end)
        assert resolve(f"file:{path}", {}) == Secret("two words")
        assert resolve("file:~/key", {"HOME": str(tmp_path)}) == Secret("two words")


FLAWS = {
    "hunter2\n\n": "ends with a line break",
    "hunter2\r\n\r\n": "ends with a line break",
    "\nhunter2": "begins with a line break",
    "hun\nter2": "holds a line break",
    "hun\r\nter2": "holds a carriage return",
    "hun\rter2": "holds a carriage return",
    "hunter2\0": "ends with a NUL character",
    "hun\0ter2": "holds a NUL character",
    "hunter2\t": "ends with a tab",
    "hun\tter2": "holds a tab",
    " hunter2": "begins with a space",
    "hunter2 ": "ends with a space",
    " ": "begins with a space",
    "\ufeffhunter2": "begins with a byte order mark",
    "hun\ufeffter2": "holds a byte order mark",
    "hunter2\u200b": "ends with a character that cannot be printed",
    "hun\u202eter2": "holds a character that cannot be printed",
    "hunter2\x7f": "ends with a character that cannot be printed",
    "\x1b[31mhunter2": "begins with a character that cannot be printed",
    "hunter2\u2028": "ends with a character that cannot be printed",
    "hunter2\xa0": "ends with a character that cannot be printed",
}


@pytest.mark.parametrize("text", FLAWS)
@pytest.mark.parametrize("scheme", ["env", "file"])
def test_what_no_secret_holds_is_refused_by_the_reference_and_not_shown(tmp_path: Path, scheme: str, text: str) -> None:
    path = tmp_path / "key"
    path.write_bytes(text.encode())
    reference = "env:NAME" if scheme == "env" else f"file:{path}"
    with pytest.raises(BadAddress) as caught:
        resolve(reference, {"NAME": text})
    assert caught.value.message == f"{reference}: the value {FLAWS[text]}"
    assert reference in str(caught.value.hint)


def test_a_line_break_at_the_end_of_a_variable_is_refused() -> None:
    for end in ("\n", "\r\n", "\r"):
        with pytest.raises(BadAddress, match=r"env:NAME: the value ends with a (line break|carriage return)"):
            resolve("env:NAME", {"NAME": f"value{end}"})


def test_bytes_of_a_variable_that_are_no_text_are_refused() -> None:
    with pytest.raises(BadAddress, match="env:NAME: the value holds bytes that are not text in UTF-8"):
        resolve("env:NAME", {"NAME": os.fsdecode(b"hunter2\xff")})


@pytest.mark.parametrize("end", ["", "\n", "\n\n", "\r\n"])
def test_a_key_in_pem_form_has_lines(end: str, tmp_path: Path) -> None:
    path, text = tmp_path / "key", f"Bag Attributes\n-----BEGIN RSA KEY-----\r\n\tAAAA\n-----END RSA KEY-----{end}"
    path.write_bytes(text.encode())
    assert resolve("env:NAME", {"NAME": text}) == Secret(text)
    assert resolve(f"file:{path}", {}) == Secret(text.removesuffix("\n").removesuffix("\r"))
    with pytest.raises(BadAddress, match="holds a NUL"):
        resolve("env:NAME", {"NAME": f"{text}\0-----"})


@given(st.text())
def test_whatever_passes_can_be_printed_on_one_line(text: str) -> None:
    if flaw(text) is None and "-----BEGIN " not in text:
        assert text == text.strip()
        assert text.isprintable()


@given(st.text(st.characters(categories=["L", "N", "P", "S"])))
def test_letters_digits_and_signs_of_any_script_pass(text: str) -> None:
    assert flaw(text) is None


@pytest.mark.parametrize("text", ["two words", "passw\u00f6rd", "s.abc\u200b", "a\nb"])
def test_a_token_for_a_header_is_ascii_without_spaces(text: str) -> None:
    assert for_header("env:T", Secret("hvs.CAES-_=/+~")).reveal() == "hvs.CAES-_=/+~"
    with pytest.raises(BadAddress, match="env:T holds a"):
        for_header("env:T", Secret(text))


@pytest.mark.parametrize("kind", ["zero", "pipe", "socket", "directory", "huge", "below", "NUL"])
def test_only_a_regular_file_of_at_most_one_mib_is_read(tmp_path: Path, kind: str) -> None:
    path = tmp_path / kind
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "socket":
        with socket.socket(socket.AF_UNIX) as bound:
            bound.bind(str(path))
    elif kind == "directory":
        path.mkdir()
    else:
        path.write_bytes(b"x" * (2**20 + 1))
    named = {"zero": "/dev/zero", "below": f"{path}/x", "NUL": "/tmp/\0"}.get(kind, path)
    began = time.monotonic()
    with pytest.raises(BadAddress, match=r"is not a regular file|has more than 1 MiB|cannot be read"):
        resolve(f"file:{named}", {})
    assert time.monotonic() - began < 5


def test_a_file_of_exactly_one_mib_is_read(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_bytes(b"x" * 2**20)
    assert len(resolve(f"file:{path}", {}).reveal()) == 2**20
    (tmp_path / "link").symlink_to(path)  # as Kubernetes mounts secrets
    assert resolve(f"file:{tmp_path}/link", {}) == resolve(f"file:{path}", {})


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

"""Lines on a terminal of any width: broken between words, by one function, and nowhere else."""

from __future__ import annotations

import contextlib
import os
import pty
import shlex
import struct
import termios
from fcntl import ioctl

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.cli.output import json as as_json
from bridge.cli.output.console import Line, Tone, Whole, say
from bridge.cli.output.wrapping import commands, wrapped

COMMAND = "secret-bridge adopt AbC123 --sink vault://secret/apps/billing --sink aws://us-east-1/apps/billing"
TOLD = (
    "billing: Refused: fallback v1 (local://secret/apps/billing) / b4f20acd… (use1://apps/billing) stays until then",
    "  not checked                  who succeeded before the change: the log reaches back only 20 s; see: evidence",
    "10:15:28 promote  use1://apps/billing 8455fb4d… current, b4f20acd… fallback",
    "  unknown  whether AWS allows PutSecretValue, TagResource, UntagResource   [aws-permissions-unknown]",
    f"  -> take it over: {COMMAND}; or do without: --without-fallback",
    f"  Do           {COMMAND}      (safe to repeat, from any machine)",
)


@pytest.mark.parametrize("width", [60, 80, 140])
@pytest.mark.parametrize("text", TOLD)
def test_no_word_is_broken_and_every_line_fits(text: str, width: int) -> None:
    lines = wrapped(text, width)
    assert all(len(line) <= width for line in lines), lines
    assert " ".join(line.removesuffix(" \\") for line in lines).split() == text.split()
    assert all(line.startswith("  ") for line in lines[1:])


@given(st.text(st.characters(categories=["L", "N", "P", "Zs"]), max_size=300), st.integers(1, 120))
@settings(deadline=None)
def test_every_word_of_any_text_is_shown_once(text: str, width: int) -> None:
    assert "".join("".join(wrapped(text, width)).split()).replace("\\", "") == "".join(text.split()).replace("\\", "")


@pytest.mark.parametrize(
    ("text", "follows"),
    [
        ("10:15:28 promote  some words here that go on", 18),
        ("10:15:28 settling some words here that go on", 18),
        ("  -> some words here that go on and on and on", 5),
        ("  unknown  some words here that go on and on", 11),
        ("some words here that go on and on and on and on", 2),
        ("    some words here that go on and on and on", 6),
    ],
)
def test_what_follows_stands_under_the_text(text: str, follows: int) -> None:
    for line in wrapped(text, 40)[1:]:
        assert len(line) - len(line.lstrip()) == follows


def test_a_comment_of_a_configuration_file_is_one_in_each_line() -> None:
    lines = wrapped("  -> # in bridge.toml, under [vaults.local], if the address is another one", 40)
    assert [line[:7] for line in lines] == ["  -> # ", *["     # "] * (len(lines) - 1)]


@pytest.mark.parametrize("width", [40, 60, 80])
@pytest.mark.parametrize("text", TOLD[-2:])
def test_a_command_over_several_lines_can_be_copied_into_a_shell(text: str, width: int) -> None:
    shown = "\n".join(wrapped(text, width))
    copied = shown[shown.index("secret-bridge") :].replace("\\\n", " ").partition("\n")[0]
    assert shlex.split(copied.partition(";")[0].partition("(")[0]) == shlex.split(COMMAND)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("  -> secret-bridge resume billing", ["secret-bridge resume billing"]),
        ("look at it: secret-bridge history billing; then run it again", ["secret-bridge history billing"]),
        ("secret-bridge resume a, secret-bridge verify a", ["secret-bridge resume a", "secret-bridge verify a"]),
        ("it is managed by secret-bridge and by terraform", []),
    ],
)
def test_a_command_ends_where_the_sentence_goes_on(text: str, found: list[str]) -> None:
    assert [text[start:end] for start, end in commands(text)] == found


def on_a_terminal(line: str, columns: int, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return what a terminal of that width gets."""
    monkeypatch.delenv("COLUMNS", raising=False)
    master, slave = pty.openpty()
    ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 25, columns, 0, 0))
    with os.fdopen(slave, "w") as stream, contextlib.redirect_stderr(stream):
        say(line, err=True)
        stream.flush()
        shown = os.read(master, 65536).decode()
    os.close(master)
    return shown.replace("\r\n", "\n")


def test_a_line_is_wrapped_by_the_width_of_the_stream_that_it_goes_to(monkeypatch: pytest.MonkeyPatch) -> None:
    assert on_a_terminal(TOLD[0], 60, monkeypatch).splitlines() == wrapped(TOLD[0], 60)
    assert on_a_terminal(TOLD[0], 200, monkeypatch) == f"{TOLD[0]}\n"


def test_a_terminal_that_does_not_know_its_width_breaks_lines_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    assert on_a_terminal(TOLD[0], 0, monkeypatch) == f"{TOLD[0]}\n"


def test_a_tone_goes_on_in_the_next_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    shown = on_a_terminal(Line.of("a ", ("word " * 9, Tone.BAD), "end"), 30, monkeypatch)
    assert [line.count("\x1b[1;31m") for line in shown.splitlines()] == [1, 1]


def test_what_a_program_reads_and_what_is_pasted_is_never_wrapped(monkeypatch: pytest.MonkeyPatch) -> None:
    for line in (Whole("a word " * 30), as_json.line({"message": "a word " * 30})):
        assert on_a_terminal(line, 60, monkeypatch) == f"{line}\n"


def test_a_pipe_gets_each_line_whole(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    say(TOLD[0])
    assert capsys.readouterr().out == f"{TOLD[0]}\n"
